/**
 * The parts of a worker's pod that belong to the operator. A job's template may not change them (template.ts), and
 * rendering builds on them (src/render): both read them here, so that neither forgets a part.
 */
import { teacherDrainMs } from '@distillery/protocol';

export type PodRole = 'teacher' | 'student';

/** Name of the only container of a worker's pod. */
export const workerContainer = 'worker';

/** Names of our volumes begin so. */
export const ownVolumePrefix = 'distill-';

/** Names of our environment variables begin so. */
export const ownVariablePrefix = 'DISTILL_';

/**
 * The defaults of a worker's variables (docs/protocol.md "Environment"). A pod whose template has `envFrom` sets these by
 * name, too: otherwise one of them could come from there.
 */
export const variableDefaults: Readonly<Record<string, string>> = {
  DISTILL_NATS_CREDS_FILE: '',
  DISTILL_NATS_USER: '',
  DISTILL_NATS_PASSWORD_FILE: '',
  DISTILL_NATS_TOKEN_FILE: '',
  DISTILL_NATS_CA_FILE: '',
  DISTILL_NATS_CERT_FILE: '',
  DISTILL_NATS_KEY_FILE: '',
  DISTILL_POOL: '',
  DISTILL_THREADS: '1',
  DISTILL_RUNTIME: 'auto',
  DISTILL_NATIVE_FOLDER: '',
  DISTILL_FOLDER: '',
  DISTILL_CACHE_FOLDER: '',
  DISTILL_CACHE_BYTES: '',
  DISTILL_DATASET_CREDENTIALS: '',
  DISTILL_MODEL_CREDENTIALS: '',
  DISTILL_CHECKPOINT_CREDENTIALS: '',
  DISTILL_OUTPUT_CREDENTIALS: '',
  DISTILL_TERMINATION_LOG: '/dev/termination-log',
  DISTILL_OWNER_PIPE: '0',
  DISTILL_LOG_LEVEL: 'info',
};

/** Folders that we mount into a worker's container. */
export const workerFolders = {
  /** Folder of the manifest. */
  job: '/etc/distillery',
  /** Folder of the role's credentials for the streams. */
  nats: '/var/run/distillery/nats',
  /** Scratch space, which is lost with the pod. */
  work: '/work',
  temporary: '/tmp',
  /** Claims that are read, each in a folder with the claim's name. */
  claims: '/mnt/pvc',
  /** ConfigMaps that hold model files, each in a folder with the ConfigMap's name. */
  configMaps: '/mnt/configmap',
  /** Copies of remote files, which are lost with the pod. */
  cache: '/var/cache/distillery',
  /** Credentials of remote places: a folder each for the data set, the role's model, checkpoints and the result. */
  secrets: '/var/run/distillery/places',
  /** Claims that the student writes. */
  outputs: '/mnt/pvc-out',
} as const;

/**
 * Folders besides ours that a template may not mount over: the image's code, mounts of the container runtime, and `/run`,
 * to which `/var/run` links.
 */
export const reservedFolders: readonly string[] = [
  ...Object.values(workerFolders),
  '/app',
  '/dev',
  '/proc',
  '/sys',
  '/run/distillery',
];

/**
 * Seconds from SIGTERM to SIGKILL. A teacher returns its items within the protocol's drain time, and a student ends its
 * step and writes a checkpoint; the rest is a margin for a busy node. A worker that is done ends at once.
 */
export const graceSeconds: Readonly<Record<PodRole, number>> = {
  teacher: Math.ceil(teacherDrainMs / 1_000) + 8,
  student: 30,
};

/** Annotation: among otherwise equal pods, a ReplicaSet deletes the one with the lowest cost first (KEP-2255). */
export const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

/** Annotation: whether the cluster autoscaler may evict the pod and remove its node. */
export const safeToEvictAnnotation = 'cluster-autoscaler.kubernetes.io/safe-to-evict';
