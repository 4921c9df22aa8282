/** What the condition Queued says: for what the student waits, what is missing, what took the job unasked. Pure. */
import { type ConditionDraft, conditions, kueue, studentName } from '../../../api/index.js';
import { saidOfQuota, type Verdict } from '../demand/index.js';
import type { JobObservation } from '../shapes/index.js';

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
