# The operator: one Node process, no shell needed, any uid, read-only root.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) -t distillery/operator .
#
# A private npm registry comes in as a secret and stays in no layer: --secret id=npmrc,src=$HOME/.npmrc
# The stage `packages` is that of workers/Dockerfile, so that a builder runs it once for both.

# Digests of indexes for all platforms; `npm test` fails on a base without one.
ARG BUILD_BASE=node:24.18.0-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
# Needs libc and libstdc++, nothing else.
ARG RUNTIME_BASE=debian:bookworm-slim@sha256:96e378d7e6531ac9a15ad505478fcc2e69f371b10f5cdf87857c4b8188404716

FROM ${BUILD_BASE} AS packages
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY packages/base/package.json packages/base/
COPY packages/platform/package.json packages/platform/
COPY packages/protocol/package.json packages/protocol/
COPY workers/package.json workers/
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm npm ci

FROM packages AS build
COPY LICENSE tsconfig.base.json ./
COPY scripts/image scripts/image
COPY packages packages
COPY src src
RUN node_modules/.bin/tsc -b src --sourceMap false \
 && node_modules/.bin/node scripts/image/stage.ts operator /image

FROM ${RUNTIME_BASE}
# What changes least comes first: two versions share the layers of Node and of the packages.
COPY --from=build /image/etc/ /etc/
COPY --from=build /image/node/ /usr/local/bin/
COPY --from=build /image/packages/ /app/
COPY --from=build /image/app/ /app/
WORKDIR /app
USER 10001:10001
ENV NODE_ENV=production
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/node", "--disable-warning=ExperimentalWarning"]
CMD ["dist/src/operator/main.js"]
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Distillery operator" \
      org.opencontainers.image.description="Runs DistillJobs: elastic knowledge distillation on Kubernetes" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"
