/**
 * Named blobs in the job's object store: checkpoints and results. Written in the format of all NATS clients, so that
 * the operator and the `nats` tool read them, but with plain publishes and direct gets only: the library's reader makes
 * push consumers, and a right to make those reaches further than this job (docs/adr/0005).
 *
 * Invariants:
 *  O1 An object is there whole or not at all: its pieces are stored first, its entry last.
 *  O2 Reading checks size and digest; a damaged object is an error, never wrong bytes.
 */
import { createHash, randomUUID } from 'node:crypto';

import type { StoredMsg } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { z } from 'zod';

import type { JobNames } from '../../src/protocol/index.js';
import { WorkerError } from '../shell/exit.js';

import type { StreamLink } from './connect.js';
import { ObjectDamaged } from './errors.js';
import { refused } from './logits-writer.js';
import { refusalOf } from './store-errors.js';

export interface ObjectEntry {
  readonly name: string;
  readonly bytes: number;
}

/** Far below max_payload, large enough that a round trip each costs little. */
const pieceBytes = 256 * 1024;

const entrySchema = z.object({
  name: z.string(),
  bucket: z.string(),
  nuid: z.string(),
  size: z.number().int().min(0),
  chunks: z.number().int().min(0),
  digest: z.string(),
  deleted: z.boolean().optional(),
});
type Entry = z.infer<typeof entrySchema>;

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
        digest: digestOf(createHash('sha256').update(data)),
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
    const data = new Uint8Array(entry.size);
    let at = 0;
    let sequence = 1;
    for (let piece = 0; piece < entry.chunks; piece++) {
      const found = await this.#next(this.#pieces(entry.nuid), sequence);
      if (found === null) throw new ObjectDamaged(name, `found ${piece} pieces, expected ${entry.chunks}`);
      if (at + found.data.length > entry.size) throw new ObjectDamaged(name, `it is longer than ${entry.size} bytes`);
      data.set(found.data, at);
      at += found.data.length;
      sequence = found.seq + 1;
    }
    if (at !== entry.size) throw new ObjectDamaged(name, `found ${at} bytes, expected ${entry.size}`);
    const digest = digestOf(createHash('sha256').update(data));
    if (digest !== entry.digest) throw new ObjectDamaged(name, `found ${digest}, expected ${entry.digest}`);
    return data;
  }

  /** In the order in which they were written. */
  async list(): Promise<ObjectEntry[]> {
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
    return `$O.${this.#bucket}.C.${nuid}`;
  }

  #entrySubject(name: string): string {
    const encoded = Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    return `$O.${this.#bucket}.M.${encoded}`;
  }

  async #entry(name: string): Promise<Entry | null> {
    const doing = `look for object ${name}`;
    try {
      return readEntry(
        await this.#link.untilAnswered(doing, () =>
          this.#link.direct.getMessage(this.#stream, { last_by_subj: this.#entrySubject(name) }),
        ),
      );
    } catch (error) {
      throw refused(doing, error);
    }
  }

  /** Walks over the entries, of which there are few: one a checkpoint that is kept, one a result. */
  async #entries(): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (let sequence = 1; ;) {
      const message = await this.#next(`$O.${this.#bucket}.M.>`, sequence);
      if (message === null) return entries;
      const entry = readEntry(message);
      if (entry !== null) entries.push(entry);
      sequence = message.seq + 1;
    }
  }

  async #next(subject: string, sequence: number): Promise<StoredMsg | null> {
    const doing = `read ${this.#stream}`;
    try {
      return await this.#link.untilAnswered(doing, () =>
        this.#link.direct.getMessage(this.#stream, { seq: sequence, next_by_subj: subject }),
      );
    } catch (error) {
      throw refused(doing, error);
    }
  }

  async #putEntry(entry: Entry): Promise<void> {
    const rollUp = headers();
    // The new entry takes the place of the old one in the same write.
    rollUp.set('Nats-Rollup', 'sub');
    const mtime = new Date(this.#link.clock.now()).toISOString();
    const options = { max_chunk_size: pieceBytes };
    await this.#publish(this.#entrySubject(entry.name), JSON.stringify({ ...entry, mtime, options }), rollUp);
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

function readEntry(message: StoredMsg | null): Entry | null {
  if (message === null) return null;
  let value: unknown;
  try {
    value = message.json();
  } catch {
    return null;
  }
  const entry = entrySchema.safeParse(value);
  return entry.success && entry.data.deleted !== true ? entry.data : null;
}

/** As the clients write it: base64url with padding. */
function digestOf(hash: ReturnType<typeof createHash>): string {
  return `SHA-256=${hash.digest('base64').replaceAll('+', '-').replaceAll('/', '_')}`;
}
