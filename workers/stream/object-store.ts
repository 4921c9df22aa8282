/**
 * Named blobs in the job's object store: checkpoints and results. Written in the format of all NATS clients
 * (src/protocol/objects.ts), so that the operator and the `nats` tool read them, but with plain publishes and direct gets
 * only (docs/adr/0005).
 *
 * Invariants:
 *  O1 An object is there whole or not at all: its pieces are stored first, its entry last.
 *  O2 Reading checks size and digest; a damaged object is an error, never wrong bytes.
 */
import { createHash, randomUUID } from 'node:crypto';

import { headers } from '@nats-io/transport-node';
import { z } from 'zod';

import {
  type JobNames,
  listObjectEntries,
  objectDigest,
  type ObjectEntry,
  objectEntrySubject,
  ObjectFault,
  objectPiecesSubject,
  readObjectEntry,
  type StoredPiece,
  wholeObject,
} from '../../src/protocol/index.js';
import { WorkerError } from '../shell/exit.js';

import type { StreamLink } from './connect.js';
import { ObjectDamaged } from './errors.js';
import { refused } from './logits-writer.js';
import { refusalOf } from './store-errors.js';

export interface ObjectSummary {
  readonly name: string;
  readonly bytes: number;
}

/** Far below max_payload, large enough that a round trip each costs little. */
const pieceBytes = 256 * 1024;

const streamInfoSchema = z.object({
  state: z.object({ subjects: z.record(z.string(), z.number()).optional() }).optional(),
});

export class ObjectStore {
  readonly #link: StreamLink;
  readonly #bucket: string;
  readonly #stream: string;

  constructor(link: StreamLink, names: JobNames) {
    this.#link = link;
    this.#bucket = names.objectBucket;
    this.#stream = `OBJ_${names.objectBucket}`;
  }

  /**
   * Stores a blob, replacing one of the same name.
   * @throws WorkerError storage when the bucket is full; StreamRefused, StreamUnreachable
   */
  async put(name: string, data: Uint8Array): Promise<void> {
    const before = await this.#entry(name);
    const nuid = randomUUID().replaceAll('-', '');
    let chunks = 0;
    try {
      for (let start = 0; start < data.length; start += pieceBytes) {
        await this.#publish(this.#pieces(nuid), data.subarray(start, start + pieceBytes));
        chunks += 1;
      }
      await this.#putEntry({
        name,
        bucket: this.#bucket,
        nuid,
        size: data.length,
        chunks,
        digest: digestOf(data),
      });
    } catch (error) {
      await this.#purge(nuid);
      throw refusalOf(error) === 'full'
        ? new WorkerError('storage', `object ${name}: the job's object store is full (${data.length} bytes to write)`, {
            cause: error,
          })
        : refused(`store object ${name}`, error);
    }
    if (before !== null) await this.#purge(before.nuid);
  }

  /** @returns null when there is none. @throws ObjectDamaged, StreamRefused, StreamUnreachable */
  async get(name: string): Promise<Uint8Array | null> {
    const entry = await this.#entry(name);
    if (entry === null) return null;
    let data: Uint8Array;
    try {
      data = await wholeObject(entry, (subject, from) => this.#next(subject, from));
    } catch (error) {
      throw error instanceof ObjectFault ? new ObjectDamaged(name, error.message) : error;
    }
    const digest = digestOf(data);
    if (digest !== entry.digest) throw new ObjectDamaged(name, `found ${digest}, expected ${entry.digest}`);
    return data;
  }

  /** In the order in which they were written. */
  async list(): Promise<ObjectSummary[]> {
    return (await this.#entries()).map(({ name, size }) => ({ name, bytes: size }));
  }

  /** Removes a blob; one that is not there is fine. */
  async delete(name: string): Promise<void> {
    const entry = await this.#entry(name);
    if (entry === null) return;
    await this.#putEntry({ ...entry, size: 0, chunks: 0, digest: '', deleted: true });
    await this.#purge(entry.nuid);
  }

  /** Removes pieces that no entry names: left by a student that was killed while it wrote. Only for the sole writer. */
  async sweep(): Promise<void> {
    const kept = new Set((await this.#entries()).map(({ nuid }) => this.#pieces(nuid)));
    const filter = { subjects_filter: this.#pieces('*') };
    const info = streamInfoSchema.parse(await this.#ask('STREAM.INFO', filter));
    for (const subject of Object.keys(info.state?.subjects ?? {})) {
      if (!kept.has(subject)) await this.#ask('STREAM.PURGE', { filter: subject });
    }
  }

  #pieces(nuid: string): string {
    return objectPiecesSubject(this.#bucket, nuid);
  }

  async #entry(name: string): Promise<ObjectEntry | null> {
    const doing = `look for object ${name}`;
    try {
      const message = await this.#link.untilAnswered(doing, () =>
        this.#link.direct.getMessage(this.#stream, { last_by_subj: objectEntrySubject(this.#bucket, name) }),
      );
      return message === null ? null : readObjectEntry(this.#bucket, message);
    } catch (error) {
      throw refused(doing, error);
    }
  }

  async #entries(): Promise<ObjectEntry[]> {
    try {
      return await listObjectEntries(this.#bucket, (subject, from) => this.#next(subject, from));
    } catch (error) {
      throw error instanceof ObjectFault ? new ObjectDamaged(this.#bucket, error.message) : error;
    }
  }

  async #next(subject: string, sequence: number): Promise<StoredPiece | null> {
    const doing = `read ${this.#stream}`;
    try {
      return await this.#link.untilAnswered(doing, () =>
        this.#link.direct.getMessage(this.#stream, { seq: sequence, next_by_subj: subject }),
      );
    } catch (error) {
      throw refused(doing, error);
    }
  }

  async #putEntry(entry: ObjectEntry): Promise<void> {
    const rollUp = headers();
    // The new entry takes the place of the old one in the same write.
    rollUp.set('Nats-Rollup', 'sub');
    const mtime = new Date(this.#link.clock.now()).toISOString();
    const options = { max_chunk_size: pieceBytes };
    await this.#publish(
      objectEntrySubject(this.#bucket, entry.name),
      JSON.stringify({ ...entry, mtime, options }),
      rollUp,
    );
  }

  async #publish(subject: string, data: Uint8Array | string, with_?: ReturnType<typeof headers>): Promise<void> {
    await this.#link.untilAnswered(`write to ${this.#stream}`, () =>
      this.#link.client.publish(subject, data, with_ === undefined ? {} : { headers: with_ }),
    );
  }

  async #purge(nuid: string): Promise<void> {
    await this.#ask('STREAM.PURGE', { filter: this.#pieces(nuid) });
  }

  async #ask(verb: 'STREAM.PURGE' | 'STREAM.INFO', request: object): Promise<unknown> {
    const subject = `$JS.API.${verb}.${this.#stream}`;
    const answer = await this.#link.untilAnswered(`${verb} ${this.#stream}`, () =>
      this.#link.connection.request(subject, JSON.stringify(request), { timeout: 2_000 }),
    );
    return answer.json();
  }
}

function digestOf(data: Uint8Array): string {
  return objectDigest(createHash('sha256').update(data).digest());
}
