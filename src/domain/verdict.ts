/**
 * Where a job stands: refused, suspended, over, or running. Pure. The first rule that holds decides; a verdict that
 * ended the job stays, whatever is observed later.
 */
import { conditions, type ConditionClaim, type Problem, unsupported } from '../api/index.js';

import type { Snapshot } from './snapshot.js';

export type Verdict =
  | { readonly kind: 'Refused'; readonly problems: readonly Problem[] }
  | { readonly kind: 'Complete'; readonly claim: ConditionClaim }
  | { readonly kind: 'Failed'; readonly claim: ConditionClaim }
  | { readonly kind: 'Suspended' }
  | { readonly kind: 'Active' };

/** Exit code of a worker for which no other attempt would fare better (docs/protocol.md "Exit codes"). */
const terminalExit = 65;

export function verdictOf(snapshot: Snapshot): Verdict {
  const { job, cluster, streams, engine } = snapshot;
  const ended = job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  if (ended !== undefined) {
    const kind = ended.type === 'Complete' ? 'Complete' : 'Failed';
    return { kind, claim: { type: kind, status: 'True', reason: ended.reason, message: ended.message } };
  }
  const problems = unsupported(job, engine);
  if (problems.length > 0) return { kind: 'Refused', problems };
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
      student.lastError?.exitCode === terminalExit
        ? conditions.failed.studentError(error)
        : conditions.failed.backoffLimit(student.failures, error);
    return { kind: 'Failed', claim };
  }
  const teacherError = hopelessTeacher(snapshot);
  if (teacherError !== null) return { kind: 'Failed', claim: conditions.failed.teacherError(teacherError) };
  return job.spec.suspend ? { kind: 'Suspended' } : { kind: 'Active' };
}

/** A teacher that cannot start says so for all only while none has ever worked: later it is one bad device. */
function hopelessTeacher({ cluster, streams }: Snapshot): string | null {
  if (streams.state !== 'Present') return null;
  const anyWorked =
    streams.logits.messages > 0 || streams.teachers.some(({ phase, items }) => phase === 'Ready' || items > 0);
  if (anyWorked) return null;
  const error = cluster.pools.find(({ lastError }) => lastError?.exitCode === terminalExit)?.lastError;
  return error?.message ?? null;
}
