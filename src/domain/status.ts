/** The status of a job, from one snapshot and what was decided on it. Pure. */
import { omit } from '@distillery/base';
import type { StudentState } from '@distillery/protocol';

import type { DistillJob, DistillJobStatus, StatusCondition, StatusTeachersPool } from '../api/index.js';

import type { PoolPlan } from './claim.js';
import { type JobDemand, sentenceOf } from './share/index.js';
import { pausedUntilMs } from './pause.js';
import type { Snapshot } from './snapshot.js';
import { readyTeachers } from './telemetry.js';
import { timestamp } from './timestamp.js';
import type { Verdict } from './verdict.js';
import { withWhy } from './why.js';

export function statusOf(
  snapshot: Snapshot,
  verdict: Verdict,
  pools: readonly PoolPlan[],
  demand: JobDemand,
  conditions: StatusCondition[],
): DistillJobStatus {
  const { job, cluster, streams, deadItem, engine, nowMs } = snapshot;
  const before = job.status ?? {};
  const present = streams.state === 'Present' ? streams : null;
  const student = present?.student ?? null;
  // A job that is not accepted has no fleet, not one of size 0.
  const teachers = verdict.kind === 'Refused' ? null : teachersOf(snapshot, pools, demand);
  const progress = student === null ? before.progress : progressOf(student);
  const dead = present?.dead.messages ?? 0;
  const resumptions = (before.resumptions ?? 0) + (goesOn(job, verdict) ? 1 : 0);
  const status: DistillJobStatus = {
    ...before,
    ...(job.metadata.generation === undefined ? {} : { observedGeneration: job.metadata.generation }),
    phase: phaseOf(verdict, snapshot, student?.attempt ?? before.attempts ?? 0),
    conditions,
    ...(student === null
      ? {}
      : {
          ...(progress === undefined ? {} : { progress }),
          buffer: bufferOf(student),
          // One that still loads cannot say where it goes on from, and its start is a story only with that.
          ...(student.loading === true ? {} : { attempts: student.attempt }),
        }),
    ...(teachers === null ? {} : { teachers }),
    summary: summaryOf(progress, teachers),
    disruptions: {
      teacher: cluster.pools.reduce((sum, pool) => sum + pool.disruptions, 0),
      student: cluster.student.disruptions ?? disruptedAttempts(snapshot, resumptions),
    },
    usage: engine === 'local' ? cluster.usage : { ...cluster.usage, accountedUntil: timestamp(nowMs) },
    failures: cluster.student.failures,
    ...(resumptions === 0 ? {} : { resumptions }),
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
  return withWhy(teachers === null ? omit(status, 'teachers') : status);
}

/** True in the one decision that ends a suspension which a student had to stop for. */
function goesOn({ status }: DistillJob, verdict: Verdict): boolean {
  const wasSuspended = status?.conditions?.some(({ type, status: value }) => type === 'Suspended' && value === 'True');
  return wasSuspended === true && verdict.kind === 'Active' && (status?.attempts ?? 0) > 0;
}

/**
 * Students that were lost through no fault of their own: every attempt after the first follows on a failure, on a
 * suspension, or on a disruption. Attempts are counted in the stream by the students themselves, so that none is missed
 * while nobody looks; a stream that was lost counts from one again and takes nothing back.
 */
function disruptedAttempts({ job, cluster, streams }: Snapshot, resumptions: number): number {
  const told = job.status?.disruptions?.student ?? 0;
  const attempts = streams.state === 'Present' ? (streams.student?.attempt ?? 0) : 0;
  return Math.max(told, attempts - 1 - cluster.student.failures - resumptions);
}

/** @param attempts students that ever spoke: a stream that is out of reach does not make a running job pending */
function phaseOf(verdict: Verdict, { job }: Snapshot, attempts: number): NonNullable<DistillJobStatus['phase']> {
  switch (verdict.kind) {
    case 'Deleting':
      return job.status?.phase ?? 'Pending';
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
  demand: JobDemand,
): NonNullable<DistillJobStatus['teachers']> {
  const readyIn = readyTeachers(snapshot);
  const byPool = pools.map(({ name, replicas }): StatusTeachersPool & { rate: number } => {
    const grant =
      demand.kind === 'Teachers' || demand.kind === 'Rate'
        ? snapshot.grants.find(({ pool }) => pool === name)
        : undefined;
    const ready = readyIn(name);
    const rate = ready.reduce((sum, { samplesPerSecond }) => sum + samplesPerSecond, 0);
    const told = grant === undefined ? {} : { wanted: grant.why.wanted, why: sentenceOf(grant) };
    return {
      name,
      desired: replicas,
      ready: ready.length,
      reason: demand.reason,
      ...told,
      ...pauseOf(name, snapshot),
      rate,
    };
  });
  return {
    desired: byPool.reduce((sum, { desired }) => sum + desired, 0),
    ready: byPool.reduce((sum, { ready }) => sum + ready, 0),
    samplesPerSecond: Math.round(byPool.reduce((sum, { rate }) => sum + rate, 0)),
    pools: byPool.map((pool) => omit(pool, 'rate')),
  };
}

function pauseOf(name: string, { job, cluster, nowMs }: Snapshot): Pick<StatusTeachersPool, 'pausedUntil'> {
  const observed = cluster.pools.find((pool) => pool.name === name);
  const untilMs = observed === undefined ? null : pausedUntilMs(observed, job.status, nowMs);
  return untilMs === null ? {} : { pausedUntil: timestamp(untilMs) };
}

/** As people read it in a column: `812/1407`, `5/6`, `3m20s`. */
function summaryOf(
  progress: DistillJobStatus['progress'],
  fleet: NonNullable<DistillJobStatus['teachers']> | null,
): NonNullable<DistillJobStatus['summary']> {
  const teachers = fleet === null ? {} : { teachers: `${String(fleet.ready)}/${String(fleet.desired)}` };
  if (progress === undefined) return teachers;
  const { step, steps, secondsLeft } = progress;
  const over = steps > 0 && step === steps;
  return {
    steps: `${String(step)}/${String(steps)}`,
    ...teachers,
    ...(secondsLeft === undefined || over ? {} : { timeLeft: shortDuration(secondsLeft) }),
  };
}

/** The two largest units of a time, as Kubernetes writes ages: `45s`, `3m20s`, `2h5m`, `3d4h`. */
function shortDuration(seconds: number): string {
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'm'],
    [1, 's'],
  ] as const;
  const first = units.findIndex(([size]) => seconds >= size);
  if (first < 0) return '0s';
  return units
    .slice(first, first + 2)
    .map(
      ([size, unit], at) =>
        `${String(Math.floor((at === 0 ? seconds : seconds % (units[first]?.[0] ?? 1)) / size))}${unit}`,
    )
    .filter((part, at) => at === 0 || !part.startsWith('0'))
    .join('');
}

function resultOf(student: StudentState | null): Pick<DistillJobStatus, 'result'> {
  if (student?.result === null || student?.result === undefined) return {};
  const { digest, filesDigest, accuracy, loss } = student.result;
  return {
    result: {
      digest,
      ...(filesDigest === undefined ? {} : { filesDigest }),
      ...(accuracy === null ? {} : { accuracy }),
      ...(loss === null ? {} : { loss }),
    },
  };
}
