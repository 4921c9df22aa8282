/**
 * The history of a job: the key `history` of STATE, compressed text. The operator alone writes it, by compare-and-set, and
 * the job's reader reads it (docs/adr/0060).
 */
import { gunzipSync, gzipSync } from 'node:zlib';

import { directGets, isDeletionMark, jetStreamRefusal, orNull } from '@distillery/nats';
import type { JobNames } from '@distillery/protocol';
import type { JetStreamManager } from '@nats-io/jetstream';

export interface StoredHistory {
  /** Empty = none, or one that cannot be read. */
  readonly text: string;
  /** 0 = none. */
  readonly revision: number;
}

/** Far more than an operator writes. */
const largestText = 1024 * 1024;

/** @throws what the client library throws */
export async function readHistory(
  { direct }: JetStreamManager,
  { bucketStreams, subjects, stateKeys }: JobNames,
): Promise<StoredHistory> {
  const message = await orNull(directGets(direct, bucketStreams.state).last(subjects.state(stateKeys.history)));
  if (message === null) return { text: '', revision: 0 };
  return { text: isDeletionMark(message) ? '' : unpacked(message.data), revision: message.seq };
}

/** @throws what the client library throws */
export async function writeHistory(
  manager: JetStreamManager,
  { subjects, stateKeys }: JobNames,
  text: string,
  revision: number,
): Promise<'stored' | 'moved'> {
  try {
    await manager.jetstream().publish(subjects.state(stateKeys.history), gzipSync(text), {
      expect: { lastSubjectSequence: revision },
    });
    return 'stored';
  } catch (error) {
    if (jetStreamRefusal(error)?.fault === 'moved') return 'moved';
    throw error;
  }
}

function unpacked(data: Uint8Array): string {
  try {
    return gunzipSync(data, { maxOutputLength: largestText }).toString('utf8');
  } catch {
    // Damaged, or of a later format: as if there was none.
    return '';
  }
}
