/** What the controller needs of the rooms it joins; small interfaces, where they are consumed. */
import { DistilleryError } from '@distillery/base';
import type { DeadItem, NatsAccess, WorkerRole } from '@distillery/protocol';

import type { DistillJob, DistillJobStatus, EventDraft } from '../api/index.js';
import type { FoundJob, JobKey } from '../cluster/index.js';
import type { Plan, Snapshot, StoredStream, StreamObservation, StreamOwner } from '../domain/index.js';

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

type JobRef = Pick<JobKey, 'namespace' | 'uid'>;

/** The administrator of all jobs' streams. */
export interface Streams {
  /** Creates what is missing; loses nothing that is there. */
  provision(job: DistillJob): Promise<void>;
  /** With the telemetry of these teachers, dated by `nowMs` and the server's clock; the workers' clocks are not trusted. */
  observe(
    job: JobRef,
    options: { readonly teachers: readonly string[]; readonly nowMs: number },
  ): Promise<StreamObservation>;
  /** Deletes logits below this sequence. */
  trim(job: JobRef, belowSequence: number): Promise<void>;
  deleteFrame(job: JobRef, sequence: number): Promise<void>;
  /** Some work items that no teacher could do. */
  deadItems(job: JobRef): Promise<readonly DeadItem[]>;
  /** Deletes all streams of the job; what is gone already is fine. */
  remove(job: JobRef): Promise<void>;
  access(role: WorkerRole, job: DistillJob): Promise<NatsAccess>;
}

/** All streams of all accounts that the operator manages; `account` is a namespace, or null for the one account of all. */
export interface SweptStreams {
  /** Also accounts of namespaces without jobs; `problem` says why some of those may be missing. */
  accounts(): Promise<{ readonly accounts: readonly (string | null)[]; readonly problem: Error | null }>;
  list(account: string | null): Promise<readonly StoredStream[]>;
  mark(account: string | null, stream: string, owner: StreamOwner): Promise<void>;
  /** Deletes those that still carry the owner's mark. Resolves to the names of the deleted ones. */
  remove(account: string | null, owner: StreamOwner, streams: readonly string[]): Promise<readonly string[]>;
  close(namespace: string): Promise<void>;
}

/**
 * Whether no attempt of ours helps before somebody acts: the sentence says what to do and goes into the job's status. Every
 * other error is only tried again.
 */
export function isHindrance(error: unknown): error is DistilleryError {
  return error instanceof DistilleryError && error.retry === 'AfterSomebodyActs';
}

/** Told of every decision after it was acted on: the view, the decision log, tests. What it throws fails the reconcile. */
export type Observer = (snapshot: Snapshot, plan: Plan) => void;
