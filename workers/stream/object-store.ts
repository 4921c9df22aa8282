/**
 * Named blobs in the job's object store, as they are read: checkpoints and results. In the format of all NATS clients
 * (packages/protocol/src/objects.ts), so that the operator and the `nats` tool read them, but with plain publishes and direct gets
 * only (docs/adr/0005). Written by object-writer.ts.
 *
 * Invariant:
 *  object-store/O2 Reading checks piece count, size and digest; a damaged object is an error, never wrong bytes.
 */
import { problemOf } from '@distillery/base';
import { checkedObject, isSound } from '@distillery/nats';
import {
  listObjectEntries,
  type NextPiece,
  type ObjectEntry,
  objectEntrySubject,
  ObjectFault,
  readObjectEntry,
} from '@distillery/protocol';

import { ObjectDamaged } from './errors.js';
import type { ObjectPort } from './object-port.js';

export interface ObjectSummary {
  readonly name: string;
  readonly bytes: number;
}

export interface FoundEntry {
  /** null: none, or a mark of deletion, or unreadable. */
  readonly entry: ObjectEntry | null;
  /** Of the subject's last message; 0 = there is none. */
  readonly sequence: number;
}

export class ObjectStore {
  readonly port: ObjectPort;
  readonly bucket: string;
  readonly #next: NextPiece;

  constructor(port: ObjectPort, bucket: string) {
    this.port = port;
    this.bucket = bucket;
    this.#next = (subject, from) => port.next(subject, from);
  }

  /** @returns null when there is none. @throws ObjectDamaged, StreamRefused, StreamUnreachable */
  async get(name: string): Promise<Uint8Array | null> {
    const { entry } = await this.find(name);
    return entry === null ? null : this.read(entry);
  }

  /** @throws ObjectDamaged, StreamRefused, StreamUnreachable */
  async read(entry: ObjectEntry): Promise<Uint8Array> {
    try {
      return await checkedObject(entry, this.#next);
    } catch (error) {
      throw error instanceof ObjectFault ? new ObjectDamaged(entry.name, problemOf(error.fault)) : error;
    }
  }

  /** Whether what is stored is what its entry says, piece by piece. @throws StreamRefused, StreamUnreachable */
  async isSound(entry: ObjectEntry): Promise<boolean> {
    return isSound(entry, this.#next);
  }

  /** In the order in which they were written. */
  async list(): Promise<ObjectSummary[]> {
    return (await this.entries()).map(({ name, size }) => ({ name, bytes: size }));
  }

  /** What the store may hold; null = as much as the server has. */
  async limit(): Promise<{ readonly maxBytes: number | null }> {
    const { maxBytes } = await this.port.look(objectEntrySubject(this.bucket, 'none'));
    return { maxBytes };
  }

  async find(name: string): Promise<FoundEntry> {
    const message = await this.port.last(objectEntrySubject(this.bucket, name));
    if (message === null) return { entry: null, sequence: 0 };
    return { entry: readObjectEntry(this.bucket, message), sequence: message.seq };
  }

  /** @throws ObjectDamaged when there are more than a job ever has */
  async entries(): Promise<ObjectEntry[]> {
    try {
      return await listObjectEntries(this.bucket, this.#next);
    } catch (error) {
      throw error instanceof ObjectFault ? new ObjectDamaged(this.bucket, problemOf(error.fault)) : error;
    }
  }
}
