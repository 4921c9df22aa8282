/** The status of a job, from one snapshot and what was decided on it. Pure. */
import { omit } from '@distillery/base';
import type { NamedMetrics, StudentState } from '@distillery/protocol';

import {
  type DistillJobStatus,
  grantText,
  kubernetesTime,
  type StatusCondition,
  type StatusTeachersPool,
} from '../../../api/index.js';
import { pauseEndMs, type Seen, type Verdict } from '../demand/index.js';
import { isTrueIn, type PresentStreams, type Snapshot } from '../shapes/index.js';
import { summaryOf, withSummaryReason } from './summary.js';

export function statusOf(seen: Seen, conditions: StatusCondition[]): DistillJobStatus {
  const { snapshot, verdict } = seen;
  const { job, cluster, streams, deadItem, engine, nowMs } = snapshot;
  const before = job.status ?? {};
  const present = streams.state === 'Present' ? streams : null;
  const student = present?.student ?? null;
  // A job that is not accepted has no teachers; 0 of 0 would be wrong.
  const teachers = verdict.kind === 'Refused' ? null : teachersOf(seen);
  const shown = student === null ? before.progress : progressOf(student);
  const progress = shown === undefined || !restingKinds.includes(verdict.kind) ? shown : atRest(shown);
  const dead = present?.dead.messages ?? 0;
  const resumptions = (before.resumptions ?? 0) + (resumes(snapshot, verdict) ? 1 : 0);
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
          // While it loads, it does not know yet from which step it resumes, and the event of its start names that step.
          ...(student.loading === true ? {} : { attempts: student.attempt }),
        }),
    ...(teachers === null ? {} : { teachers }),
    summary: summaryOf(progress, teachers),
    disruptions: {
      teacher: cluster.pools.reduce((sum, pool) => sum + pool.disruptions, 0),
      student: cluster.student.disruptions ?? disruptedAttempts(snapshot, resumptions),
    },
    usage: engine === 'local' ? cluster.usage : { ...cluster.usage, accountedUntil: kubernetesTime(nowMs) },
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
    ...notesOf(present, before.notes),
    ...resultOf(student),
  };
  return withSummaryReason(teachers === null ? omit(status, 'teachers') : status);
}

/** Verdicts under which no student trains, and steps may be left. */
const restingKinds: readonly Verdict['kind'][] = ['Suspended', 'Queued', 'Failed'];

/** Its last rate, and the time left at that rate, would read as if it trained. */
function atRest(progress: NonNullable<DistillJobStatus['progress']>): NonNullable<DistillJobStatus['progress']> {
  return { ...omit(progress, 'secondsLeft'), samplesPerSecond: 0 };
}

/** True in the one decision that ends a suspension for which a student had to stop. */
function resumes({ job: { status } }: Snapshot, verdict: Verdict): boolean {
  const goesOn = verdict.kind === 'Active' || verdict.kind === 'Queued';
  return isTrueIn(status, 'Suspended') && goesOn && (status?.attempts ?? 0) > 0;
}

/**
 * Students that were disrupted: every attempt after the first follows a failure, a suspension or a disruption. Students
 * count their attempts in the stream themselves, so none is missed while no operator runs. The counter restarts with a new
 * stream; keep the maximum.
 */
function disruptedAttempts({ job, cluster, streams }: Snapshot, resumptions: number): number {
  const previous = job.status?.disruptions?.student ?? 0;
  const attempts = streams.state === 'Present' ? (streams.student?.attempt ?? 0) : 0;
  return Math.max(previous, attempts - 1 - cluster.student.failures - resumptions);
}

/** @param attempts students that ever reported: an unreachable stream does not make a running job Pending */
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
    case 'Queued':
      return 'Queued';
    case 'Refused':
      return 'Pending';
    case 'Active':
      return attempts === 0 ? 'Pending' : 'Running';
  }
}

function progressOf(student: StudentState): NonNullable<DistillJobStatus['progress']> {
  const { step, steps, samplesPerSecond, batchSize, loss, accuracy, replacedRows, metrics } = student;
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
    ...(replacedRows === undefined ? {} : { replacedRows }),
    ...metricsOf(metrics),
  };
}

/** Sorted by name, so that the same metrics are the same status. */
function metricsOf(metrics: NamedMetrics = {}): { metrics?: { name: string; value: number }[] } {
  const names = Object.keys(metrics).sort();
  return names.length === 0 ? {} : { metrics: names.map((name) => ({ name, value: metrics[name] ?? 0 })) };
}

function bufferOf({ buffer, waitFraction }: StudentState): NonNullable<DistillJobStatus['buffer']> {
  return { ...buffer, waitFraction: Math.round(waitFraction * 1_000) / 1_000 };
}

function teachersOf({ snapshot, ready, demand, pools, counts }: Seen): NonNullable<DistillJobStatus['teachers']> {
  const explains = demand.kind === 'Teachers' || demand.kind === 'Rate';
  const { grants } = snapshot;
  const rates: number[] = [];
  const byPool = pools.map(({ name, replicas }): StatusTeachersPool => {
    const grant = explains ? grants.find(({ pool }) => pool === name) : undefined;
    const labeling = ready.get(name) ?? [];
    rates.push(labeling.reduce((sum, { samplesPerSecond }) => sum + samplesPerSecond, 0));
    const why = grant === undefined ? {} : { wanted: grant.why.wanted, why: grantText(grant) };
    return {
      name,
      desired: replicas,
      ready: labeling.length,
      reason: demand.reason,
      ...why,
      ...pauseOf(name, snapshot),
    };
  });
  return { ...counts, samplesPerSecond: Math.round(rates.reduce((sum, rate) => sum + rate, 0)), pools: byPool };
}

function pauseOf(name: string, snapshot: Snapshot): Pick<StatusTeachersPool, 'pausedUntil'> {
  const observed = snapshot.cluster.pools.find((pool) => pool.name === name);
  const untilMs = observed === undefined ? null : pauseEndMs(observed, snapshot);
  return untilMs === null ? {} : { pausedUntil: kubernetesTime(untilMs) };
}

/** The most that a status keeps: each teacher of a pool has the same notes, so few are many. */
const maxStatusNotes = 32;

/** Those of all processes so far, each once, in the order in which they came. */
function notesOf(streams: PresentStreams | null, before: readonly string[] = []): Pick<DistillJobStatus, 'notes'> {
  const student = (streams?.student?.notes ?? []).map((note) => `student: ${note}`);
  const teachers = (streams?.teachers ?? []).flatMap(({ notes = [] }) => notes.map((note) => `teacher: ${note}`));
  const all = [...new Set([...before, ...student, ...teachers])].slice(0, maxStatusNotes);
  return all.length === 0 ? {} : { notes: all };
}

function resultOf(student: StudentState | null): Pick<DistillJobStatus, 'result'> {
  if (student?.result === null || student?.result === undefined) return {};
  const { digest, filesDigest, accuracy, loss, metrics } = student.result;
  return {
    result: {
      digest,
      ...(filesDigest === undefined ? {} : { filesDigest }),
      ...(accuracy === null ? {} : { accuracy }),
      ...(loss === null ? {} : { loss }),
      ...metricsOf(metrics),
    },
  };
}
