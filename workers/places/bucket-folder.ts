/**
 * A folder of a bucket that one job writes: its checkpoints or its result. An older attempt of the job may still be writing
 * when a newer one has begun, stopped in any instruction and continuing minutes later.
 *
 * Invariants:
 *  bucket-folder/B1 A file is there whole or not at all, and `put` succeeds only after its bytes were read back.
 *  bucket-folder/B2 The object that is replaced or removed is read before the fence is asked, and changed only while it is
 *     still that one (If-Match, If-None-Match). So a fenced attempt never replaces what a newer one stored.
 *  bucket-folder/B3 Every request may be repeated: a repeat of a write that was done finds its own bytes.
 */
import { createHash } from 'node:crypto';

import { uriText } from '@distillery/protocol';

import { RemoteError } from './errors.js';
import { readObject } from './read-object.js';
import { type RetryTools, withRetries } from './retries.js';
import { changeObject, listObjects, objectSource, type S3Bucket, type WriteOutcome } from './s3.js';

export interface BucketFile {
  /** Relative to the folder. */
  readonly name: string;
  readonly bytes: number;
}

interface Found extends BucketFile {
  readonly etag: string | null;
}

/** Throws when a newer attempt has begun. */
type Fence = () => Promise<void>;

/** Largest object of one PUT. */
const maxPutBytes = 5 * 2 ** 30;
/** New tries of a whole file after another one was found in its place. */
const mostTries = 3;
/** A store that fails is asked again by its caller, who goes on meanwhile. */
const requestTries = 3;
/** Objects below the folder: the files of one job, and what else a person keeps there. */
const maxObjects = 10_000;
/** Of one that is removed to see whether that is allowed. */
const absentName = '.distillery-check';
const never = new AbortController().signal;

export class BucketFolder {
  readonly #place: S3Bucket;
  /** Empty, or with a slash at its end. */
  readonly #prefix: string;
  readonly #tools: RetryTools;

  /** @param tools the signal is not used: a process that is asked to stop still stores its last checkpoint */
  constructor(place: S3Bucket, path: string, tools: RetryTools) {
    this.#place = place;
    this.#prefix = path === '' || path.endsWith('/') ? path : `${path}/`;
    this.#tools = { ...tools, signal: never, limits: { ...tools.limits, tries: requestTries } };
  }

  /** `s3://BUCKET/PATH`, or that of a file in it. */
  about(name = ''): string {
    const path = this.#prefix + name;
    return uriText({ scheme: 's3', bucket: this.#place.bucket, path: path.replace(/\/$/, ''), sha256: null });
  }

  /** Whether files may be removed. @throws RemoteError, denied when they may not */
  async checkRemoval(): Promise<void> {
    await this.#change(absentName, 'DELETE', new Uint8Array(0), null);
  }

  /** Files in the folder itself, without those of folders below it. @throws RemoteError */
  async list(): Promise<readonly BucketFile[]> {
    return this.#listed('');
  }

  /** @returns null when there is none @throws RemoteError */
  async get(name: string): Promise<Uint8Array | null> {
    const found = await this.#find(name);
    if (found === null) return null;
    const whole = new Uint8Array(found.bytes);
    let at = 0;
    const read = async (): Promise<boolean> => {
      at = 0;
      return this.#pieces(name, (piece) => {
        if (at + piece.length > whole.length) throw this.#changed(name);
        whole.set(piece, at);
        at += piece.length;
      });
    };
    if (!(await this.#retried(name, read))) return null;
    // It was replaced by a shorter one since it was listed. Who reads it checks its content.
    return whole.subarray(0, at);
  }

  /** The bytes of a file, piece by piece: none of it is kept. @throws RemoteError, missing when there is none */
  async *read(name: string): AsyncGenerator<Uint8Array> {
    const found = await this.#find(name);
    if (found === null) {
      const fault = { about: this.about(name), problem: 'there is no such file', remedy: 'check the uri' };
      throw new RemoteError('missing', fault);
    }
    const version = { etag: found.etag, lastModified: null, length: found.bytes };
    yield* readObject(objectSource(this.#place, this.#prefix + name), version, this.#tools);
  }

  /**
   * Stores a file, replacing one of the same name; when this resolves it was read back.
   * @throws what `fence` throws, and then nothing was written; RemoteError
   */
  async put(name: string, bytes: Uint8Array, fence: Fence): Promise<void> {
    if (bytes.length > maxPutBytes) {
      throw new RemoteError('unusable', {
        about: this.about(name),
        found: `${String(bytes.length)} bytes`,
        expected: `at most ${String(maxPutBytes)}`,
        remedy: 'store it elsewhere',
      });
    }
    for (let tries = 1; tries <= mostTries; tries++) {
      const before = await this.#find(name);
      await fence();
      await this.#change(name, 'PUT', bytes, before?.etag ?? null);
      // Also after `moved`: that may have been this very write, done before its answer was lost.
      if (await this.#holds(name, bytes)) return;
    }
    throw new RemoteError('damaged', {
      about: this.about(name),
      problem: `it was stored ${String(mostTries)} times and never came back whole`,
      remedy: 'check the server and its disks',
    });
  }

  /** Stores a file unless there is one of this name. The caller reads it to see whose it is. @throws RemoteError */
  async create(name: string, bytes: Uint8Array): Promise<void> {
    await this.#change(name, 'PUT', bytes, null);
  }

  /** Removes a file; one that is not there is fine. @throws what `fence` throws; RemoteError */
  async remove(name: string, fence: Fence): Promise<void> {
    const before = await this.#find(name);
    await fence();
    if (before !== null) await this.#change(name, 'DELETE', new Uint8Array(0), before.etag);
  }

  async #find(name: string): Promise<Found | null> {
    return (await this.#listed(name)).find((file) => file.name === name) ?? null;
  }

  async #listed(start: string): Promise<readonly Found[]> {
    const prefix = this.#prefix + start;
    const options = { about: this.about(), most: maxObjects, delimiter: '/', signal: never };
    const objects = await this.#retried(start, () => listObjects(this.#place, prefix, options));
    return objects
      .map(({ key, bytes, etag }) => ({ name: key.slice(this.#prefix.length), bytes, etag }))
      .filter(({ name }) => name !== '');
  }

  #change(name: string, method: 'PUT' | 'DELETE', body: Uint8Array, expected: string | null): Promise<WriteOutcome> {
    const change = { sent: { method, body }, expected, signal: never };
    return this.#retried(name, () => changeObject(this.#place, this.#prefix + name, change));
  }

  /** Whether the file has exactly these bytes. */
  async #holds(name: string, bytes: Uint8Array): Promise<boolean> {
    const wanted = createHash('sha256').update(bytes).digest('hex');
    return this.#retried(name, async () => {
      const hash = createHash('sha256');
      const isThere = await this.#pieces(name, (piece) => void hash.update(piece));
      return isThere && hash.digest('hex') === wanted;
    });
  }

  /** Passes on what is stored, piece by piece. @returns false when there is no such file @throws RemoteError */
  async #pieces(name: string, take: (piece: Uint8Array) => void): Promise<boolean> {
    try {
      const headers = { 'accept-encoding': 'identity' };
      const answer = await objectSource(this.#place, this.#prefix + name).ask(headers, never);
      const length = Number(answer.header('content-length') ?? Number.NaN);
      let got = 0;
      try {
        for await (const piece of answer.body) {
          take(piece);
          got += piece.length;
        }
      } finally {
        answer.drop();
      }
      if (got === length || Number.isNaN(length)) return true;
      const problem = `the server ended the file after ${String(got)} of ${String(length)} bytes`;
      throw new RemoteError('cut', { about: this.about(name), problem, remedy: 'try again later' });
    } catch (error) {
      if (error instanceof RemoteError && error.reason === 'missing') return false;
      throw error;
    }
  }

  #retried<T>(name: string, attempt: () => Promise<T>): Promise<T> {
    return withRetries({ attempt, furthest: 0 }, this.about(name), this.#tools);
  }

  #changed(name: string): RemoteError {
    const problem = 'the content changed while it was read';
    return new RemoteError('changed', { about: this.about(name), problem, remedy: 'let no other program write it' });
  }
}
