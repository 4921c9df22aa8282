/**
 * The student's side of the job's object store. An older attempt may still be writing when a newer one has begun, stopped
 * in any instruction and continuing minutes later, so nothing here relies on being the only writer.
 *
 * Invariants:
 *  object-writer/O1 An object is there whole or not at all: its pieces are stored first, its entry last, and `put`
 *     succeeds only after the object was read back: entry, piece count, size, digest.
 *  object-writer/O3 Every write may be repeated: a piece names the piece before it, an entry the entry that it
 *     replaces.
 *  object-writer/O4 The entry that is replaced is read before the fence is asked, and replaced only while it is still
 *     that one. So a fenced attempt never replaces what a newer attempt stored after its claim.
 *  object-writer/O5 Subjects of pieces carry the attempt. A sweep removes pieces of older attempts only, never those
 *     that a newer one is about to name.
 *  object-writer/O6 An entry goes before its pieces do.
 */
import { randomUUID } from 'node:crypto';

import { digestOf } from '@distillery/nats';
import { type ObjectEntry, objectEntrySubject, objectPiecesSubject } from '@distillery/protocol';

import { ObjectDamaged, ObjectStoreFull } from './errors.js';
import type { Written } from './object-port.js';
import type { ObjectStore } from './object-store.js';

/** @throws WorkerError fenced when a newer attempt has begun */
export type Fence = () => Promise<void>;

/** Far below max_payload, large enough that a round trip each costs little. */
const defaultPieceBytes = 256 * 1024;
/** New tries of a whole object, each under another id; and of a read that another replica may answer late. */
const mostTries = 3;
const mostReads = 5;
const firstReadDelayMs = 50;

const piecesPattern = /^(\d+)-[0-9a-f]{32}$/;

type Tried = { readonly kind: 'stored' } | { readonly kind: 'again' };

export class ObjectWriter {
  readonly #store: ObjectStore;
  readonly #attempt: number;
  readonly #pieceBytes: number;

  /** @param attempt the writer's fencing number; subjects of pieces carry it */
  constructor(store: ObjectStore, attempt: number, options: { readonly pieceBytes?: number } = {}) {
    this.#store = store;
    this.#attempt = attempt;
    this.#pieceBytes = options.pieceBytes ?? defaultPieceBytes;
  }

  /**
   * Stores a blob, replacing one of the same name; when this resolves the blob was read back.
   * @param fence asked after the pieces are stored and before the object becomes visible
   * @throws what `fence` throws, and then the object is not visible; ObjectStoreFull; ObjectDamaged when the server does
   *   not give back what it stored; StreamRefused, StreamUnreachable
   */
  async put(name: string, data: Uint8Array, fence: Fence): Promise<void> {
    for (let tries = 1; tries <= mostTries; tries++) {
      const { kind } = await this.#tryPut(name, data, fence);
      if (kind === 'stored') return;
    }
    throw new ObjectDamaged(name, `was stored ${mostTries} times and never came back whole`);
  }

  async #tryPut(name: string, data: Uint8Array, fence: Fence): Promise<Tried> {
    const { bucket, port } = this.#store;
    const pieceBytes = this.#pieceBytes;
    const before = await this.#store.find(name);
    const nuid = `${this.#attempt}-${randomUUID().replaceAll('-', '')}`;
    const pieces = objectPiecesSubject(bucket, nuid);
    const chunks = Math.ceil(data.length / pieceBytes);
    const entry: ObjectEntry = { name, bucket, nuid, size: data.length, chunks, digest: digestOf(data) };
    try {
      let last = 0;
      for (let start = 0; start < data.length; start += pieceBytes) {
        const stored = await this.#writePiece(
          { name, object: data },
          pieces,
          data.subarray(start, start + pieceBytes),
          last,
        );
        if (stored === null) {
          await port.purge(pieces);
          return { kind: 'again' };
        }
        last = stored;
      }
      await fence();
    } catch (error) {
      // No entry names them. What cannot be purged now, a later attempt sweeps.
      await port.purge(pieces).catch(() => false);
      throw error;
    }
    const entrySubject = objectEntrySubject(bucket, name);
    const written = await port.replace(entrySubject, encodeEntry(entry, pieceBytes), before.sequence);
    switch (written.kind) {
      case 'full':
        await port.purge(pieces);
        throw fullOf(name, written, data.length);
      case 'unconfirmed':
        // It may be stored yet, so its pieces stay.
        throw fullOf(name, written, data.length);
      case 'stored':
      case 'moved':
        break;
    }
    const found = await this.#readBack(entry);
    if (found === 'sound') {
      if (before.entry !== null && before.entry.nuid !== nuid) {
        await port.purge(objectPiecesSubject(bucket, before.entry.nuid));
      }
      return { kind: 'stored' };
    }
    // Not ours to remove when another attempt has replaced it.
    if (found === 'other') await port.purge(pieces);
    else await this.#remove(name, entry);
    return { kind: 'again' };
  }

  /** @returns the piece's sequence; null when something else is stored in its place. @throws ObjectStoreFull */
  async #writePiece(
    { name, object }: { readonly name: string; readonly object: Uint8Array },
    subject: string,
    piece: Uint8Array,
    after: number,
  ): Promise<number | null> {
    const written = await this.#store.port.write(subject, piece, after);
    switch (written.kind) {
      case 'stored':
        return written.sequence;
      case 'full':
      case 'unconfirmed':
        throw fullOf(name, written, object.length);
      case 'moved': {
        // This very piece, stored when its confirmation was lost.
        for (const delayMs of readDelays()) {
          const last = await this.#store.port.last(subject);
          if (last !== null && last.seq > after) return Buffer.compare(last.data, piece) === 0 ? last.seq : null;
          await this.#store.port.sleep(delayMs);
        }
        return null;
      }
    }
  }

  /** What a reader finds under the name. A replica that lags behind gets time. */
  async #readBack(wanted: ObjectEntry): Promise<'sound' | 'damaged' | 'other'> {
    let found: 'damaged' | 'other' = 'other';
    for (const delayMs of readDelays()) {
      const { entry } = await this.#store.find(wanted.name);
      if (entry?.nuid === wanted.nuid) {
        found = 'damaged';
        if (entry.digest === wanted.digest && entry.size === wanted.size && (await this.#store.isSound(entry))) {
          return 'sound';
        }
      }
      await this.#store.port.sleep(delayMs);
    }
    return found;
  }

  /**
   * Removes a blob; one that is not there is fine.
   * @param fence asked after the blob was found and before it is removed; what it throws is thrown (object-writer/O4)
   */
  async delete(name: string, fence: Fence = () => Promise.resolve()): Promise<void> {
    const { entry } = await this.#store.find(name);
    if (entry === null) return;
    await fence();
    await this.#remove(name, entry);
  }

  /** object-writer/O6. Removes this very object, not one that has replaced it meanwhile. */
  async #remove(name: string, { nuid }: ObjectEntry): Promise<void> {
    const { bucket, port } = this.#store;
    const { entry, sequence } = await this.#store.find(name);
    const isGone = entry?.nuid !== nuid || (await port.purge(objectEntrySubject(bucket, name), sequence));
    if (isGone) await port.purge(objectPiecesSubject(bucket, nuid));
  }

  /**
   * Removes pieces that no entry names: left by an older attempt that ended while it wrote. Call it after the attempt is
   * claimed and before a checkpoint is loaded: an older attempt that still writes is then fenced, and reports nothing as
   * durable that this sweep took the pieces of.
   */
  async sweep(): Promise<void> {
    const { bucket, port } = this.#store;
    const { subjects } = await port.look(objectPiecesSubject(bucket, '*'));
    // Read after the subjects: an object that becomes whole in between is kept.
    const kept = new Set((await this.#store.entries()).map(({ nuid }) => objectPiecesSubject(bucket, nuid)));
    const prefix = objectPiecesSubject(bucket, '');
    for (const subject of subjects) {
      if (!kept.has(subject) && attemptOf(subject.slice(prefix.length)) < this.#attempt) await port.purge(subject);
    }
  }
}

/** Attempt that wrote pieces; 0 for those of earlier releases and of other clients. */
function attemptOf(nuid: string): number {
  return Number(piecesPattern.exec(nuid)?.[1] ?? 0);
}

function* readDelays(): Generator<number> {
  for (let read = 0; read < mostReads; read++) yield firstReadDelayMs * 2 ** read;
}

/** @param bytes of the whole object */
function fullOf(name: string, written: Extract<Written, { kind: 'full' | 'unconfirmed' }>, bytes: number): Error {
  return new ObjectStoreFull(name, {
    ...written.fault,
    problem: `the job's object store cannot take ${bytes} bytes: ${written.fault.problem}`,
  });
}

function encodeEntry(entry: ObjectEntry, pieceBytes: number): Uint8Array {
  // The fields beside ours are those that the clients of NATS write; mtime is the server's to say.
  return new TextEncoder().encode(JSON.stringify({ ...entry, mtime: noTime, options: { max_chunk_size: pieceBytes } }));
}
const noTime = '0001-01-01T00:00:00Z';
