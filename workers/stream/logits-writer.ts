/**
 * The teacher's side of LOGITS and DEAD: stores answers, at most one a step (I3).
 */
import { FrameError, type DeadItem, type JobNames, readHeader } from '@distillery/protocol';

import type { StreamLink } from './connect.js';
import { FrameConflict, refused } from './errors.js';
import { refusalOf } from './store-errors.js';
import { tracedBy } from './trace-header.js';
import { untilStored } from './until-stored.js';

/** Time between tries while LOGITS is full: the student trains, the operator trims. */
const fullDelayMs = 500;
/** A full stream is logged once in this many tries. */
const fullLogEvery = 20;

/**
 * Stores one frame and waits for the server's confirmation, however long the server is away.
 * @param traceparent context of the span that publishes; absent = the message has no headers
 * @returns duplicate when a frame of the same teacher and seed is stored already
 * @throws FrameConflict when the stored one is of another model; StreamRefused; StreamUnreachable
 */
export async function publishFrame(
  link: StreamLink,
  names: JobNames,
  id: { readonly shard: number; readonly step: number },
  frame: Uint8Array,
  traceparent?: string,
): Promise<'stored' | 'duplicate'> {
  const { shard, step } = id;
  const subject = names.subjects.logits(shard, step);
  const options = tracedBy(traceparent);
  const doing = `store the logits of step ${step}, shard ${shard}`;
  for (let tries = 1; ; tries++) {
    try {
      await link.untilAnswered(doing, () => link.client.publish(subject, frame, options));
      return 'stored';
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === null) throw refused(doing, error);
      const stored = await link.untilAnswered(doing, () => link.gets(names.streams.logits).last(subject));
      // Taken by our own publish whose confirmation was lost, by another teacher, or by an old process that resumed.
      if (stored !== null) return compare(id, stored.data, frame);
      if (refusal === 'full' && tries % fullLogEvery === 1) {
        link.log.warn(`${doing}: the stream is full; waiting for the student to train and the operator to trim`);
      }
    }
    await link.clock.sleep(fullDelayMs);
  }
}

/** @throws FrameConflict */
function compare(
  { shard, step }: { readonly shard: number; readonly step: number },
  stored: Uint8Array,
  own: Uint8Array,
): 'duplicate' {
  const ours = readHeader(own);
  let theirs;
  try {
    theirs = readHeader(stored);
  } catch (error) {
    // Damaged in the store: the student finds it, the operator deletes it, and the step is asked for again.
    if (error instanceof FrameError) return 'duplicate';
    throw error;
  }
  if (theirs.teacherDigest !== ours.teacherDigest) {
    throw new FrameConflict(step, shard, 'teacher digest', theirs.teacherDigest, ours.teacherDigest);
  }
  if (theirs.augmentSeed !== ours.augmentSeed) {
    throw new FrameConflict(step, shard, 'augmentation seed', theirs.augmentSeed, ours.augmentSeed);
  }
  return 'duplicate';
}

/**
 * Stores a work item that no teacher could compute, with its last error. A later dead letter of the same shard and step replaces an
 * earlier one. Waits while the server has no room.
 */
export async function publishDeadLetter(link: StreamLink, names: JobNames, item: DeadItem): Promise<void> {
  const doing = `store the dead letter of step ${item.step}, shard ${item.shard}`;
  try {
    await untilStored(link, doing, () =>
      link.client.publish(names.subjects.dead(item.shard, item.step), JSON.stringify(item)),
    );
  } catch (error) {
    throw refused(doing, error);
  }
}
