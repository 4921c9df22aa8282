/** The shape of rendered Kubernetes objects, and the operator's settings that rendering uses. */
import type { NatsTls } from '@distillery/protocol';

import type { PodRole } from '../api/index.js';

/** An object as server-side apply takes it: plain JSON, only the fields that we own. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly OwnerReference[];
  };
  readonly [field: string]: unknown;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: true;
  readonly blockOwnerDeletion: true;
}

/** Images of workers, by the resources of their pods. A job's template may name another one. */
interface WorkerImages {
  readonly cpu: string;
  /** Of teachers that request an accelerator. */
  readonly gpu: string;
  /** Of students that request one: they train with libraries of another kind. */
  readonly studentGpu: string;
}

/** Settings that the workers of all jobs share. */
export interface WorkerSettings {
  readonly images: WorkerImages;
  /** Patterns of resource names that are accelerators. */
  readonly accelerators: readonly string[];
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** PriorityClass of teachers: value below −10, preemptionPolicy Never (design §5). */
  readonly teacherPriorityClass: string;
  /** Size limit of the volume with copies of remote files. */
  readonly cacheGib: number;
  /** TCP ports of S3 servers, which the NetworkPolicy of a job with `s3://` opens. */
  readonly bucketPorts: readonly number[];
  /** Address for pods: nats://host:port[,…]. The NetworkPolicy allows its ports. */
  readonly natsUrl: string;
  /** Users of the workers if NATS authenticates them by password. Absent: each role of a job has its own .creds file. */
  readonly natsUsers?: Readonly<Record<PodRole, string>>;
  /** The parts of `NatsTls` that the job's Secret holds. Absent: none. */
  readonly natsTls?: readonly (keyof NatsTls)[];
  /** The collector that workers send spans to, and the fraction of steps that they trace. null or absent: none. */
  readonly tracing?: { readonly endpoint: string; readonly ratio: number } | null;
}

/** Part of an object, as plain JSON. */
export type Fields = Readonly<Record<string, unknown>>;
