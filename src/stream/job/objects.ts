/**
 * Reads a job's object store, as the operator or as the job's reader: by direct gets, within few rights
 * (packages/protocol/src/objects.ts, docs/adr/0005).
 */
import { problemOf, within } from '@distillery/base';
import { checkedPieces, directGets } from '@distillery/nats';
import {
  type JobNames,
  listObjectEntries,
  type NextPiece,
  objectEntrySubject,
  ObjectFault,
  readObjectEntry,
} from '@distillery/protocol';
import type { JetStreamManager } from '@nats-io/jetstream';

import { StreamError } from '../errors/index.js';
import { orGone } from './or-gone.js';

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

/** The pieces of an object; it is sound when no error follows the last. @throws StreamError missing, damaged */
export async function* readObject(
  manager: JetStreamManager,
  names: JobNames,
  name: string,
): AsyncGenerator<Uint8Array> {
  const { last } = directGets(manager.direct, names.bucketStreams.objects);
  const stored = await orGone(manager, names.bucketStreams.objects, () =>
    last(objectEntrySubject(names.objectBucket, name)),
  );
  const entry = stored === null ? null : readObjectEntry(names.objectBucket, stored);
  if (entry === null) {
    throw new StreamError('missing', {
      about: `object ${name}`,
      problem: `found none in ${names.objectBucket}; the job may not have written it yet`,
      remedy: '',
    });
  }
  try {
    yield* checkedPieces(entry, nextIn(manager, names));
  } catch (error) {
    throw error instanceof ObjectFault ? damaged(name, problemOf(error.fault)) : error;
  }
}

function damaged(name: string, what: string): StreamError {
  return new StreamError('damaged', {
    about: `object ${name}`,
    problem: `${what}; it is damaged in the store of the NATS server`,
    remedy: 'fetch it again; if that fails too, run the job again',
  });
}

function nextIn(manager: JetStreamManager, names: JobNames): NextPiece {
  const { next } = directGets(manager.direct, names.bucketStreams.objects);
  return (subject, fromSequence) => orGone(manager, names.bucketStreams.objects, () => next(subject, fromSequence));
}
