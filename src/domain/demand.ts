/**
 * How many teachers a job wants, from what the student and the teachers said of themselves (DESIGN §5.3), and in which
 * pools. Pure.
 *
 * Invariants:
 *  D1 What is not known holds the fleet: neither silence nor a student that is only just back scales it (DESIGN §5.5).
 *  D2 A plan never asks for more than the slots that are free now, whatever other pools of the same resource ask for.
 */
import type { DemandReason, TeacherPool } from '../api/index.js';
import { maxWindowSteps, teacherPrefetch, telemetryStaleMs } from '../protocol/index.js';

import type { Snapshot } from './snapshot.js';

export interface Demand {
  /** Teachers wanted over all pools, before bounds and free slots; `held` = each pool as it is (D1). */
  readonly teachers: number | 'held';
  readonly reason: DemandReason;
}

/** A little more than the student's rate, so that the buffer refills. */
const growMargin = 1.25;
/** Shrinking waits until this much margin is left, so that a noisy rate does not flap. */
const shrinkMargin = 1.6;

/** Teachers that fill any window at once. */
const anyWindow = Math.ceil(maxWindowSteps / teacherPrefetch);

export function demandOf(snapshot: Snapshot): Demand {
  const { job, streams, nowMs } = snapshot;
  if (job.spec.student.loss.softWeight === 0) return { teachers: 0, reason: 'NoTeacherNeeded' };
  const current = runningTeachers(snapshot);
  if (streams.state !== 'Present') {
    // The same plan makes the streams of a new job: its teachers need not wait for another look.
    const isNew = streams.state === 'Absent' && current === 0;
    return isNew ? { teachers: anyWindow, reason: 'FillWindow' } : { teachers: 'held', reason: 'TelemetryGap' };
  }
  const { student } = streams;
  // Before the student's first word: enough to fill any window at once. One that is only back needs no other fleet.
  if (student === null || student.phase === 'Starting') {
    const held = student !== null && current > 0;
    return { teachers: held ? 'held' : anyWindow, reason: 'FillWindow' };
  }
  if (nowMs - student.updatedAtMs > telemetryStaleMs) return { teachers: 'held', reason: 'TelemetryGap' };
  // Every step was fed and every item acknowledged, that is, its logits are stored.
  const allStored = student.fedSteps >= student.steps && streams.work.messages === 0;
  if (student.phase === 'Exporting' || student.phase === 'Done' || allStored) {
    return { teachers: 0, reason: 'NothingLeftToCompute' };
  }
  const forWindow = Math.max(1, Math.ceil((student.window * student.shards) / teacherPrefetch));
  const rates = streams.teachers
    .filter((teacher) => nowMs - teacher.updatedAtMs <= telemetryStaleMs && teacher.capableSamplesPerSecond > 0)
    .map((teacher) => teacher.capableSamplesPerSecond);
  if (rates.length === 0 || student.unstarvedSamplesPerSecond === 0) {
    // Teachers that run have yet to show their rate.
    return { teachers: current > 0 ? 'held' : forWindow, reason: 'FillWindow' };
  }
  const perTeacher = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const grow = Math.ceil((student.unstarvedSamplesPerSecond * growMargin) / perTeacher);
  const shrink = Math.ceil((student.unstarvedSamplesPerSecond * shrinkMargin) / perTeacher);
  const matched = Math.max(grow, Math.min(current, shrink));
  return { teachers: Math.min(matched, forWindow), reason: 'MatchStudent' };
}

function runningTeachers({ cluster }: Snapshot): number {
  return cluster.pools.reduce((sum, { pods }) => sum + pods.filter(({ terminating }) => !terminating).length, 0);
}

export interface PoolPlan {
  readonly name: string;
  readonly replicas: number;
}

/**
 * Spreads the demand over the pools: every minimum first, then in the order in which the job names them (cheapest first),
 * each within its bounds and the free slots (D2). Minimums hold while the job wants any teacher at all.
 */
export function spread({ teachers }: Demand, snapshot: Snapshot): PoolPlan[] {
  const { pools } = snapshot.job.spec.teacher;
  if (teachers === 0) return pools.map(({ name }) => ({ name, replicas: 0 }));
  const raise = raiser(snapshot);
  if (teachers === 'held') {
    return pools.map((pool) => ({ name: pool.name, replicas: raise(pool, 0, heldReplicas(pool, snapshot)) }));
  }
  const minimums = pools.map((pool) => ({ pool, least: raise(pool, 0, pool.minReplicas) }));
  let left = teachers - minimums.reduce((sum, { least }) => sum + least, 0);
  return minimums.map(({ pool, least }) => {
    const replicas = raise(pool, least, least + Math.max(0, left));
    left -= replicas - least;
    return { name: pool.name, replicas };
  });
}

/** What the pool was last told to be: a teacher that is just being replaced is not given up. */
function heldReplicas({ name }: TeacherPool, { job, cluster }: Snapshot): number {
  const told = job.status?.teachers?.pools.find((pool) => pool.name === name);
  return told?.desired ?? runningIn(cluster, name);
}

function runningIn({ pools }: Snapshot['cluster'], name: string): number {
  return pools.find((pool) => pool.name === name)?.pods.filter(({ terminating }) => !terminating).length ?? 0;
}

/** Raises a pool from what was granted before as far as bounds and slots allow; a running teacher has its slot. */
function raiser({ cluster }: Snapshot): (pool: TeacherPool, granted: number, wanted: number) => number {
  const freeIn = (name: string): number => cluster.pools.find((pool) => pool.name === name)?.freeSlots ?? 0;
  const takenOf = new Map<string | undefined, number>();
  return ({ name, resource, maxReplicas }, granted, wanted) => {
    const seated = Math.max(granted, runningIn(cluster, name));
    const taken = takenOf.get(resource) ?? 0;
    const room = Math.max(0, freeIn(name) - taken);
    const replicas = Math.min(wanted, maxReplicas, seated + room);
    takenOf.set(resource, taken + Math.max(0, replicas - seated));
    return replicas;
  };
}
