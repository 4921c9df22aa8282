/**
 * The ports of the controller: what it needs of the API server, of the cluster and of the streams. Adapters implement
 * them (src/cluster, src/stream) and import them from here; the controller imports no adapter.
 */
import { DistilleryError } from '@distillery/base';
import type { DeadItem, NatsAccess, WorkerRole } from '@distillery/protocol';

import type { DistillJob, DistillJobStatus, EventDraft } from '../api/index.js';
import type {
  ClusterObservation,
  InvalidJob,
  Plan,
  ClusterSlots,
  Snapshot,
  StoredStream,
  StreamObservation,
  StreamOwner,
} from '../domain/index.js';

export interface JobKey {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What is stored under a job's key. */
export type FoundJob =
  | { readonly kind: 'Valid'; readonly job: DistillJob }
  /** It breaks a rule of this version or of this installation. */
  | ({ readonly kind: 'Invalid' } & InvalidJob);

/** Where DistillJobs come from and where their status goes: the API server, or one file of a local run. */
export interface Jobs {
  /** null when the job is gone. */
  get(key: JobKey): Promise<FoundJob | null>;
  writeStatus(key: JobKey, status: DistillJobStatus): Promise<void>;
  recordEvents(key: JobKey, events: readonly EventDraft[]): Promise<void>;
  /** Our finalizer on the job: present before anything exists that owner references would not clean up. */
  setFinalizer(key: JobKey, present: boolean): Promise<void>;
  /** Deletes the job itself: its time after the end is over. */
  delete(key: JobKey): Promise<void>;
}

/** The part of a plan that is about processes. */
export type WorkersPlan = Pick<Plan, 'pools' | 'student'>;

/** How a role connects to the job's streams; called only when its credentials have to be written. */
export type AccessOf = (role: WorkerRole) => Promise<NatsAccess>;

/**
 * The processes of jobs: child processes on this machine, or objects of Kubernetes (I9). It reports facts and acts on
 * plans.
 */
export interface Cluster {
  observe(key: JobKey, job: DistillJob): Promise<ClusterObservation>;
  /** The slots that the teachers of all jobs share, as of now. */
  slots(): ClusterSlots;
  /**
   * Applies a plan; applying it twice has the effect of applying it once.
   * @returns Refused when the cluster rejects what the job asks for. The next observation holds the reason; do not retry.
   */
  apply(key: JobKey, job: DistillJob, plan: WorkersPlan, access: AccessOf): Promise<'Applied' | 'Refused'>;
  /** Ends every process of the job. @returns true when all of them are gone, false while some are still stopping */
  remove(key: JobKey): Promise<boolean>;
  /** Calls back with the job whose processes changed. Callbacks must only enqueue. */
  onChange(callback: (key: JobKey) => void): void;
}

type JobRef = Pick<JobKey, 'namespace' | 'uid'>;

/** The administrator of all jobs' streams. */
export interface Streams {
  /** Creates what is missing; loses nothing that is there. */
  provision(job: DistillJob): Promise<void>;
  /**
   * With the telemetry of these teachers, dated by `nowMs` and the server's clock; the workers' clocks are not trusted.
   */
  observe(
    job: JobRef,
    options: { readonly teachers: readonly string[]; readonly nowMs: number },
  ): Promise<StreamObservation>;
  /** Deletes logits below this sequence. */
  trim(job: JobRef, belowSequence: number): Promise<void>;
  deleteFrame(job: JobRef, sequence: number): Promise<void>;
  /** The newest of the work items that no teacher could do; null when it cannot be read. */
  newestDeadItem(job: JobRef): Promise<DeadItem | null>;
  /** Deletes all streams of the job; what is gone already is fine. */
  remove(job: JobRef): Promise<void>;
  access(role: WorkerRole, job: DistillJob): Promise<NatsAccess>;
}

/**
 * All streams of all accounts that the operator manages; `account` is a namespace, or null for the one account of all.
 */
export interface SweptStreams {
  /** Also accounts of namespaces without jobs; `problem` says why some of those may be missing. */
  accounts(): Promise<{ readonly accounts: readonly (string | null)[]; readonly problem: Error | null }>;
  list(account: string | null): Promise<readonly StoredStream[]>;
  mark(account: string | null, stream: string, owner: StreamOwner): Promise<void>;
  /** Deletes those that still carry the owner's mark. Resolves to the names of the deleted ones. */
  remove(account: string | null, owner: StreamOwner, streams: readonly string[]): Promise<readonly string[]>;
  close(namespace: string): Promise<void>;
}

/** The spec of a Lease; its times are V1MicroTime, for people to read. */
export interface LeaseRecord {
  /** Empty: vacant. */
  readonly holderIdentity: string;
  /** 0: not set. */
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

export interface StoredLease extends LeaseRecord {
  readonly resourceVersion: string;
}

/** `refused`: the lease does not have, or no longer has, the state that the writer expected. */
export type LeaseWrite = { readonly kind: 'written'; readonly lease: StoredLease } | { readonly kind: 'refused' };

/**
 * One coordination.k8s.io/v1 Lease with optimistic concurrency, which is all that leader election needs (leader.ts). A
 * call rejects when its effect is unknown: no answer, or a server error.
 */
export interface Leases {
  /** null when there is none. */
  get(signal: AbortSignal): Promise<StoredLease | null>;
  /** Refused when there is one. */
  create(record: LeaseRecord, signal: AbortSignal): Promise<LeaseWrite>;
  /** Refused when the Lease is gone, or has another version than `lease`. */
  replace(lease: StoredLease, signal: AbortSignal): Promise<LeaseWrite>;
}

/**
 * Whether no attempt of ours helps before somebody acts: the sentence says what to do and goes into the job's status.
 * Every other error is only tried again.
 */
export function isBlocking(error: unknown): error is DistilleryError {
  return error instanceof DistilleryError && error.retry === 'AfterSomebodyActs';
}

/**
 * Called after every decision was acted on: by the view, the decision log, tests. What it throws fails the reconcile.
 */
export type Observer = (snapshot: Snapshot, plan: Plan) => void;
