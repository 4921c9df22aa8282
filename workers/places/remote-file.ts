/** A single remote file, with those that belong to it, as an entry of the cache. */
import { type Uri, uriText } from '@distillery/protocol';

import type { Cache, Stage } from './cache.js';
import type { Entry, Facts } from './entry.js';
import { RemoteError } from './errors.js';
import { isFileName } from './file-name.js';
import type { Held } from './lock.js';
import { isUnchanged, type RetryTools } from './retries.js';
import { said, sayWaiting } from './said.js';
import type { Source } from './source.js';
import { contentOf, digestOf, fetchInto } from './stage-file.js';

export type Remote = Extract<Uri, { readonly scheme: 'https' | 's3' }>;

/** Names of the files that belong to a file, relative to its folder, with forward slashes. */
export type FilesBeside = (path: string) => Promise<readonly string[]>;

/** A file and how to ask for those beside it. */
export interface RemoteFile {
  readonly uri: Remote;
  /** Of its entries in the cache. */
  readonly key: string;
  readonly name: string;
  readonly source: Source;
  readonly beside: (name: string) => Source;
}

interface FileNeeds {
  readonly file: RemoteFile;
  readonly beside: FilesBeside;
  readonly cache: Cache;
  readonly tools: RetryTools;
}

export class FileFetch {
  readonly #needs: FileNeeds;

  constructor(needs: FileNeeds) {
    this.#needs = needs;
  }

  /** @returns its path @throws RemoteError */
  async path(): Promise<string> {
    const { file, cache } = this.#needs;
    return (
      (await this.#pinned()) ??
      (await cache.exclusively(
        file.key,
        async (lock) => (await this.#pinned()) ?? this.#current(lock),
        () => sayWaiting(this.#needs.tools.log, file.source.about),
      ))
    );
  }

  /** The path of a pinned file that is here. */
  async #pinned(): Promise<string | null> {
    const { cache, file, tools } = this.#needs;
    const { uri, key, name } = file;
    if (uri.sha256 === null) return null;
    const entry = cache.entries(key).find(({ facts }) => facts.files[0]?.sha256 === uri.sha256);
    return entry !== undefined && (await cache.use(entry)) ? said(tools.log, entry, name) : null;
  }

  /** The path of the file as the server has it now. */
  async #current(lock: Held): Promise<string> {
    const { cache, file, tools } = this.#needs;
    const { key } = file;
    const [newest] = file.uri.sha256 === null ? cache.entries(key) : [];
    if (newest !== undefined && (await this.#isCurrent(newest)) && (await cache.use(newest))) {
      return said(tools.log, newest, file.name);
    }
    const stage = cache.begin(key, lock, file.source.about);
    try {
      const files = await this.#fetchAll(stage);
      const bytes = files.reduce((sum, { length }) => sum + (length ?? 0), 0);
      const facts = { version: 1 as const, uri: file.source.about, bytes, listing: null, files };
      const entry = await stage.commit(
        facts,
        files.map(({ name }) => name),
      );
      return said(tools.log, entry, file.name);
    } catch (error) {
      // What may be continued stays.
      if (error instanceof RemoteError && error.retry === 'Never') cache.discard(stage);
      throw error;
    }
  }

  async #isCurrent({ facts }: Entry): Promise<boolean> {
    const { file, tools } = this.#needs;
    for (const [index, version] of facts.files.entries()) {
      const asked = index === 0 ? file.source : file.beside(version.name);
      if (!(await isUnchanged(asked, version, tools))) return false;
    }
    return facts.files.length > 0;
  }

  /** Fetches the file and those beside it. */
  async #fetchAll(stage: Stage): Promise<Facts['files']> {
    const { file, beside } = this.#needs;
    let before = 0;
    const tools = { ...this.#needs.tools, reserve: (bytes: number) => stage.reserve(before + bytes) };
    const main = await fetchInto(stage, file.name, file.source, null, tools);
    const { sha256 } = file.uri;
    if (sha256 !== null && main.sha256 !== sha256) {
      throw new RemoteError('digest', {
        about: file.source.about,
        found: `content with the SHA-256 digest ${main.sha256}`,
        expected: sha256,
        remedy: 'check where the file comes from, or correct #sha256= in the uri',
      });
    }
    const files = [{ name: file.name, ...main }];
    for (const name of new Set(await beside(contentOf(stage.folder, file.name)))) {
      // Who opens the file refuses a name that leads out of its folder.
      if (!isFileName(name) || name === file.name) continue;
      before += files.at(-1)?.bytes ?? 0;
      files.push({ name, ...(await fetchInto(stage, name, file.beside(name), null, tools)) });
    }
    return files;
  }
}

/** @throws RemoteError unusable when no file can have its name */
export function fileOf(uri: Remote, key: string, sourceOf: (path: string) => Source): RemoteFile {
  const slash = uri.path.lastIndexOf('/') + 1;
  const name = uri.path.slice(slash);
  if (!isFileName(name)) {
    throw new RemoteError('unusable', {
      about: uriText(uri),
      problem: 'no file can have its name',
      remedy: 'rename it',
    });
  }
  return { uri, key, name, source: sourceOf(uri.path), beside: (other) => sourceOf(uri.path.slice(0, slash) + other) };
}

/** Of a place, whatever is pinned of it. */
export function keyOf(uri: Remote, endpoint: string): string {
  return digestOf([uriText({ ...uri, sha256: null }), endpoint].join('\n')).slice(0, 32);
}
