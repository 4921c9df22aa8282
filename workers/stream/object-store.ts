/**
 * Named blobs in the job's object store, as they are read: checkpoints and results. In the format of all NATS clients
 * (packages/protocol/src/objects.ts), so that the operator and the `nats` tool read them, but with plain publishes and direct gets
 * only (docs/adr/0005). Written by object-writer.ts.
 *
 * Invariant:
 *  object-store/O2 Reading checks piece count, size and digest; a damaged object is an error, never wrong bytes.
 */
import { createHash } from 'node:crypto';

import {
  listObjectEntries,
  objectDigest,
  type ObjectEntry,
  objectEntrySubject,
  ObjectFault,
  objectPieces,
  readObjectEntry,
  wholeObject,
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

  constructor(port: ObjectPort, bucket: string) {
    this.port = port;
    this.bucket = bucket;
  }

  /** @returns null when there is none. @throws ObjectDamaged, StreamRefused, StreamUnreachable */
  async get(name: string): Promise<Uint8Array | null> {
    const { entry } = await this.find(name);
    return entry === null ? null : this.read(entry);
  }

  /** @throws ObjectDamaged, StreamRefused, StreamUnreachable */
  async read(entry: ObjectEntry): Promise<Uint8Array> {
    let data: Uint8Array;
    try {
      data = await wholeObject(entry, (subject, from) => this.port.next(subject, from));
    } catch (error) {
      throw error instanceof ObjectFault ? new ObjectDamaged(entry.name, error.message) : error;
    }
    const found = digestOf(data);
    if (found !== entry.digest) throw new ObjectDamaged(entry.name, `found ${found}, expected ${entry.digest}`);
    return data;
  }

  /** Whether what is stored is what its entry says, piece by piece. @throws StreamRefused, StreamUnreachable */
  async isSound(entry: ObjectEntry): Promise<boolean> {
    const hash = createHash('sha256');
    try {
      for await (const piece of objectPieces(entry, (subject, from) => this.port.next(subject, from)))
        hash.update(piece);
    } catch (error) {
      if (error instanceof ObjectFault) return false;
      throw error;
    }
    return objectDigest(hash.digest()) === entry.digest;
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
      return await listObjectEntries(this.bucket, (subject, from) => this.port.next(subject, from));
    } catch (error) {
      throw error instanceof ObjectFault ? new ObjectDamaged(this.bucket, error.message) : error;
    }
  }
}

export function digestOf(data: Uint8Array): string {
  return objectDigest(createHash('sha256').update(data).digest());
}
