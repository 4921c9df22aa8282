/**
 * The frames of a job (shards of steps): the work item that asks for one, the check that a stored frame answers it
 * (docs/protocol.md "What a student does", rule 5), and the record of the frames that did not.
 */
import {
  type DamagedFrame,
  decodeFrame,
  FrameError,
  maxDamagedFrames,
  samplesOfRows,
  type Schedule,
  shardRows,
  type WorkItem,
} from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import type { StoredFrame } from '../stream/index.js';

import { type StudentWidth, widthFault } from './widths.js';

/** One shard of one step: what one work item asks for and one frame answers. */
export interface FrameId {
  readonly step: number;
  readonly shard: number;
}

/** What decides the items and frames of a job. */
export interface JobShape {
  readonly schedule: Schedule;
  /** Shards of a step. */
  readonly shards: number;
  /** Logits of a row. */
  readonly columns: number;
  /** For the message about a teacher of another width. */
  readonly width: StudentWidth;
}

/** Returns the work item that asks for one frame. */
export function itemFor(
  { schedule, shards }: Pick<JobShape, 'schedule' | 'shards'>,
  { step, shard }: FrameId,
): Omit<WorkItem, 'version'> {
  const rows = shardRows(schedule.rows(step), shards, shard);
  const samples = samplesOfRows(rows, schedule.positions);
  return {
    step,
    shard,
    firstRow: rows.start,
    indices: [...schedule.indices(step).subarray(samples.start, samples.end)],
    augmentSeed: schedule.augmentSeed(step),
  };
}

/**
 * Returns the logits of a stored frame, [rows of the shard, columns], and the digest of its teacher.
 * @param teacherDigest hex digest that the frame must carry; null = any
 * @throws FrameError when the frame is damaged or answers another item: its step must be fed again.
 *   WorkerError terminal when it has another width: every other frame would have it too
 */
export function checkFrame(
  frame: StoredFrame,
  { schedule, shards, columns, width }: JobShape,
  teacherDigest: string | null,
): { readonly logits: Float32Array; readonly teacherDigest: string } {
  const { header, logits } = decodeFrame(frame.data);
  const { start, end } = shardRows(schedule.rows(frame.step), shards, frame.shard);
  const expected = [
    ['step', header.step, frame.step],
    ['shard', header.shard, frame.shard],
    ['rows', header.rows, end - start],
    ['augmentation seed', header.augmentSeed, schedule.augmentSeed(frame.step)],
    ['teacher digest', header.teacherDigest, teacherDigest ?? header.teacherDigest],
  ] as const;
  for (const [what, found, wanted] of expected) {
    if (found !== wanted) {
      throw new FrameError('foreign', {
        problem: `${what}: found ${String(found)}, expected ${String(wanted)}`,
        remedy: '',
      });
    }
  }
  if (header.columns !== columns) throw new WorkerError('terminal', widthFault(header.columns, columns, width));
  return { logits, teacherDigest: header.teacherDigest };
}

/** Returns the shards that have rows. A batch with fewer rows than shards has empty ones, which are never fed. */
export function shardsWithRows(rows: number, shards: number): number[] {
  const all = Array.from({ length: shards }, (_, shard) => shard);
  return all.filter((shard) => {
    const { start, end } = shardRows(rows, shards, shard);
    return end > start;
  });
}

interface WrongFrame {
  readonly step: number;
  /** Wrong frames so far. */
  readonly count: number;
  /** The one that is stored now; null when it is gone. */
  readonly frame: DamagedFrame | null;
}

/** The limit of the telemetry. */
const maxReasonLength = 500;

/**
 * Wrong frames: which ones the operator must delete, and how often each frame was wrong. Bounded by the window, since
 * trained steps are forgotten.
 */
export class DamageLog {
  readonly #noted = new Map<string, WrongFrame>();

  /** Frames for the operator to delete, at most `maxDamagedFrames`. */
  get frames(): DamagedFrame[] {
    return [...this.#noted.values()].flatMap(({ frame }) => frame ?? []).slice(0, maxDamagedFrames);
  }

  /** Returns how often this frame was wrong; null when this frame is noted already. */
  note({ reason, ...frame }: DamagedFrame): number | null {
    const key = keyOf(frame);
    const before = this.#noted.get(key);
    if (before?.frame?.sequence === frame.sequence) return null;
    const count = (before?.count ?? 0) + 1;
    this.#noted.set(key, { step: frame.step, count, frame: { ...frame, reason: reason.slice(0, maxReasonLength) } });
    return count;
  }

  /** The wrong frame is deleted. Its sequence must not be reported again: a new stream may use it for another frame. */
  gone(id: FrameId): void {
    const key = keyOf(id);
    const noted = this.#noted.get(key);
    if (noted !== undefined) this.#noted.set(key, { ...noted, frame: null });
  }

  /** The steps through this one are trained. */
  discardThrough(step: number): void {
    for (const [key, { step: of }] of this.#noted) if (of <= step) this.#noted.delete(key);
  }
}

function keyOf({ step, shard }: FrameId): string {
  return `${step}.${shard}`;
}
