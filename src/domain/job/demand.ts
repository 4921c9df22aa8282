/**
 * How much teaching a job needs, from what the student and the teachers said of themselves (DESIGN §5.3): a rate, not yet
 * a number of teachers, since pools differ in what one teacher of theirs gives. Pure.
 *
 * Invariants:
 *  N1 What is not known holds the fleet: neither silence nor a student that is only just back scales it (DESIGN §5.5).
 *  N2 No more teachers than there are work items for.
 */
import type { DemandReason } from '../../api/index.js';
import { type StudentState, teacherPrefetch, type TeacherState, telemetryStaleMs } from '../../protocol/index.js';
import type { PresentStreams, Snapshot } from './snapshot.js';

export type JobDemand =
  /** No teacher at all. */
  | { readonly kind: 'None'; readonly reason: DemandReason }
  /** Each pool as it is. */
  | { readonly kind: 'Hold'; readonly reason: DemandReason }
  /** A number of teachers, while no rate is known. */
  | { readonly kind: 'Teachers'; readonly reason: DemandReason; readonly teachers: number }
  | RateDemand;

export interface RateDemand {
  readonly kind: 'Rate';
  readonly reason: DemandReason;
  /** Samples a second that teachers shall label together: grow below the least, shrink above the most. */
  readonly least: number;
  readonly most: number;
  /** Samples a second that one teacher of a pool labels; for a pool that has shown none, the mean over all. */
  readonly samplesPerSecond: (pool: string) => number;
  /** The window has work for so many. */
  readonly forWindow: number;
  readonly itemsLeft: number;
  readonly samplesLeft: number;
}

/** A little more than the student's rate, for what teachers lose between two items. */
const growMargin = 1.05;
/** An empty buffer is filled in the time in which the student trains so many times what it holds. */
const refillBuffers = 12;
/**
 * Shrinking waits for this much. A rate that is read 15 % too high while the buffer is empty asks for
 * (1.05 + 1/12) × 1.15 = 1.30 times the true one; read 15 % too low it allows 1.55 × 0.85 = 1.32: no noise of that size
 * makes the fleet larger and smaller in turn. Wider margins give every job teachers that others are starved of
 * (docs/simulator.md).
 */
const shrinkMargin = 1.55;

/**
 * Teachers of a job of which no rate is known: enough to show theirs within seconds, while more would be taken from those
 * that are known to need them, and kept for the minimum run time.
 */
const firstTeachers = 4;

/** What a job that is neither suspended nor over needs. */
export function jobDemandOf({ job, cluster, streams, nowMs }: Snapshot): JobDemand {
  if (job.spec.student.loss.softWeight === 0) return { kind: 'None', reason: 'NoTeacherNeeded' };
  const anyRuns = cluster.pools.some(({ pods }) => pods.some(({ terminating }) => !terminating));
  const fill = (teachers: number): JobDemand => ({ kind: 'Teachers', reason: 'FillWindow', teachers });
  if (streams.state !== 'Present') {
    // The same plan makes the streams of a new job: its teachers need not wait for another look.
    return streams.state === 'Absent' && !anyRuns ? fill(firstTeachers) : { kind: 'Hold', reason: 'TelemetryGap' };
  }
  const { student } = streams;
  // Before the student's first word: a few. One that is only back needs no other fleet.
  if (student === null) return fill(firstTeachers);
  if (student.phase === 'Starting') return anyRuns ? { kind: 'Hold', reason: 'FillWindow' } : fill(firstTeachers);
  if (nowMs - student.updatedAtMs > telemetryStaleMs) return { kind: 'Hold', reason: 'TelemetryGap' };
  // Every step was fed and every item acknowledged, that is, its logits are stored.
  const itemsLeft = (student.steps - student.fedSteps) * student.shards + streams.work.messages;
  if (student.phase === 'Exporting' || student.phase === 'Done' || itemsLeft <= 0) {
    return { kind: 'None', reason: 'NothingLeftToCompute' };
  }
  const forWindow = Math.max(1, Math.ceil((student.window * student.shards) / teacherPrefetch));
  const samplesPerSecond = ratesOf(streams, nowMs);
  if (samplesPerSecond === null || student.unstarvedSamplesPerSecond === 0) {
    // Teachers that run have yet to show their rate. A student that lost all of them, or that trains before the first
    // ones run, starts with a few as well: the window would ask for every free slot.
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

/** Samples a second that fill the buffer up beside what the student trains. */
function refillOf(
  { buffer, shards, batchSize, unstarvedSamplesPerSecond }: StudentState,
  targetSeconds: number,
): number {
  const samples = (buffer.frames / shards) * batchSize;
  const missing = Math.max(0, targetSeconds * unstarvedSamplesPerSecond - samples);
  return missing / (targetSeconds * refillBuffers);
}

/** The mean rate of each pool's teachers that were lately heard; null when none has shown one. */
function ratesOf({ teachers }: PresentStreams, nowMs: number): ((pool: string) => number) | null {
  const heard = teachers.filter(
    (teacher) => nowMs - teacher.updatedAtMs <= telemetryStaleMs && teacher.capableSamplesPerSecond > 0,
  );
  if (heard.length === 0) return null;
  const means = new Map<string, number>();
  for (const { pool } of heard) means.set(pool, means.get(pool) ?? meanRate(heard.filter((one) => one.pool === pool)));
  const overall = meanRate(heard);
  return (pool) => means.get(pool) ?? overall;
}

function meanRate(teachers: readonly TeacherState[]): number {
  return teachers.reduce((sum, { capableSamplesPerSecond }) => sum + capableSamplesPerSecond, 0) / teachers.length;
}
