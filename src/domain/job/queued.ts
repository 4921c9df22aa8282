/**
 * The student in a queue of Kueue: when it waits there, and what its condition says. Pure. Kueue decides by `spec.suspend` of the
 * student's Job, so this is the one fact that the verdict reads; the Workload only explains it.
 *
 * Invariants:
 *  queued/Q1 While the student waits, the job has no teachers: slots without a student would be idle.
 *  queued/Q2 Without Kueue, a job that names no queue is decided exactly as before.
 */
import { type ConditionDraft, conditions, kueue, studentName } from '../../api/index.js';
import { saidOfQuota } from './quota.js';
import type { JobObservation } from './snapshot.js';
import type { Verdict } from './verdict.js';

/** Whether the student waits for Kueue: its Job is held in a queue, or will be when it is created. */
export function isQueued({ job, cluster, engine }: JobObservation): boolean {
  if (engine !== 'cluster' || cluster.student.phase !== 'Absent') return false;
  const { queue = null } = cluster.student;
  return queue === null ? job.spec.queueName !== undefined : !queue.admitted;
}

/** The condition Queued; null where Kueue has no part in the job, or no more. */
export function queuedCondition(observation: JobObservation, verdict: Verdict): ConditionDraft | null {
  const isLive = verdict.kind === 'Active' || verdict.kind === 'Queued' || verdict.kind === 'Suspended';
  if (!isLive || observation.engine !== 'cluster') return null;
  const waits = verdict.kind === 'Queued';
  return missing(observation, waits) ?? capture(observation, waits) ?? ofStudent(observation, verdict);
}

/** The job names a queue, and the operator cannot see Kueue. */
function missing({ job: { spec }, cluster }: JobObservation, waits: boolean): ConditionDraft | null {
  if (spec.queueName === undefined && spec.teacher.queueName === undefined) return null;
  switch (cluster.kueue) {
    case 'NotServed':
      return conditions.queued.kueueNotServed(waits);
    case 'TooOld':
      return conditions.queued.kueueTooOld(waits);
    case 'NotReadable':
      return conditions.queued.kueueNotReadable(waits);
    default:
      return null;
  }
}

/** Objects that are in a queue which the job does not name. */
function capture({ job: { spec }, cluster }: JobObservation, waits: boolean): ConditionDraft | null {
  const { queue = null } = cluster.student;
  const student = spec.queueName === undefined ? queue : null;
  const teachers = spec.teacher.queueName === undefined ? cluster.pools.find(isHeld) : undefined;
  const parts = [...(student === null ? [] : ['student']), ...(teachers === undefined ? [] : ['teachers'])];
  if (parts.length === 0) return null;
  const name = student?.name ?? teachers?.queue ?? kueue.defaultQueue;
  const said = waits ? (student?.workload?.message ?? '') : (cluster.pools.map(saidOfQuota).find(Boolean) ?? '');
  return conditions.queued.captured(waits, parts.join(' and the '), name, said);
}

function isHeld({ queue = null, pods }: JobObservation['cluster']['pools'][number]): boolean {
  return queue !== null || pods.some(({ gated }) => gated === true);
}

function ofStudent({ job, cluster }: JobObservation, verdict: Verdict): ConditionDraft | null {
  const { metadata, spec } = job;
  const { queued } = conditions;
  const { queue = null } = cluster.student;
  const name = queue?.name ?? spec.queueName;
  if (name === undefined) {
    const { queueName } = spec.teacher;
    return queueName === undefined ? null : queued.teachersOnly(queueName);
  }
  if (verdict.kind === 'Suspended') return queued.suspended();
  if (verdict.kind !== 'Queued') return queued.admitted(name);
  const workload = queue?.workload ?? null;
  if (workload === null) return queued.waitingForKueue(name, studentName(metadata.name));
  if (!workload.active && !workload.stoppedByUs) return queued.stopped(workload.name);
  return queued.waitingForQuota(name, workload.message);
}
