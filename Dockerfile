# The images, one target each: one Node process, no shell needed, any uid, read-only root. A release has operator and worker-cpu.
#
#   operator   docker build --target operator --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) \
#                -t distillery/operator .
#   worker-cpu    teacher and student, on CPUs: the pod's arguments say which
#              docker build --target worker-cpu --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) \
#                -t distillery/worker .
#   teacher-gpu   the same with CUDA 13, cuDNN 9 and the provider of ONNX Runtime: teachers in ONNX on NVIDIA devices (driver
#              580 or newer). It holds libraries under NVIDIA's own terms (/usr/local/share/licenses), so no release contains it.
#              docker build --target teacher-gpu -t distillery/teacher-gpu .
#   student-gpu   worker-cpu with TensorFlow and CUDA 12 for the runtime cuda, as `npm run native -- --cuda` built it on this machine
#              (4.3 GB more, amd64 alone, driver 525 or newer): students, and teachers in other formats than ONNX, on NVIDIA devices. It
#              holds libraries under NVIDIA's own terms (/usr/local/lib/tensorflow/licenses), so no release contains it.
#              docker build --target student-gpu --build-context tensorflow="$(npm run --silent native -- --cuda)" \
#                -t distillery/student-gpu .
#   worker-native   worker-cpu with TensorFlow for the runtime native, as `npm run native` built it on this machine (640 MB, amd64 alone):
#              docker build --target worker-native --build-context tensorflow="$(npm run --silent native)" \
#                -t distillery/worker-native .
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
COPY packages/tracing/package.json packages/tracing/
COPY workers/package.json workers/
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm npm ci

FROM packages AS sources
COPY LICENSE THIRD-PARTY-NOTICES tsconfig.base.json ./
COPY scripts/image scripts/image
COPY scripts/programs scripts/programs
COPY packages packages

FROM sources AS operator-build
COPY src src
RUN node_modules/.bin/tsc -b src --sourceMap false \
 && node_modules/.bin/node scripts/image/stage.ts operator /image

FROM sources AS worker-build
COPY workers workers
RUN node_modules/.bin/tsc -b workers --sourceMap false \
 && node_modules/.bin/node scripts/image/stage.ts worker /image

# Amd64 alone: there are no wheels with the provider for other processors.
FROM packages AS cuda-libraries
COPY scripts/image/cuda-libraries.ts scripts/image/
# For a mirror with an authority of its own.
ARG NODE_EXTRA_CA_CERTS=
ARG PIP_INDEX_URL=https://pypi.org/simple
RUN node_modules/.bin/node scripts/image/cuda-libraries.ts /cuda

FROM ${RUNTIME_BASE} AS worker-cpu
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

FROM worker-cpu AS teacher-gpu
COPY --from=cuda-libraries /cuda/cuda/ /usr/local/lib/cuda/
COPY --from=cuda-libraries /cuda/licenses/ /usr/local/share/licenses/
# Beside the library of onnxruntime, which looks for them there.
COPY --from=cuda-libraries /cuda/provider/ /app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/
# The container runtime of NVIDIA mounts the driver's libraries and adds their folder itself.
# No NVIDIA_VISIBLE_DEVICES: the device plugin names the devices of a pod, and a pod that requests none must see none.
ENV LD_LIBRARY_PATH=/usr/local/lib/cuda \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
LABEL org.opencontainers.image.title="Distillery teacher (CUDA 13)" \
      org.opencontainers.image.description="Teacher processes of a DistillJob on NVIDIA devices" \
      org.opencontainers.image.licenses="Apache-2.0 AND LicenseRef-NVIDIA-CUDA-EULA"

FROM worker-cpu AS worker-native
# A folder that the builder names (--build-context), no image. A worker looks there by itself (`imageNativeFolder`).
COPY --from=tensorflow / /usr/local/lib/tensorflow/
LABEL org.opencontainers.image.title="Distillery worker (TensorFlow on CPUs)" \
      org.opencontainers.image.description="Teacher and student processes of a DistillJob, with TensorFlow"

FROM worker-cpu AS student-gpu
# As above, from a build for CUDA. Its libraries find those of NVIDIA by themselves, and the container runtime mounts the driver's.
COPY --from=tensorflow / /usr/local/lib/tensorflow/
# No NVIDIA_VISIBLE_DEVICES, as in teacher-gpu.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
LABEL org.opencontainers.image.title="Distillery student (CUDA 12)" \
      org.opencontainers.image.description="Student processes of a DistillJob on NVIDIA devices" \
      org.opencontainers.image.licenses="Apache-2.0 AND LicenseRef-NVIDIA-CUDA-EULA"

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
