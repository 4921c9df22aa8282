/** All objects below a prefix of a bucket, as an entry of the cache. */
import { Turns } from '@distillery/base';
import { uriText } from '@distillery/protocol';

import type { Cache, Stage } from './cache.js';
import { RemoteError } from './errors.js';
import { isFileName } from './file-name.js';
import type { Held } from './lock.js';
import type { Remote } from './remote-file.js';
import { type RetryTools, withRetries } from './retries.js';
import type { S3Object } from './s3-listing.js';
import { listObjects, objectSource, type S3Bucket } from './s3.js';
import { said, sayWaiting } from './said.js';
import { digestOf, fetchInto } from './stage-file.js';

/** Most objects of one folder: their names are held in memory. */
const maxObjects = 100_000;
const downloadsAtOnce = 8;

/** An object, and its path below the folder. */
export type Listed = S3Object & { readonly name: string };

interface FolderNeeds {
  /** Its path is empty, or ends with a slash. */
  readonly uri: Extract<Remote, { readonly scheme: 's3' }>;
  /** Of its entries in the cache. */
  readonly key: string;
  readonly bucket: S3Bucket;
  readonly cache: Cache;
  readonly tools: RetryTools;
}

export class FolderFetch {
  readonly #needs: FolderNeeds;

  constructor(needs: FolderNeeds) {
    this.#needs = needs;
  }

  /**
   * @param otherwise the error when there are no objects
   * @returns the path of the folder
   * @throws RemoteError
   */
  async path(otherwise?: RemoteError): Promise<string> {
    const { uri, bucket, tools } = this.#needs;
    const about = uriText(uri);
    for (let tries = 1; ; tries++) {
      const listed = await listFolder(uri, bucket, tools, otherwise);
      try {
        return await this.#listed(about, listed);
      } catch (error) {
        if (!(error instanceof RemoteError) || error.reason !== 'changed' || tries > 1) throw error;
        tools.log.warn(`${about}: its objects changed while they were fetched; listing them again`);
      }
    }
  }

  async #listed(about: string, listed: readonly Listed[]): Promise<string> {
    const { cache, key, tools } = this.#needs;
    const listing = digestOf(JSON.stringify(listed.map(({ name, bytes, etag }) => [name, bytes, etag])));
    const found = async (): Promise<string | null> => {
      const entry = cache.entries(key).find(({ facts }) => facts.listing === listing);
      return entry !== undefined && (await cache.use(entry)) ? said(tools.log, entry, '') : null;
    };
    const fetched = async (lock: Held): Promise<string> => {
      const bytes = listed.reduce((sum, object) => sum + object.bytes, 0);
      const stage = cache.begin(key, lock, about);
      try {
        await stage.reserve(bytes);
        await this.#fetchListed(stage, listed);
        const names = listed.map(({ name }) => name);
        const facts = { version: 1 as const, uri: about, bytes, listing, files: [] };
        return said(tools.log, await stage.commit(facts, names), '');
      } catch (error) {
        if (error instanceof RemoteError && error.retry === 'Never') cache.discard(stage);
        throw error;
      }
    };
    return (
      (await found()) ??
      (await cache.exclusively(
        key,
        async (lock) => (await found()) ?? fetched(lock),
        () => sayWaiting(tools.log, about),
      ))
    );
  }

  /** Returns or throws when no download goes on any more. */
  async #fetchListed(stage: Stage, listed: readonly Listed[]): Promise<void> {
    const { bucket } = this.#needs;
    const turns = new Turns(downloadsAtOnce);
    const over = new AbortController();
    const signal = AbortSignal.any([this.#needs.tools.signal, over.signal]);
    const tools = { ...this.#needs.tools, signal, reserve: () => Promise.resolve() };
    const settled = await Promise.allSettled(
      listed.map(({ name, key, etag, bytes: length }) =>
        turns.run(async () => {
          signal.throwIfAborted();
          const promised = { etag, lastModified: null, length };
          await fetchInto(stage, name, objectSource(bucket, key), promised, tools).catch((error: unknown) => {
            over.abort();
            throw error;
          });
        }),
      ),
    );
    const errors = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    const first = errors.find((error) => error instanceof RemoteError) ?? errors[0];
    if (errors.length > 0) throw first;
  }
}

/**
 * The objects of a folder that are files.
 * @param otherwise the error when there are none
 * @throws RemoteError
 */
export async function listFolder(
  uri: FolderNeeds['uri'],
  bucket: S3Bucket,
  tools: RetryTools,
  otherwise?: RemoteError,
): Promise<readonly Listed[]> {
  const about = uriText(uri);
  const prefix = uri.path;
  const { signal } = tools;
  const attempt = (): Promise<readonly S3Object[]> => listObjects(bucket, prefix, { about, most: maxObjects, signal });
  const all = await withRetries({ attempt, furthest: 0 }, about, tools);
  // Consoles make empty objects that stand for folders.
  const objects = all.filter(({ key }) => !key.endsWith('/'));
  const strange = objects.find(({ key }) => !isFileName(key.slice(prefix.length)));
  if (strange !== undefined) {
    throw new RemoteError('unusable', {
      about,
      found: `an object with the key ${JSON.stringify(strange.key.slice(0, 100))}`,
      expected: 'keys that are paths of files',
      remedy: 'rename it, or name a folder without it',
    });
  }
  if (objects.length === 0) throw otherwise ?? nothingBelow(about);
  return objects.map((object) => ({ ...object, name: object.key.slice(prefix.length) }));
}

function nothingBelow(about: string): RemoteError {
  return new RemoteError('missing', { about, problem: 'there are no objects below it', remedy: 'check the uri' });
}
