/**
 * How much teaching a job needs, from what the student and the teachers report (design §5.3): a rate and not yet a number of
 * teachers, since teachers of different pools label at different rates. Pure.
 *
 * Invariants:
 *  demand/N1 Unknown holds the fleet: neither silence nor a student that has just come back scales it (design §5.5).
 *  demand/N2 Never more teachers than work items.
 */
import { type StudentState, teacherPrefetch, type TeacherState, telemetryStaleMs } from '@distillery/protocol';

import { type DemandReason, grantsText } from '../../../api/index.js';
import type { Grant } from '../../allocation/index.js';
import type { JobObservation, PresentStreams } from '../shapes/index.js';
import type { Verdict } from './verdict.js';

export type JobDemand =
  /** No teacher at all. */
  | { readonly kind: 'None'; readonly reason: DemandReason }
  /** Every pool keeps its replicas. */
  | { readonly kind: 'Hold'; readonly reason: DemandReason }
  /** A number of teachers, while no rate is known. */
  | { readonly kind: 'Teachers'; readonly reason: DemandReason; readonly teachers: number }
  | RateDemand;

export interface RateDemand {
  readonly kind: 'Rate';
  readonly reason: DemandReason;
  /** Samples a second that all teachers together should label: grow below `least`, shrink above `most`. */
  readonly least: number;
  readonly most: number;
  /** Samples a second of one teacher of a pool; without a measurement, the mean over all pools. */
  readonly samplesPerSecond: (pool: string) => number;
  /** Number of teachers for which the window has work. */
  readonly forWindow: number;
  readonly itemsLeft: number;
  readonly samplesLeft: number;
}

/** A little above the student's rate, because teachers lose time between two items. */
const growMargin = 1.05;
/** An empty buffer fills while the student trains this many times what the buffer holds. */
const refillBuffers = 12;
/**
 * The fleet shrinks only above this margin. A rate that is measured 15 % too high while the buffer is empty asks for
 * (1.05 + 1/12) × 1.15 = 1.30 times the true rate; measured 15 % too low it allows 1.55 × 0.85 = 1.32. So noise of that
 * size never makes the fleet grow and shrink in turn. Wider margins give every job teachers that others lack
 * (docs/simulator.md).
 */
const shrinkMargin = 1.55;

/**
 * Teachers of a job without a known rate: enough to measure one within seconds. More would be taken from jobs that are
 * known to need them, and kept for the minimum run time.
 */
const firstTeachers = 4;

/** What the job needs; nothing unless it is active. */
export function demandUnder(verdict: Verdict, observation: JobObservation): JobDemand {
  switch (verdict.kind) {
    case 'Suspended':
      return { kind: 'None', reason: 'Suspended' };
    case 'Queued':
      return { kind: 'None', reason: 'Queued' };
    case 'Complete':
    case 'Failed':
      return { kind: 'None', reason: 'Finished' };
    case 'Refused':
      return { kind: 'None', reason: 'Refused' };
    case 'Deleting':
      return { kind: 'None', reason: 'Deleting' };
    case 'Active':
      return jobDemandOf(observation);
  }
}

/** What an active job needs. */
export function jobDemandOf({ job, cluster, streams, nowMs }: JobObservation): JobDemand {
  if (job.spec.student.loss.softWeight === 0) return { kind: 'None', reason: 'NoTeacherNeeded' };
  const anyRuns = cluster.pools.some(({ pods }) => pods.some(({ terminating }) => !terminating));
  const fill = (teachers: number): JobDemand => ({ kind: 'Teachers', reason: 'FillWindow', teachers });
  if (streams.state !== 'Present') {
    // The same plan creates the streams of a new job, so its teachers need not wait for another reconcile.
    return streams.state === 'Absent' && !anyRuns ? fill(firstTeachers) : { kind: 'Hold', reason: 'TelemetryGap' };
  }
  const { student } = streams;
  // Before the student's first report: a few. A student that has just come back keeps its fleet.
  if (student === null) return fill(firstTeachers);
  if (student.phase === 'Starting') return anyRuns ? { kind: 'Hold', reason: 'FillWindow' } : fill(firstTeachers);
  if (nowMs - student.updatedAtMs > telemetryStaleMs) return { kind: 'Hold', reason: 'TelemetryGap' };
  // 0 when every step was fed and every item acknowledged: all logits are stored.
  const itemsLeft = (student.steps - student.fedSteps) * student.shards + streams.work.messages;
  if (student.phase === 'Exporting' || student.phase === 'Done' || itemsLeft <= 0) {
    return { kind: 'None', reason: 'NothingLeftToCompute' };
  }
  const forWindow = Math.max(1, Math.ceil((student.window * student.shards) / teacherPrefetch));
  const samplesPerSecond = ratesOf(streams, nowMs);
  if (samplesPerSecond === null || student.unstarvedSamplesPerSecond === 0) {
    // Running teachers have no measured rate yet. Without any, start with a few: the window would ask for every free
    // slot.
    if (anyRuns) return { kind: 'Hold', reason: 'FillWindow' };
    return fill(Math.min(firstTeachers, forWindow, itemsLeft));
  }
  const rate = student.unstarvedSamplesPerSecond;
  return {
    kind: 'Rate',
    reason: 'MatchStudent',
    least: rate * growMargin + refillOf(student, job.spec.teacher.bufferTargetSeconds),
    most: rate * shrinkMargin,
    samplesPerSecond,
    forWindow,
    itemsLeft,
    samplesLeft: (itemsLeft / student.shards) * student.batchSize,
  };
}

/** Samples a second, in addition to the student's rate, that fill the buffer. */
function refillOf(
  { buffer, shards, batchSize, unstarvedSamplesPerSecond }: StudentState,
  targetSeconds: number,
): number {
  const samples = (buffer.frames / shards) * batchSize;
  const missing = Math.max(0, targetSeconds * unstarvedSamplesPerSecond - samples);
  return missing / (targetSeconds * refillBuffers);
}

/** The mean rate of each pool's teachers with fresh telemetry; null when none has a rate. */
function ratesOf({ teachers }: PresentStreams, nowMs: number): ((pool: string) => number) | null {
  const measured = teachers.filter(
    (teacher) => nowMs - teacher.updatedAtMs <= telemetryStaleMs && teacher.capableSamplesPerSecond > 0,
  );
  if (measured.length === 0) return null;
  const means = new Map<string, number>();
  for (const { pool } of measured) {
    means.set(pool, means.get(pool) ?? meanRate(measured.filter((one) => one.pool === pool)));
  }
  const overall = meanRate(measured);
  return (pool) => means.get(pool) ?? overall;
}

function meanRate(teachers: readonly TeacherState[]): number {
  return teachers.reduce((sum, { capableSamplesPerSecond }) => sum + capableSamplesPerSecond, 0) / teachers.length;
}

/** Why a job has fewer teachers than it wants; empty when it does not, or when its fleet is only held. */
export function shortageText({ kind }: JobDemand, grants: readonly Grant[]): string {
  if (kind === 'None' || kind === 'Hold') return '';
  return grants.some(({ replicas, why }) => replicas < why.wanted) ? grantsText(grants) : '';
}
