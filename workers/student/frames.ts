/** Whether a stored frame is the answer to what this job asked (docs/protocol.md "What a student does", rule 4). */
import { decodeFrame, FrameError, type Schedule, shardRows } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';

/** One stored logits frame. */
export interface StoredFrame {
  /** Sequence in LOGITS. */
  readonly sequence: number;
  readonly shard: number;
  readonly step: number;
  readonly data: Uint8Array;
}

export interface Asked {
  readonly schedule: Schedule;
  readonly shards: number;
  readonly columns: number;
  /** null = not known yet, any. */
  readonly teacherDigest: string | null;
}

/**
 * @returns logits [rows of the shard, columns] and the teacher's digest
 * @throws FrameError when the frame is damaged or answers something else: the step must be asked for again.
 *   WorkerError terminal when it is of another width: asking again would bring the same
 */
export function checkFrame(
  frame: StoredFrame,
  { schedule, shards, columns, teacherDigest }: Asked,
): { readonly logits: Float32Array; readonly teacherDigest: string } {
  const { header, logits } = decodeFrame(frame.data);
  const { start, end } = shardRows(schedule.indices(frame.step).length, shards, frame.shard);
  const expected = [
    ['step', header.step, frame.step],
    ['shard', header.shard, frame.shard],
    ['rows', header.rows, end - start],
    ['augmentation seed', header.augmentSeed, schedule.augmentSeed(frame.step)],
    ['teacher digest', header.teacherDigest, teacherDigest ?? header.teacherDigest],
  ] as const;
  for (const [what, found, wanted] of expected) {
    if (found !== wanted) {
      throw new FrameError('foreign', `${what}: found ${String(found)}, expected ${String(wanted)}`);
    }
  }
  if (header.columns !== columns) throw new WorkerError('terminal', widthSentence(header.columns, columns));
  return { logits, teacherDigest: header.teacherDigest };
}

/** Shards of a batch that have rows: with fewer rows than shards some are empty, and nobody asks for those. */
export function shardsWithRows(rows: number, shards: number): number[] {
  const all = Array.from({ length: shards }, (_, shard) => shard);
  return all.filter((shard) => {
    const { start, end } = shardRows(rows, shards, shard);
    return end > start;
  });
}

export function widthSentence(teacher: number, student: number): string {
  return (
    `teacher and student differ in width: found ${teacher} logits a sample of the teacher, expected ${student} as the ` +
    `student has; give the student model ${teacher} outputs or take another teacher`
  );
}
