/**
 * The Cluster port: observe a job's processes, and act on what a plan wants of them. The reconcile code is the same over
 * every adapter (DESIGN I9): child processes on this machine, or Kubernetes.
 */
import type { ClusterObservation } from '../domain/index.js';
import type { Manifest } from '../protocol/index.js';

export interface JobKey {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface NatsAccess {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

/** What a plan wants of the cluster for one job; applying it twice is applying it once. */
export interface DesiredWorkers {
  readonly key: JobKey;
  readonly manifest: Manifest;
  readonly access: { readonly teacher: NatsAccess; readonly student: NatsAccess };
  readonly pools: readonly { readonly name: string; readonly replicas: number }[];
  readonly student: 'Run' | 'Stop';
  /** Student errors until the job is failed; disruptions are never charged. */
  readonly backoffLimit: number;
}

export interface Cluster {
  observe(key: JobKey, pools: readonly string[]): Promise<ClusterObservation>;
  apply(desired: DesiredWorkers): Promise<void>;
  /** Ends everything of the job; resolves when it is really gone. */
  remove(key: JobKey): Promise<void>;
  /** Calls back with the job whose processes changed. Callbacks only enqueue. */
  onChange(callback: (key: JobKey) => void): void;
}
