/**
 * What one decision sees: everything observed at one time, nothing else (DESIGN I6). Plain JSON, so that a snapshot can
 * be logged and replayed.
 */
import type { DeadItem, LogitsReader, Reference, StudentState, TeacherState } from '@distillery/protocol';

import type { DistillJob, Engine } from '../api/index.js';

import type { Limited } from './limits.js';
import type { PodNeeds } from './ledger/index.js';
import type { Grant } from './share/claims.js';

export interface Snapshot {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** What can be promised: the engines differ in what they can run. */
  readonly engine: Engine;
  /** As it counts: within the administrator's limits. */
  readonly job: DistillJob;
  /** What those limits changed or refuse; absent = nothing. */
  readonly limited?: Limited;
  readonly cluster: ClusterObservation;
  readonly streams: StreamObservation;
  /** One of the work items that no teacher could do; null when there is none. */
  readonly deadItem: DeadItem | null;
  /** What the share over all jobs gives this one (share/), by pool. */
  readonly grants: readonly Grant[];
}

/** The job's processes, as the cluster reports them. */
export interface ClusterObservation {
  readonly pools: readonly PoolObservation[];
  readonly student: StudentObservation;
  /** Something of the job is not gone yet: a process, or an object that would start one. */
  readonly remains: boolean;
  /** Why the cluster refuses what this generation of the job asks for, until the job changes; null when it does not. */
  readonly refusal: string | null;
  /** Slots held × seconds since the job began. */
  readonly usage: { readonly teacherSlotSeconds: number; readonly studentSlotSeconds: number };
}

export interface PoolObservation {
  readonly name: string;
  /** What one more teacher asks of a node; pools that ask alike name the same object. */
  readonly needs: PodNeeds;
  /** What a slot is: `nvidia.com/gpu`, or `cpu`. */
  readonly resource: string;
  readonly pods: readonly ObservedTeacher[];
  /**
   * A teacher waited for a node in vain although the ledger saw room for it: until then, in milliseconds since 1970, no
   * other is tried; null = none did.
   */
  readonly stuckUntilMs: number | null;
  /** Teachers that ended without being asked to. */
  readonly disruptions: number;
  /** Teachers that failed one after the other, none having lived in between. */
  readonly failuresInARow: number;
  /** How the last teacher that was not asked to ended; null when none did, or a signal ended it. */
  readonly lastError: EndedProcess | null;
}

export interface ObservedTeacher {
  readonly name: string;
  /** null until it is bound. */
  readonly node: string | null;
  readonly terminating: boolean;
  readonly ready: boolean;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

export interface EndedProcess {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  /** Its last sentence. */
  readonly message: string;
}

export interface StudentObservation {
  /** BackingOff: it failed and waits for its next attempt. */
  readonly phase: 'Absent' | 'Running' | 'BackingOff' | 'Succeeded' | 'Failed';
  /** Processes started so far. */
  readonly starts: number;
  /** Ends that are charged to backoffLimit. */
  readonly failures: number;
  /** Ends that are not: signals from outside, evictions, lost nodes; null = they follow from the attempts (status.ts). */
  readonly disruptions: number | null;
  /** How the last attempt ended; null when none did, or a signal from outside ended it. */
  readonly lastError: EndedProcess | null;
}

/** The job's streams, and what its workers pushed into them; the stream room's observation fits this. */
export type StreamObservation =
  { readonly state: 'Unreachable'; readonly reason: string } | { readonly state: 'Absent' } | PresentStreams;

export interface PresentStreams {
  readonly state: 'Present';
  /** Streams and consumers that should be there and are not. */
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
  /** What the first teacher answered: there is one that works. */
  readonly reference: Reference | null;
}
