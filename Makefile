.DEFAULT_GOAL := help
.PHONY: help build test lint graph generate kustomize verify workflows scan coverage release-dry-run bench cluster clean
npm := npm run --silent

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

node_modules: package.json package-lock.json workers/package.json $(wildcard packages/*/package.json)
	npm ci
	@touch node_modules

build: node_modules ## Compile everything into dist/
	@$(npm) build

test: node_modules ## Run every test
	@npm test --silent

lint: node_modules ## Style, types, boundaries between rooms, unused code, spelling, phrases
	@$(npm) lint

graph: node_modules ## The import graph of the rooms; fails on circles and on arrows that run up
	@$(npm) graph

generate: node_modules ## Write the generated files: API types, reference, test vectors
	@$(npm) generate

kustomize: node_modules ## Write kustomize/base from the chart (needs go)
	@$(npm) kustomize

verify: node_modules lint workflows ## Lint, and fail when a generated file differs from its source
	@$(npm) verify
	@$(npm) kustomize -- --check

workflows: node_modules ## Check .github/workflows with actionlint (needs go)
	@$(npm) workflows

scan: node_modules ## Scan what is shipped for known vulnerabilities; docs/release.md says how to get the database (needs go)
	@$(npm) scan

coverage: node_modules ## Unit and property tests with coverage, into coverage/
	@$(npm) coverage

release-dry-run: node_modules ## Make what a release publishes, into dist/release; publishes nothing
	@$(npm) release

bench: node_modules ## Measure; a table and bench-results/*.json
	@$(npm) bench

cluster: node_modules ## A cluster for a person, with a running operator; Ctrl-C ends it
	@$(npm) cluster

clean: ## Remove what was built
	rm -rf dist packages/*/dist .cache coverage bench-results
