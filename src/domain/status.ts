/** The status of a job, from one snapshot and what was decided on it. Pure. */
import type { DistillJobStatus, StatusCondition, StatusTeachersPool } from '../api/index.js';
import type { StudentState } from '../protocol/index.js';

import type { Demand, PoolPlan } from './demand.js';
import type { Snapshot } from './snapshot.js';
import { readyTeachers } from './telemetry.js';
import type { Verdict } from './verdict.js';

export function statusOf(
  snapshot: Snapshot,
  verdict: Verdict,
  pools: readonly PoolPlan[],
  demand: Demand,
  conditions: StatusCondition[],
): DistillJobStatus {
  const { job, cluster, streams, deadItem } = snapshot;
  const before = job.status ?? {};
  const present = streams.state === 'Present' ? streams : null;
  const student = present?.student ?? null;
  const dead = present?.dead.messages ?? 0;
  return {
    ...before,
    ...(job.metadata.generation === undefined ? {} : { observedGeneration: job.metadata.generation }),
    phase: phaseOf(verdict, student?.attempt ?? before.attempts ?? 0),
    conditions,
    ...(student === null
      ? {}
      : { progress: progressOf(student), buffer: bufferOf(student), attempts: student.attempt }),
    teachers: teachersOf(snapshot, pools, demand),
    disruptions: {
      teacher: cluster.pools.reduce((sum, pool) => sum + pool.disruptions, 0),
      student: cluster.student.disruptions ?? before.disruptions?.student ?? 0,
    },
    usage: cluster.usage,
    failures: cluster.student.failures,
    ...(dead === 0
      ? {}
      : {
          deadItems: {
            count: dead,
            ...(deadItem === null
              ? {}
              : { lastStep: deadItem.step, lastTeacher: deadItem.teacher, lastError: deadItem.error.slice(0, 1_024) }),
          },
        }),
    ...resultOf(student),
  };
}

/** @param attempts students that ever spoke: a stream that is out of reach does not make a running job pending */
function phaseOf(verdict: Verdict, attempts: number): NonNullable<DistillJobStatus['phase']> {
  switch (verdict.kind) {
    case 'Complete':
      return 'Succeeded';
    case 'Failed':
      return 'Failed';
    case 'Suspended':
      return 'Suspended';
    case 'Refused':
      return 'Pending';
    case 'Active':
      return attempts === 0 ? 'Pending' : 'Running';
  }
}

function progressOf(student: StudentState): NonNullable<DistillJobStatus['progress']> {
  const { step, steps, samplesPerSecond, batchSize, loss, accuracy } = student;
  const rate = Math.round(samplesPerSecond);
  return {
    step,
    steps,
    percent: steps === 0 ? 0 : Math.floor((step * 100) / steps),
    epoch: student.epoch,
    samplesPerSecond: rate,
    ...(rate === 0 ? {} : { secondsLeft: Math.ceil(((steps - step) * batchSize) / rate) }),
    ...(loss === null ? {} : { loss }),
    ...(accuracy === null ? {} : { accuracy }),
  };
}

function bufferOf({ buffer, waitFraction }: StudentState): NonNullable<DistillJobStatus['buffer']> {
  return { ...buffer, waitFraction: Math.round(waitFraction * 1_000) / 1_000 };
}

function teachersOf(
  snapshot: Snapshot,
  pools: readonly PoolPlan[],
  demand: Demand,
): NonNullable<DistillJobStatus['teachers']> {
  const readyIn = readyTeachers(snapshot);
  const byPool = pools.map(({ name, replicas }): StatusTeachersPool & { rate: number } => {
    const ready = readyIn(name);
    const rate = ready.reduce((sum, { samplesPerSecond }) => sum + samplesPerSecond, 0);
    return { name, desired: replicas, ready: ready.length, reason: demand.reason, rate };
  });
  return {
    desired: byPool.reduce((sum, { desired }) => sum + desired, 0),
    ready: byPool.reduce((sum, { ready }) => sum + ready, 0),
    samplesPerSecond: Math.round(byPool.reduce((sum, { rate }) => sum + rate, 0)),
    pools: byPool.map(({ name, desired, ready, reason }) => ({ name, desired, ready, reason })),
  };
}

function resultOf(student: StudentState | null): Pick<DistillJobStatus, 'result'> {
  if (student?.result === null || student?.result === undefined) return {};
  const { digest, accuracy, loss } = student.result;
  return {
    result: { digest, ...(accuracy === null ? {} : { accuracy }), ...(loss === null ? {} : { loss }) },
  };
}
