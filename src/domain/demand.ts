/**
 * How many teachers a job wants, from what the student and the teachers said of themselves (DESIGN §5.3). Pure.
 */
import type { DemandReason, DistillJobSpec } from '../api/index.js';
import { maxWindowSteps, teacherPrefetch, telemetryStaleMs } from '../protocol/index.js';

import type { PoolObservation, Snapshot } from './snapshot.js';

export interface Demand {
  /** Teachers wanted over all pools, before bounds and free slots. */
  readonly teachers: number;
  readonly reason: DemandReason;
}

/** A little more than the student's rate, so that the buffer refills. */
const growMargin = 1.25;
/** Shrinking waits until this much margin is left, so that a noisy rate does not flap. */
const shrinkMargin = 1.6;

/** @param current teachers that run or start now */
export function demandOf(snapshot: Snapshot, current: number): Demand {
  const { job, streams, nowMs } = snapshot;
  if (job.spec.student.loss.softWeight === 0) return { teachers: 0, reason: 'NoTeacherNeeded' };
  if (streams.state !== 'Present') return { teachers: current, reason: 'TelemetryGap' };
  const { student } = streams;
  // Before the student's first word: enough to fill any window at once.
  if (student === null || student.phase === 'Starting') {
    return { teachers: Math.ceil(maxWindowSteps / teacherPrefetch), reason: 'FillWindow' };
  }
  if (nowMs - student.updatedAtMs > telemetryStaleMs) return { teachers: current, reason: 'TelemetryGap' };
  // Every step was fed and every item acknowledged, that is, its logits are stored.
  const allStored = student.fedSteps >= student.steps && streams.work.messages === 0;
  if (student.phase === 'Exporting' || student.phase === 'Done' || allStored) {
    return { teachers: 0, reason: 'NothingLeftToCompute' };
  }
  const forWindow = Math.ceil((student.window * student.shards) / teacherPrefetch);
  const rates = streams.teachers
    .filter((teacher) => nowMs - teacher.updatedAtMs <= telemetryStaleMs && teacher.capableSamplesPerSecond > 0)
    .map((teacher) => teacher.capableSamplesPerSecond);
  if (rates.length === 0 || student.unstarvedSamplesPerSecond === 0) {
    return { teachers: forWindow, reason: 'FillWindow' };
  }
  const perTeacher = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const grow = Math.ceil((student.unstarvedSamplesPerSecond * growMargin) / perTeacher);
  const shrink = Math.ceil((student.unstarvedSamplesPerSecond * shrinkMargin) / perTeacher);
  const matched = current > shrink ? shrink : Math.max(grow, Math.min(current, shrink));
  return { teachers: Math.max(1, Math.min(matched, forWindow)), reason: 'MatchStudent' };
}

export interface PoolPlan {
  readonly name: string;
  readonly replicas: number;
}

/**
 * Spreads the demand over the pools in the order the job names them, each between its bounds and within free slots.
 * A pool that must run `minReplicas` does so while the job wants any teacher at all.
 */
export function spread(
  demand: number,
  pools: DistillJobSpec['teacher']['pools'],
  observed: readonly PoolObservation[],
): PoolPlan[] {
  if (demand === 0) return pools.map(({ name }) => ({ name, replicas: 0 }));
  let left = demand;
  return pools.map(({ name, minReplicas, maxReplicas }) => {
    const pool = observed.find((candidate) => candidate.name === name);
    const running = pool?.pods.filter((pod) => !pod.terminating).length ?? 0;
    const room = running + (pool?.freeSlots ?? 0);
    const replicas = Math.min(maxReplicas, room, Math.max(minReplicas, left));
    left = Math.max(0, left - replicas);
    return { name, replicas };
  });
}
