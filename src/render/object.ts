/** The shape of what is rendered for Kubernetes, and what the operator's configuration decides about it. */
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

/** Images of workers, by what their pods request. A job's template may name another one. */
interface WorkerImages {
  readonly cpu: string;
  /** Of pods that request an accelerator. */
  readonly gpu: string;
}

/** What is the same for the workers of every job. */
export interface WorkerSettings {
  readonly images: WorkerImages;
  /** Patterns of the resources that are accelerators. */
  readonly accelerators: readonly string[];
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Of teachers: below −10, preemptionPolicy Never (design §5). */
  readonly teacherPriorityClass: string;
  /** As pods reach it: nats://host:port[,…]. Its ports are what the NetworkPolicy lets out. */
  readonly natsUrl: string;
  /** Where NATS knows workers by user and password: their users. Absent: each role of a job has its own .creds file. */
  readonly natsUsers?: Readonly<Record<PodRole, string>>;
}

/** Part of an object, as plain JSON. */
export type Fields = Readonly<Record<string, unknown>>;
