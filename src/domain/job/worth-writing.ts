/**
 * Whether a new status is worth a write. A change of what is so (a condition, a phase, a number of teachers, a count) is
 * written at once; progress is written now and then; what was used never asks for a write of its own, or a cluster at
 * rest would write for ever. Pure.
 */
import type { DistillJobStatus } from '../../api/index.js';
import { jsonEqual } from '../../lib/json-equal.js';
import { omit } from '../../lib/omit.js';

/** @param progressSinceMs progress that was last written before this time is written again */
export function worthWriting(
  before: DistillJobStatus | undefined,
  after: DistillJobStatus,
  progressSinceMs: number,
): boolean {
  if (before === undefined || !jsonEqual(facts(before), facts(after))) return true;
  const writtenMs = Date.parse(before.usage?.accountedUntil ?? '');
  // An operator whose clock ran ahead wrote it: nothing would be due until that time has come.
  if (writtenMs > Date.parse(after.usage?.accountedUntil ?? '')) return true;
  const due = Number.isNaN(writtenMs) || writtenMs <= progressSinceMs;
  return due && !jsonEqual(omit(before, 'usage'), omit(after, 'usage'));
}

function facts(status: DistillJobStatus): object {
  return {
    ...omit(status, 'progress', 'summary', 'buffer', 'usage'),
    accuracy: status.progress?.accuracy,
    // What is wanted follows a rate, and why it is not more follows every pod of the cluster.
    teachers: {
      ...status.teachers,
      samplesPerSecond: 0,
      pools: status.teachers?.pools.map((pool) => omit(pool, 'wanted', 'why')),
    },
    // These sentences count steps and slots; their reasons are what changes.
    conditions: status.conditions?.map((condition) =>
      condition.type === 'Progressing' || condition.type === 'TeachersAvailable'
        ? { ...condition, message: '' }
        : condition,
    ),
  };
}
