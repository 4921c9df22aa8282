/**
 * The student's side of WORK, and single reads of answers. Feeding and probing are idempotent, so the student may repeat
 * both whenever it is in doubt (I2).
 */
import {
  type DeadItem,
  deadItemSchema,
  encodeWorkItem,
  type JobNames,
  missingFeatures,
  missingFeaturesText,
  type WorkItem,
} from '@distillery/protocol';
import type { StoredMsg } from '@nats-io/jetstream';

import type { StreamLink } from './connect.js';
import { refused } from './errors.js';
import { refusalOf } from './store-errors.js';
import { traceparentIn, tracedBy } from './trace-header.js';

/** One stored logits frame. */
export interface StoredFrame {
  /** Sequence in LOGITS. */
  readonly sequence: number;
  readonly shard: number;
  readonly step: number;
  readonly data: Uint8Array;
  /** Its header of that name, unchecked. */
  readonly traceparent?: string | undefined;
}

export type Probe =
  | { readonly kind: 'frame'; readonly frame: StoredFrame }
  | { readonly kind: 'dead'; readonly item: DeadItem }
  | { readonly kind: 'absent' };

/** Time between tries while WORK is full: credits keep it far below, so this is the safety net. */
const fullDelayMs = 250;

/**
 * Puts an item into WORK and waits for the server's confirmation, however long the server is away.
 * @param traceparent context of the span that feeds; absent = the message has no headers
 * @throws StreamRefused, StreamUnreachable
 */
export async function feed(
  link: StreamLink,
  names: JobNames,
  item: Omit<WorkItem, 'version'>,
  traceparent?: string,
): Promise<'fed' | 'alreadyThere'> {
  const doing = `feed step ${item.step}, shard ${item.shard}`;
  const payload = encodeWorkItem(item);
  const subject = names.subjects.work(item.shard, item.step);
  const options = tracedBy(traceparent);
  for (;;) {
    try {
      await link.untilAnswered(doing, () => link.client.publish(subject, payload, options));
      return 'fed';
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === 'taken') return 'alreadyThere';
      if (refusal !== 'full') throw refused(doing, error);
    }
    await link.clock.sleep(fullDelayMs);
  }
}

/** Returns what is stored for one shard of a step: its frame, its dead letter, or nothing. @throws StreamRefused, StreamUnreachable */
export async function probe(link: StreamLink, names: JobNames, shard: number, step: number): Promise<Probe> {
  const doing = `look for step ${step}, shard ${shard}`;
  const last = async (stream: string, subject: string): Promise<StoredMsg | null> => {
    try {
      return await link.untilAnswered(doing, () => link.gets(stream).last(subject));
    } catch (error) {
      throw refused(doing, error);
    }
  };
  const stored = await last(names.streams.logits, names.subjects.logits(shard, step));
  if (stored !== null) {
    const traceparent = traceparentIn(stored.header);
    return { kind: 'frame', frame: { sequence: stored.seq, shard, step, data: stored.data, traceparent } };
  }
  const dead = await last(names.streams.dead, names.subjects.dead(shard, step));
  if (dead === null) return { kind: 'absent' };
  const message: unknown = dead.json();
  const parsed = deadItemSchema.safeParse(message);
  if (parsed.success) return { kind: 'dead', item: parsed.data };
  const missing = missingFeatures(message);
  const error =
    missing.length > 0
      ? `its dead letter ${missingFeaturesText(missing)}: use workers of one version`
      : 'its dead letter cannot be read: a teacher of another version wrote it';
  return { kind: 'dead', item: { shard, step, teacher: 'unknown', deliveries: 0, error, item: null } };
}
