/**
 * What of a worker's pod is the operator's own. A job's template may not touch it (template.ts), and rendering builds on
 * it (src/render): both read it here, so that neither can forget a part.
 */
import { teacherDrainMs } from '@distillery/protocol';

export type PodRole = 'teacher' | 'student';

/** The one container of a worker's pod. */
export const workerContainer = 'worker';

/** Names of our volumes begin so. */
export const ownVolumePrefix = 'distill-';

/** Names of our environment variables begin so. */
export const ownVariablePrefix = 'DISTILL_';

/**
 * What a worker takes for a variable that nothing sets (docs/protocol.md "Environment"). A pod whose template brings
 * variables by the lot (`envFrom`) sets these too: otherwise one of them could come from there.
 */
export const variableDefaults: Readonly<Record<string, string>> = {
  DISTILL_NATS_CREDS_FILE: '',
  DISTILL_NATS_USER: '',
  DISTILL_NATS_PASSWORD_FILE: '',
  DISTILL_NATS_TOKEN_FILE: '',
  DISTILL_POOL: '',
  DISTILL_THREADS: '1',
  DISTILL_RUNTIME: 'auto',
  DISTILL_FOLDER: '',
  DISTILL_TERMINATION_LOG: '/dev/termination-log',
  DISTILL_OWNER_PIPE: '0',
  DISTILL_LOG_LEVEL: 'info',
};

/** Folders that we mount into a worker's container. */
export const workerFolders = {
  /** Of the manifest. */
  job: '/etc/distillery',
  /** Of the role's key to the streams. */
  nats: '/var/run/distillery/nats',
  /** What a worker may write and loses with its pod. */
  work: '/work',
  temporary: '/tmp',
  /** Claims that are read, each in a folder of its name. */
  claims: '/mnt/pvc',
  /** ConfigMaps that hold model files, each in a folder of its name. */
  configMaps: '/mnt/configmap',
  /** Claims that the student writes. */
  outputs: '/mnt/pvc-out',
} as const;

/** Besides our folders: the image's code, what the container runtime mounts, and `/run`, which is what `/var/run` means. */
export const reservedFolders: readonly string[] = [
  ...Object.values(workerFolders),
  '/app',
  '/dev',
  '/proc',
  '/sys',
  '/run/distillery',
];

/**
 * Seconds from SIGTERM to SIGKILL. A teacher gives back what it holds within the protocol's drain time, and a student
 * ends the step and writes a checkpoint; the rest is room for a node that is busy. Neither is held longer than it needs.
 */
export const graceSeconds: Readonly<Record<PodRole, number>> = {
  teacher: Math.ceil(teacherDrainMs / 1_000) + 8,
  student: 30,
};

/** Of pods that are alike otherwise, a ReplicaSet asks the one with the lowest cost to go (KEP-2255). */
export const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

/** Whether the cluster autoscaler may remove the pod's node. */
export const safeToEvictAnnotation = 'cluster-autoscaler.kubernetes.io/safe-to-evict';
