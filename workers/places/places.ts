/**
 * The places of a job for one process: local ones as they lie, remote ones as copies in the cache (cache.ts).
 *
 * Invariants:
 *  places/R1 A path that is returned holds whole files of one version, and they stay until the process ends (cache/C3).
 *  places/R2 A file whose digest is pinned is used only with that content, and once it is here without asking its server.
 */
import { readStore, readUri, uriText } from '@distillery/protocol';

import { BucketFolder } from './bucket-folder.js';
import { Cache, type CacheOptions } from './cache.js';
import { type CredentialSource, s3AccessOf } from './credentials.js';
import { PlaceError, RemoteError, storageError } from './errors.js';
import { FileFetch, fileOf, type FilesBeside, keyOf, type Remote } from './remote-file.js';
import { FolderFetch } from './remote-folder.js';
import { openParts } from './open-parts.js';
import type { RangedFiles, RangedOptions } from './ranged-files.js';
import { type LocalPlace, resolve } from './resolve.js';
import type { RetryTools } from './retries.js';
import { objectSource, type S3Bucket } from './s3.js';
import type { Source } from './source.js';
import { Transport, type TransportLimits } from './requests.js';
import { webSource } from './web.js';

/** What a place is for: each has credentials of its own. */
export type PlaceUse = 'dataset' | 'model' | StoreUse;
/** What a student writes into a bucket. */
export type StoreUse = 'checkpoint' | 'output';

export interface PlacesOptions extends RetryTools {
  /** The cache's folder; empty = none, and remote places are refused. */
  readonly cache: Omit<CacheOptions, 'clock' | 'signal'>;
  readonly credentials: Readonly<Record<PlaceUse, CredentialSource>>;
  readonly transport: TransportLimits;
  /** Reading in parts what does not fit into the cache. */
  readonly ranged: RangedOptions;
}

/** A data set on this machine, or one that is read in parts: then `path` has empty files in the place of its own. */
export type DataPlace = LocalPlace & { readonly far?: RangedFiles };

export class Places {
  readonly #options: PlacesOptions;
  readonly #transport: Transport;
  #cache: Promise<Cache> | null = null;

  constructor(options: PlacesOptions) {
    this.#options = options;
    this.#transport = new Transport(options.transport);
  }

  /**
   * The file or folder that `uri` names, on this machine.
   * @param beside names what else belongs to a single remote file
   * @throws PlaceError, RemoteError
   */
  async resolve(uri: string, use: PlaceUse, beside: FilesBeside = () => Promise.resolve([])): Promise<LocalPlace> {
    const read = readUri(uri);
    if (!read.ok || (read.value.scheme !== 'https' && read.value.scheme !== 's3')) return resolve(uri);
    try {
      return { uri, path: await this.#pathOf(read.value, use, beside) };
    } catch (error) {
      throw storageError(error, uriText(read.value)) ?? error;
    }
  }

  /**
   * As `resolve`, for a data set: one that is larger than the cache is read in parts.
   * @throws PlaceError, RemoteError; noRoom for a pinned file, whose digest is that of the whole
   */
  async data(uri: string): Promise<DataPlace> {
    try {
      return await this.resolve(uri, 'dataset');
    } catch (error) {
      const read = readUri(uri);
      if (!(error instanceof RemoteError) || error.reason !== 'tooLarge' || !read.ok) throw error;
      const place = read.value;
      if (place.scheme !== 'https' && place.scheme !== 's3') throw error;
      if (place.sha256 !== null) {
        throw new RemoteError('noRoom', {
          about: uriText(place),
          problem: 'it is larger than the cache, and its pinned content is that of the whole file',
          remedy: 'raise DISTILL_CACHE_BYTES, or leave out #sha256= to read it in parts',
        });
      }
      const credentials = this.#options.credentials.dataset;
      const far = await openParts(place, credentials, this.#transport, this.#options);
      this.#options.log.info({ uri: uriText(place) }, 'larger than the cache: it is read in parts');
      return { uri, path: far.path, far };
    }
  }

  /**
   * The folder of a bucket that a store names. Nothing is asked of its server yet.
   * @throws PlaceError for a text that names no bucket
   */
  bucket(store: string, use: StoreUse): BucketFolder {
    const read = readStore(store);
    if (!read.ok || read.value.kind !== 'place' || read.value.uri.scheme !== 's3') {
      throw new PlaceError({ about: store, problem: 'it is no bucket', remedy: 'write s3://BUCKET/PATH' });
    }
    const { bucket, path } = read.value.uri;
    const { clock, credentials } = this.#options;
    const place = { bucket, credentials: credentials[use], transport: this.#transport, clock };
    return new BucketFolder(place, path, this.#options);
  }

  async #pathOf(uri: Remote, use: PlaceUse, beside: FilesBeside): Promise<string> {
    const cache = await this.#opened(uriText(uri));
    const credentials = this.#options.credentials[use];
    return uri.scheme === 'https'
      ? this.#onWeb(uri, credentials, cache, beside)
      : this.#inBucket(uri, credentials, cache, beside);
  }

  #onWeb(
    uri: Remote & { readonly scheme: 'https' },
    credentials: CredentialSource,
    cache: Cache,
    beside: FilesBeside,
  ): Promise<string> {
    if (uri.path.endsWith('/')) {
      throw new RemoteError('refused', {
        about: uriText(uri),
        problem: 'a web server has no list of the files in a folder',
        remedy: 'name one file, or put the folder into a bucket and use s3://',
      });
    }
    const sourceOf = (path: string): Source => {
      const about = uriText({ ...uri, path, sha256: null });
      return webSource({ host: uri.host, path }, about, credentials, this.#transport);
    };
    const file = fileOf(uri, keyOf(uri, ''), sourceOf);
    return new FileFetch({ file, beside, cache, tools: this.#options }).path();
  }

  /** An object if there is one with this key, else all objects below it. */
  async #inBucket(
    uri: Remote & { readonly scheme: 's3' },
    credentials: CredentialSource,
    cache: Cache,
    beside: FilesBeside,
  ): Promise<string> {
    const tools = this.#options;
    const bucket: S3Bucket = { bucket: uri.bucket, credentials, transport: this.#transport, clock: tools.clock };
    // Buckets of two servers may have the same name.
    const endpoint = s3AccessOf(credentials, uriText(uri)).endpoint?.href ?? '';
    const folder = (path: string): FolderFetch => {
      const below = { ...uri, path };
      return new FolderFetch({ uri: below, key: keyOf(below, endpoint), bucket, cache, tools });
    };
    if (uri.path === '' || uri.path.endsWith('/')) return folder(uri.path).path();
    const file = fileOf(uri, keyOf(uri, endpoint), (key) => objectSource(bucket, key));
    try {
      return await new FileFetch({ file, beside, cache, tools }).path();
    } catch (error) {
      const isMissing = error instanceof RemoteError && error.reason === 'missing';
      if (!isMissing || uri.sha256 !== null || error.fault.about !== file.source.about) throw error;
      return folder(`${uri.path}/`).path(error);
    }
  }

  #opened(about: string): Promise<Cache> {
    const { cache, clock, signal } = this.#options;
    if (cache.folder === '') {
      throw new RemoteError('cache', {
        about,
        problem: 'there is no cache folder for remote files',
        remedy: 'name one with DISTILL_CACHE_FOLDER',
      });
    }
    return (this.#cache ??= Cache.open({ ...cache, clock, signal }));
  }
}
