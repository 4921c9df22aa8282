.DEFAULT_GOAL := help
.PHONY: help build test lint generate verify bench cluster clean
npm := npm run --silent

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

node_modules: package.json package-lock.json workers/package.json $(wildcard packages/*/package.json)
	npm ci
	@touch node_modules

build: node_modules ## Compile everything into dist/
	@$(npm) build

test: node_modules ## Run every test
	@npm test --silent

lint: node_modules ## Style, types, boundaries between rooms, unused code
	@$(npm) lint

generate: node_modules ## Write the generated files: API types, reference, test vectors
	@$(npm) generate

verify: node_modules lint ## Fail when a generated file differs from its source
	@$(npm) verify

bench: node_modules ## Measure; a table and bench-results/*.json
	@$(npm) bench

cluster: node_modules ## A cluster for a person, with a running operator; Ctrl-C ends it
	@$(npm) cluster

clean: ## Remove what was built
	rm -rf dist packages/*/dist .cache coverage bench-results
