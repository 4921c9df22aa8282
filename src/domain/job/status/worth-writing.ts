/**
 * Whether a new status is worth a write. Facts (a condition, a phase, a number of teachers, a count) are written at once,
 * progress now and then. `usage` alone never triggers a write: otherwise an idle cluster would write forever. Pure.
 */
import { jsonEqual, omit } from '@distillery/base';

import type { DistillJobStatus } from '../../../api/index.js';

/** @param progressSinceMs progress is due when it was last written before this time */
export function worthWriting(
  before: DistillJobStatus | undefined,
  after: DistillJobStatus,
  progressSinceMs: number,
): boolean {
  if (before === undefined || !jsonEqual(facts(before), facts(after))) return true;
  const writtenMs = Date.parse(before.usage?.accountedUntil ?? '');
  // Written by an operator whose clock was ahead: otherwise nothing would be due until that time.
  if (writtenMs > Date.parse(after.usage?.accountedUntil ?? '')) return true;
  const due = Number.isNaN(writtenMs) || writtenMs <= progressSinceMs;
  return due && !jsonEqual(omit(before, 'usage'), omit(after, 'usage'));
}

/** Conditions whose messages count steps, seconds or slots. */
const countingTypes: readonly string[] = ['Progressing', 'TeachersAvailable', 'Reconciling', 'Stalled'];

function facts(status: DistillJobStatus): object {
  return {
    ...omit(status, 'progress', 'summary', 'buffer', 'usage'),
    accuracy: status.progress?.accuracy,
    // The wanted number follows a rate, and its explanation follows every pod of the cluster.
    teachers: {
      ...status.teachers,
      samplesPerSecond: 0,
      pools: status.teachers?.pools.map((pool) => omit(pool, 'wanted', 'why')),
    },
    // Of counting messages, only the reasons are facts.
    conditions: status.conditions?.map((condition) =>
      countingTypes.includes(condition.type) ? { ...condition, message: '' } : condition,
    ),
  };
}
