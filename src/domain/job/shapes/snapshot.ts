/**
 * What one decision sees: everything observed at one time, and nothing else (I6). Plain JSON, so that a snapshot
 * can be logged and replayed.
 */
import {
  type DeadItem,
  type LogitsReader,
  type Reference,
  type StudentState,
  type TeacherState,
  telemetryStaleMs,
} from '@distillery/protocol';

import type { DistillJob, Engine } from '../../../api/index.js';
import type { Grant } from '../../allocation/index.js';
import type { PodNeeds } from '../../ledger/index.js';
import type { Limited } from './limits.js';
import type { Policy } from './policy.js';

/** What was observed of one job: all that its request for teachers depends on. */
export interface JobObservation {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Engines differ in the jobs that they can run. */
  readonly engine: Engine;
  /** The job within the administrator's limits. */
  readonly job: DistillJob;
  /** What the limits changed or refused; absent = nothing. */
  readonly limited?: Limited;
  /** Absent = the defaults. */
  readonly policy?: Policy;
  readonly cluster: ClusterObservation;
  readonly streams: StreamObservation;
  /** One of the work items that no teacher could do; null when there is none. */
  readonly deadItem: DeadItem | null;
}

export interface Snapshot extends JobObservation {
  /** This job's grants of the last allocation, by pool. */
  readonly grants: readonly Grant[];
}

/** The job's processes, as the cluster reports them. */
export interface ClusterObservation {
  readonly pools: readonly PoolObservation[];
  readonly student: StudentObservation;
  /** Something of the job still exists: a process, or an object that would start one. */
  readonly remains: boolean;
  /** Why the cluster refuses what this generation of the job requests, until the job changes; null when it does not. */
  readonly refusal: string | null;
  /** Whether the operator can read Kueue's Workloads; absent = unknown. */
  readonly kueue?: KueueSupport;
  /** Autoscalers of others that set the replicas of the job's Deployments; absent = none. */
  readonly autoscalers?: readonly ForeignAutoscaler[];
  /** Slots held × seconds since the job began. */
  readonly usage: { readonly teacherSlotSeconds: number; readonly studentSlotSeconds: number };
}

/** NotServed: no Kueue. TooOld: only an older version of its API. NotReadable: the operator lacks the right. */
export type KueueSupport = 'Served' | 'NotServed' | 'TooOld' | 'NotReadable' | 'Unknown';

export interface ForeignAutoscaler {
  /** What a person made: KEDA makes a HorizontalPodAutoscaler of each ScaledObject. */
  readonly kind: 'HorizontalPodAutoscaler' | 'ScaledObject';
  readonly name: string;
  readonly deployment: string;
}

export interface PoolObservation {
  readonly name: string;
  /** What one more teacher requests of a node; pools with equal needs share one object. */
  readonly needs: PodNeeds;
  /** The resource that is counted in slots: `nvidia.com/gpu` or `cpu`. */
  readonly resource: string;
  readonly pods: readonly ObservedTeacher[];
  /**
   * Since when a teacher has no place, in milliseconds since 1970: the creation of the oldest one for which the scheduler has found no
   * node, or since when Kubernetes creates no pod, for a quota or an admission webhook. null = there is none.
   */
  readonly unplacedSinceMs: number | null;
  /** Teachers that ended although the operator did not stop them. */
  readonly disruptions: number;
  /** Teachers that failed one after the other, with no running teacher in between. */
  readonly failuresInARow: number;
  /** How the last disrupted teacher ended; null when there is none, or when a signal ended it. */
  readonly lastError: EndedProcess | null;
  /** LocalQueue of its Deployment, named by the job or not; null or absent = none. */
  readonly queue?: string | null;
  /** What Kueue says of a teacher that waits for quota; absent or empty = nothing. */
  readonly quotaMessage?: string;
}

export interface ObservedTeacher {
  readonly name: string;
  /** null until it is bound. */
  readonly node: string | null;
  readonly terminating: boolean;
  readonly ready: boolean;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  /** Held by a scheduling gate of Kueue until there is quota; absent = not held. */
  readonly gated?: boolean;
}

export interface EndedProcess {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  /** Its termination message. */
  readonly message: string;
}

export interface StudentObservation {
  /** BackingOff: it failed and waits for its next attempt. */
  readonly phase: 'Absent' | 'Running' | 'BackingOff' | 'Succeeded' | 'Failed';
  /** Number of processes started. */
  readonly starts: number;
  /** Ends that count against backoffLimit. */
  readonly failures: number;
  /** Ends that do not: signals from outside, evictions, lost nodes; null = derived from the attempts (status.ts). */
  readonly disruptions: number | null;
  /** How the last attempt ended; null when there is none, or when a signal from outside ended it. */
  readonly lastError: EndedProcess | null;
  /** The queue of Kueue that the student's Job is in; null or absent = none, or no Job. */
  readonly queue?: StudentQueue | null;
}

export interface StudentQueue {
  /** Its LocalQueue. */
  readonly name: string;
  /** Kueue lets the Job run. */
  readonly admitted: boolean;
  /** Kueue's object for the Job; null = Kueue has not made it, or the operator cannot see it. */
  readonly workload: {
    readonly name: string;
    /** False = Kueue lets it rest until somebody sets it to true. */
    readonly active: boolean;
    readonly stoppedByUs: boolean;
    /** Why it waits, in Kueue's words; empty while Kueue has said nothing. */
    readonly message: string;
  } | null;
}

/** The job's streams and what its workers wrote to them. The observation of the stream room has this shape. */
export type StreamObservation =
  { readonly state: 'Unreachable'; readonly reason: string } | { readonly state: 'Absent' } | PresentStreams;

export interface PresentStreams {
  readonly state: 'Present';
  /** Missing streams and consumers. */
  readonly missing: readonly string[];
  readonly work: { readonly messages: number; readonly pending: number; readonly ackPending: number };
  readonly logits: {
    readonly messages: number;
    readonly bytes: number;
    readonly firstSequence: number;
    readonly lastSequence: number;
  };
  readonly dead: { readonly messages: number };
  /** Telemetry of the student process that owns the checkpoint. */
  readonly student: StudentState | null;
  /** Every process that reads the logits. */
  readonly readers: readonly LogitsReader[];
  readonly teachers: readonly TeacherState[];
  /** The first teacher's answer to the self-test; null until one has answered. */
  readonly reference: Reference | null;
}

/** Teachers by pool that label now. */
export type ReadyTeachers = ReadonlyMap<string, readonly TeacherState[]>;

/**
 * The teachers of each pool that label now: their pod exists and their latest telemetry is fresh and says Ready. The pod
 * must exist because a new process may get the name of one that is gone.
 */
export function readyTeachers({ cluster, streams, nowMs }: JobObservation): ReadyTeachers {
  const reported = streams.state === 'Present' ? streams.teachers : [];
  const ready = reported.filter((state) => state.phase === 'Ready' && nowMs - state.updatedAtMs <= telemetryStaleMs);
  return new Map(
    cluster.pools.map(({ name, pods }) => [name, ready.filter(({ pod }) => pods.some((alive) => alive.name === pod))]),
  );
}
