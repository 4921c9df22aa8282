/** The width of the teacher's answers, for a preset where neither the job nor the labels say how many outputs it has. */
import type { Clock } from '@distillery/base';
import type { Reference } from '@distillery/protocol';

import type { Log } from '../base/index.js';

const pollMs = 500;

/**
 * Waits for the first teacher, which says its width in the job's reference answers before it takes work. Every attempt finds the
 * same: a teacher of another width never joins.
 * @param read the reference answers; null while there are none
 * @returns logits of a row
 * @throws what `read` throws; the reason of `stop` once it aborts
 */
export async function teacherWidth(
  read: () => Promise<Pick<Reference, 'columns'> | null>,
  { clock, log, stop }: { readonly clock: Clock; readonly log: Pick<Log, 'info'>; readonly stop: AbortSignal },
): Promise<number> {
  for (let first = true; ; first = false) {
    stop.throwIfAborted();
    const reference = await read();
    if (reference !== null) return reference.columns;
    if (first) log.info('waiting for the first teacher, whose width is that of the student');
    await clock.sleep(pollMs, stop);
  }
}

/** For the job's notes. */
export function widthNote(columns: number): string {
  return `student.model.uri names no outputs, and there are no labels to count: the student has ${String(columns)}, as many as the teacher answers`;
}
