/**
 * Reading a job's object store, as the operator or as the job's reader: by direct gets, within few rights
 * (packages/protocol/src/objects.ts, docs/adr/0005). Owns the check of the digest.
 */
import { createHash } from 'node:crypto';

import { within } from '@distillery/base';
import {
  type JobNames,
  listObjectEntries,
  type NextPiece,
  objectDigest,
  objectEntrySubject,
  ObjectFault,
  objectPieces,
  readObjectEntry,
} from '@distillery/protocol';
import type { JetStreamManager } from '@nats-io/jetstream';
import { RequestError } from '@nats-io/transport-node';

import { StreamError } from './errors.js';
import { objectStreamOf } from './streams.js';

export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
  /** `SHA-256=` and the digest in base64url. */
  readonly digest: string;
}

/** @throws StreamError damaged when a worker stored more objects than a job has */
export async function listObjects(manager: JetStreamManager, names: JobNames): Promise<StoredObject[]> {
  try {
    const entries = await listObjectEntries(names.objectBucket, nextIn(manager, names));
    return entries.map(({ name, size, digest }) => ({ name, bytes: size, digest }));
  } catch (error) {
    throw error instanceof ObjectFault ? new StreamError('damaged', within(names.objectBucket, error.fault)) : error;
  }
}

/** Its pieces; sound when the last was followed by no error. @throws StreamError missing, damaged */
export async function* readObject(
  manager: JetStreamManager,
  names: JobNames,
  name: string,
): AsyncGenerator<Uint8Array> {
  const subject = objectEntrySubject(names.objectBucket, name);
  const stored = await orGone(manager, names, () =>
    manager.direct.getMessage(objectStreamOf(names), { last_by_subj: subject }),
  );
  const entry = stored === null ? null : readObjectEntry(names.objectBucket, stored);
  if (entry === null) {
    throw new StreamError('missing', {
      about: `object ${name}`,
      problem: `found none in ${names.objectBucket}`,
      remedy: 'the job may not have written it yet',
    });
  }
  const hash = createHash('sha256');
  try {
    for await (const piece of objectPieces(entry, nextIn(manager, names))) {
      hash.update(piece);
      yield piece;
    }
  } catch (error) {
    throw error instanceof ObjectFault ? damaged(name, error.message) : error;
  }
  const digest = objectDigest(hash.digest());
  if (digest !== entry.digest) throw damaged(name, `found digest ${digest}, expected ${entry.digest}`);
}

function damaged(name: string, what: string): StreamError {
  return new StreamError('damaged', {
    about: `object ${name}`,
    problem: what,
    remedy: 'it is damaged in the store of the NATS server. Fetch it again; if that fails too, run the job again',
  });
}

function nextIn(manager: JetStreamManager, names: JobNames): NextPiece {
  const stream = objectStreamOf(names);
  return (subject, fromSequence) =>
    orGone(manager, names, () => manager.direct.getMessage(stream, { seq: fromSequence, next_by_subj: subject }));
}

/** A direct get of a stream that does not exist hears nothing but that nobody listens; its information says which. */
async function orGone<T>(manager: JetStreamManager, names: JobNames, get: () => Promise<T>): Promise<T> {
  try {
    return await get();
  } catch (error) {
    // Throws that the stream is missing, when it is.
    if (error instanceof RequestError && error.isNoResponders()) await manager.streams.info(objectStreamOf(names));
    throw error;
  }
}
