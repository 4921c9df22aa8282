/**
 * Whether a new status is worth a write. A change of what is so (a condition, a phase, a number of teachers, a count) is
 * written at once; progress is written now and then; what was used never asks for a write of its own, or a cluster at
 * rest would write for ever. Pure.
 */
import { isDeepStrictEqual } from 'node:util';

import type { DistillJobStatus } from '../api/index.js';

/** @param progressSinceMs progress that was last written before this time is written again */
export function worthWriting(
  before: DistillJobStatus | undefined,
  after: DistillJobStatus,
  progressSinceMs: number,
): boolean {
  if (before === undefined || !isDeepStrictEqual(facts(before), facts(after))) return true;
  const writtenMs = Date.parse(before.usage?.accountedUntil ?? '');
  // An operator whose clock ran ahead wrote it: nothing would be due until that time has come.
  if (writtenMs > Date.parse(after.usage?.accountedUntil ?? '')) return true;
  const due = Number.isNaN(writtenMs) || writtenMs <= progressSinceMs;
  return due && !isDeepStrictEqual(withoutUsage(before), withoutUsage(after));
}

function withoutUsage({ usage: _usage, ...rest }: DistillJobStatus): object {
  return plain(rest);
}

function facts(status: DistillJobStatus): object {
  const { progress, buffer: _buffer, usage: _usage, teachers, conditions, ...rest } = status;
  return plain({
    ...rest,
    accuracy: progress?.accuracy,
    teachers: { ...teachers, samplesPerSecond: 0 },
    // This sentence counts steps; its reason is what changes.
    conditions: conditions?.map((condition) =>
      condition.type === 'Progressing' ? { ...condition, message: '' } : condition,
    ),
  });
}

/** As the API server would give it back: without what is undefined. */
function plain(value: object): object {
  return JSON.parse(JSON.stringify(value)) as object;
}
