/**
 * Where a job stands: being deleted, refused, suspended, over, or running. Pure. The first rule that holds decides; a
 * verdict that ended the job stays, whatever is observed later.
 */
import {
  conditions,
  type ConditionClaim,
  type DistillJob,
  forceDeleteAnnotation,
  type ObjectMeta,
  unsupported,
} from '../../api/index.js';
import { workerExitCodes } from '../../protocol/index.js';

import type { Snapshot } from './snapshot.js';
import { readyTeachers } from './seen.js';

export type Verdict =
  /** `forced`: somebody let it go although its streams may stay behind. */
  | { readonly kind: 'Deleting'; readonly forced: boolean }
  | { readonly kind: 'Refused'; readonly claim: ConditionClaim }
  | { readonly kind: 'Complete'; readonly claim: ConditionClaim }
  | { readonly kind: 'Failed'; readonly claim: ConditionClaim }
  | { readonly kind: 'Suspended' }
  | { readonly kind: 'Active' };

export function verdictOf(snapshot: Snapshot): Verdict {
  const { job, limited, cluster, streams, engine } = snapshot;
  // The file of a local run may come from a cluster that was deleting it; nobody deletes the run.
  if (engine === 'cluster' && job.metadata.deletionTimestamp !== undefined) {
    return { kind: 'Deleting', forced: isForced(job.metadata) };
  }
  const ended = job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  if (ended !== undefined) {
    const kind = ended.type === 'Complete' ? 'Complete' : 'Failed';
    return { kind, claim: { type: kind, status: 'True', reason: ended.reason, message: ended.message } };
  }
  const problems = unsupported(job, engine);
  if (problems.length > 0) return { kind: 'Refused', claim: conditions.accepted.notSupported(problems) };
  const overLimit = limited?.refusal ?? null;
  if (overLimit !== null && !wasAccepted(job)) {
    return { kind: 'Refused', claim: conditions.accepted.overLimit(overLimit) };
  }
  if (cluster.refusal !== null)
    return { kind: 'Refused', claim: conditions.accepted.refusedByCluster(cluster.refusal) };
  const { student } = cluster;
  // What the student made lies in the streams: an end whose result nobody can fetch is not told before they are back.
  if (student.phase === 'Succeeded' && streams.state !== 'Unreachable') {
    const told = streams.state === 'Present' ? streams.student : null;
    const steps = told?.steps ?? job.status?.progress?.steps ?? 0;
    const digest = told?.result?.digest ?? job.status?.result?.digest ?? 'unknown';
    return { kind: 'Complete', claim: conditions.complete.yes(steps, digest) };
  }
  if (student.phase === 'Failed') {
    const error = student.lastError?.message ?? 'it left no word';
    const claim =
      student.lastError?.exitCode === workerExitCodes.terminal
        ? conditions.failed.studentError(error)
        : conditions.failed.backoffLimit(student.failures, error);
    return { kind: 'Failed', claim };
  }
  const teacherError = hopelessTeacher(snapshot);
  if (teacherError !== null) return { kind: 'Failed', claim: conditions.failed.teacherError(teacherError) };
  return job.spec.suspend ? { kind: 'Suspended' } : { kind: 'Active' };
}

/** A limit that is set later takes nothing away from a job that is at work. */
function wasAccepted({ status }: DistillJob): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Accepted' && value === 'True') === true;
}

/** True when somebody lets a job go although its streams may stay behind. */
export function isForced({ annotations }: ObjectMeta): boolean {
  return annotations?.[forceDeleteAnnotation] === 'true';
}

/** So many teachers in a row that say "no other attempt would fare better" are believed. */
const believedFailures = 5;

/**
 * A teacher that cannot start says so for all while none has ever worked. Later it may be one bad device, and only a row
 * of them with no other teacher at work ends the job: the model was changed under a run that is resumed, say.
 */
function hopelessTeacher(snapshot: Snapshot): string | null {
  const { cluster, streams } = snapshot;
  if (streams.state !== 'Present') return null;
  const anyWorked =
    streams.reference !== null ||
    streams.logits.messages > 0 ||
    streams.teachers.some(({ phase, items }) => phase === 'Ready' || items > 0);
  const ready = readyTeachers(snapshot);
  if (cluster.pools.some(({ name }) => ready(name).length > 0)) return null;
  const hopeless = cluster.pools.find(
    ({ lastError, failuresInARow }) =>
      lastError?.exitCode === workerExitCodes.terminal && (!anyWorked || failuresInARow >= believedFailures),
  );
  return hopeless?.lastError?.message ?? null;
}
