/**
 * Where a job stands: being deleted, refused, suspended, queued, ended, or running. Pure. The first rule that holds decides; a
 * verdict that ended the job stays, whatever is observed later.
 */
import { workerExitCodes } from '@distillery/protocol';

import {
  type ConditionDraft,
  conditions,
  forceDeleteAnnotation,
  type ObjectMeta,
  unsupported,
} from '../../../api/index.js';
import { isQueued } from './queued.js';
import { endIn, isTrueIn, type JobObservation, type ReadyTeachers } from '../shapes/index.js';

export type Verdict =
  /** `forced`: the user lets the job go although its streams may stay behind. */
  | { readonly kind: 'Deleting'; readonly forced: boolean }
  | { readonly kind: 'Refused'; readonly condition: ConditionDraft }
  | { readonly kind: 'Complete'; readonly condition: ConditionDraft }
  | { readonly kind: 'Failed'; readonly condition: ConditionDraft }
  | { readonly kind: 'Suspended' }
  /** Active, once Kueue admits the student (queued.ts). */
  | { readonly kind: 'Queued' }
  | { readonly kind: 'Active' };

export function verdictOf(observation: JobObservation, ready: ReadyTeachers): Verdict {
  const { job, cluster, streams, engine } = observation;
  // A local run may read its job from a cluster that was deleting it; this does not delete the run.
  if (engine === 'cluster' && job.metadata.deletionTimestamp !== undefined) {
    return { kind: 'Deleting', forced: isForced(job.metadata) };
  }
  const ended = endIn(job.status);
  if (ended !== undefined) {
    const kind = ended.type === 'Complete' ? 'Complete' : 'Failed';
    return { kind, condition: { type: kind, status: 'True', reason: ended.reason, message: ended.message } };
  }
  const refusal = refusalOf(observation);
  if (refusal !== null) return { kind: 'Refused', condition: refusal };
  const { student } = cluster;
  // The result is in the streams: do not report completion while it cannot be fetched.
  if (student.phase === 'Succeeded' && streams.state !== 'Unreachable') {
    return { kind: 'Complete', condition: completion(observation) };
  }
  if (student.phase === 'Failed') {
    const error = student.lastError?.message ?? 'no termination message';
    const condition =
      student.lastError?.exitCode === workerExitCodes.terminal
        ? conditions.failed.studentError(error)
        : conditions.failed.backoffLimit(student.failures, error);
    return { kind: 'Failed', condition };
  }
  const teacherError = hopelessTeacher(observation, ready);
  if (teacherError !== null) return { kind: 'Failed', condition: conditions.failed.teacherError(teacherError) };
  if (job.spec.suspend) return { kind: 'Suspended' };
  return isQueued(observation) ? { kind: 'Queued' } : { kind: 'Active' };
}

function refusalOf({ job, engine, limited, cluster }: JobObservation): ConditionDraft | null {
  const problems = unsupported(job, engine);
  if (problems.length > 0) return conditions.accepted.notSupported(problems);
  const overLimit = limited?.refusal ?? null;
  // A limit that is set later does not stop a running job.
  if (overLimit !== null && !isTrueIn(job.status, 'Accepted')) return conditions.accepted.overLimit(overLimit);
  return cluster.refusal === null ? null : conditions.accepted.refusedByCluster(cluster.refusal);
}

function completion({ job: { status: before }, streams }: JobObservation): ConditionDraft {
  const reported = streams.state === 'Present' ? streams.student : null;
  const steps = reported?.steps ?? before?.progress?.steps ?? 0;
  const digest = reported?.result?.digest ?? before?.result?.digest ?? 'unknown';
  const early = reported?.result?.stoppedEarly;
  return early === undefined ? conditions.complete.yes(steps, digest) : conditions.complete.early(steps, early, digest);
}

/** Whether the user lets a job go although its streams may stay behind. */
export function isForced({ annotations }: ObjectMeta): boolean {
  return annotations?.[forceDeleteAnnotation] === 'true';
}

/** After this many terminal failures in a row the job gives up on teachers. */
const believedFailures = 5;

/**
 * The error of a teacher that ends the job; null = none does. Until a teacher has ever worked, one terminal failure speaks
 * for all. Later it may be one bad device, so only a row of failures with no other teacher at work ends the job: for
 * example, when the model of a resumed run was changed.
 */
function hopelessTeacher({ cluster, streams }: JobObservation, ready: ReadyTeachers): string | null {
  if (streams.state !== 'Present') return null;
  const anyWorked =
    streams.reference !== null ||
    streams.logits.messages > 0 ||
    streams.teachers.some(({ phase, items }) => phase === 'Ready' || items > 0);
  if (cluster.pools.some(({ name }) => (ready.get(name)?.length ?? 0) > 0)) return null;
  const hopeless = cluster.pools.find(
    ({ lastError, failuresInARow }) =>
      lastError?.exitCode === workerExitCodes.terminal && (!anyWorked || failuresInARow >= believedFailures),
  );
  return hopeless?.lastError?.message ?? null;
}
