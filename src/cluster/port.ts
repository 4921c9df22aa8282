/**
 * The Cluster port: observe a job's processes, and act on what a plan wants of them. The reconcile code is the same over
 * every adapter (I9): child processes on this machine, or Kubernetes.
 */
import type { Manifest, NatsAccess, WorkerRole } from '@distillery/protocol';

import type { DistillJob } from '../api/index.js';
import type { ClusterObservation, InvalidJob, PoolPlan, ClusterSlots } from '../domain/index.js';

export interface JobKey {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What a plan wants of the cluster for one job; applying it twice is applying it once. */
export interface DesiredWorkers {
  readonly key: JobKey;
  /** Its owner, its pools and the templates of its pods. */
  readonly job: DistillJob;
  readonly manifest: Manifest;
  /** How a role reaches the job's streams; asked for only when it has to be written down. */
  readonly access: (role: WorkerRole) => Promise<NatsAccess>;
  readonly pools: readonly PoolPlan[];
  readonly student: 'Run' | 'Stop';
  /** Student errors until the job is failed; disruptions are never charged. */
  readonly backoffLimit: number;
}

/** What stands under a job's key. */
export type FoundJob =
  | { readonly kind: 'Valid'; readonly job: DistillJob }
  /** Stored under other rules than this version's. */
  | ({ readonly kind: 'Invalid' } & InvalidJob);

export interface Cluster {
  observe(key: JobKey, job: DistillJob): Promise<ClusterObservation>;
  /** What the teachers of all jobs draw on, as of now. */
  slots(): ClusterSlots;
  /** Refused: what was asked for cannot be, and the next observation says why; another try of the same will not help. */
  apply(desired: DesiredWorkers): Promise<'Applied' | 'Refused'>;
  /** Ends every process of the job. @returns true when all are really gone, false while some are still going */
  remove(key: JobKey): Promise<boolean>;
  /** Calls back with the job whose processes changed. Callbacks only enqueue. */
  onChange(callback: (key: JobKey) => void): void;
}
