# Both images of a release, one target each: one Node process, no shell needed, any uid, read-only root.
#
#   operator   docker build --target operator --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) \
#                -t distillery/operator .
#   worker     the CPU worker, teacher and student: the pod's arguments say which
#              docker build --target worker --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) \
#                -t distillery/worker .
#
# A private npm registry comes in as a secret and stays in no layer: --secret id=npmrc,src=$HOME/.npmrc

# Digests of indexes for all platforms; `npm test` fails on a base without one.
ARG BUILD_BASE=node:24.18.0-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
# Needs libc and libstdc++, nothing else.
ARG RUNTIME_BASE=debian:bookworm-slim@sha256:96e378d7e6531ac9a15ad505478fcc2e69f371b10f5cdf87857c4b8188404716

FROM ${BUILD_BASE} AS packages
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY packages/base/package.json packages/base/
COPY packages/nats/package.json packages/nats/
COPY packages/platform/package.json packages/platform/
COPY packages/presets/package.json packages/presets/
COPY packages/protocol/package.json packages/protocol/
COPY workers/package.json workers/
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm npm ci

FROM packages AS sources
COPY LICENSE THIRD-PARTY-NOTICES tsconfig.base.json ./
COPY scripts/image scripts/image
COPY packages packages

FROM sources AS operator-build
COPY src src
RUN node_modules/.bin/tsc -b src --sourceMap false \
 && node_modules/.bin/node scripts/image/stage.ts operator /image

FROM sources AS worker-build
COPY workers workers
RUN node_modules/.bin/tsc -b workers --sourceMap false \
 && node_modules/.bin/node scripts/image/stage.ts worker /image

FROM ${RUNTIME_BASE} AS worker
# What changes least comes first: two versions share the layers of Node and of the packages.
COPY --from=worker-build /image/etc/ /etc/
COPY --from=worker-build /image/node/ /usr/local/bin/
COPY --from=worker-build /image/packages/ /app/
COPY --from=worker-build /image/app/ /app/
WORKDIR /app
USER 10001:10001
ENV NODE_ENV=production
# packages/protocol/src/quiet.ts: for a container that is started by hand; pods get it from the operator.
ENV ORT_DISABLE_TELEMETRY=1
ENTRYPOINT ["/usr/local/bin/node", "--disable-warning=ExperimentalWarning"]
CMD ["dist/workers/teacher/main.js"]
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Distillery worker (CPU)" \
      org.opencontainers.image.description="Teacher and student processes of a DistillJob" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"

# Last, so that a build without a target makes the operator.
FROM ${RUNTIME_BASE} AS operator
# What changes least comes first: two versions share the layers of Node and of the packages.
COPY --from=operator-build /image/etc/ /etc/
COPY --from=operator-build /image/node/ /usr/local/bin/
COPY --from=operator-build /image/packages/ /app/
COPY --from=operator-build /image/app/ /app/
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
