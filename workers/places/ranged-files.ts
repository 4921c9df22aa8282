/**
 * Remote files that do not fit into the cache: their bytes are read in blocks when they are asked for, and the last blocks
 * are kept (block-reader.ts). A thread fetches them.
 *
 * Invariants:
 *  ranged-files/G1 All blocks are of one version of a file. When the server has another one, reading throws.
 *  ranged-files/G2 At most `memoryBytes` are kept, whatever is read, and nothing on the disk.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { Worker } from 'node:worker_threads';

import { makeFolderSync } from '@distillery/platform';

import { BlockReader } from './block-reader.js';
import type { CredentialSource } from './credentials.js';
import { contentName } from './entry.js';
import { type RangedFile, type RangeThreadData, sharedMemory, type ThreadMessage } from './range-wire.js';
import type { RetryTools } from './retries.js';
import type { TransportLimits } from './requests.js';

export interface RangedOptions {
  /** The program of the thread. */
  readonly thread: URL;
  readonly blockBytes: number;
  readonly memoryBytes: number;
}
/** A round trip takes as long as some 100 KiB; a row is often smaller than that. */
export const rangedLimits = { blockBytes: 2 ** 19, memoryBytes: 2 ** 27 };

/** Less than for a download: a process waits. */
const stallMs = 20_000;
const tries = 4;

export interface Part {
  readonly length: number;
  readonly version: string;
  read(target: Uint8Array, position: number): void;
  fetch(target: Uint8Array, position: number): Promise<void>;
}

export class RangedFiles {
  /** Of a folder with an empty file for each remote one, or of that file. */
  readonly path: string;
  readonly #folder: string;
  readonly #files: readonly RangedFile[];
  readonly #byPath: ReadonlyMap<string, number>;
  readonly #thread: Worker;
  readonly #blocks: BlockReader;

  /**
   * @param named each file with its name, relative with forward slashes
   * @param single the place is a file, not a folder
   */
  constructor(
    named: readonly (RangedFile & { readonly name: string })[],
    { single, credentials }: { readonly single: boolean; readonly credentials: CredentialSource },
    tools: RetryTools & { readonly transport: TransportLimits },
    { thread, blockBytes, memoryBytes }: RangedOptions,
  ) {
    this.#folder = mkdtempSync(join(tmpdir(), 'distillery-parts-'));
    // A table may name its rows by the folder: it is called as in the cache, so that processes of both kinds agree.
    const content = join(this.#folder, contentName);
    makeFolderSync(content);
    const paths = named.map(({ name }) => join(content, ...name.split('/')));
    for (const path of paths) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, '');
    }
    this.path = single ? (paths[0] ?? content) : content;
    this.#files = named.map(({ about, place, version }) => ({ about, place, version }));
    this.#byPath = new Map(paths.map((path, file) => [path, file]));
    const memory = sharedMemory(blockBytes, memoryBytes);
    const workerData: RangeThreadData = {
      files: this.#files,
      credentials,
      transport: { ...tools.transport, stallMs: Math.min(stallMs, tools.transport.stallMs) },
      retries: { ...tools.limits, tries: Math.min(tries, tools.limits.tries) },
      seed: Math.floor(tools.random.unit() * 2 ** 32),
      authorities: getCACertificates('default'),
      memory,
    };
    this.#thread = new Worker(thread, { name: 'parts', workerData, execArgv: [] });
    this.#blocks = new BlockReader(this.#files, memory, this.#thread);
    this.#thread.on('message', (message: ThreadMessage) => {
      if (message.kind === 'warning') tools.log.warn(message.text);
      if (message.kind === 'answered') this.#blocks.answered(message);
    });
    // The next read finds that it does not answer.
    this.#thread.on('error', (error: Error) => tools.log.warn(`the thread that reads parts ended: ${error.message}`));
    this.#thread.on('exit', () => {
      this.#blocks.end();
    });
  }

  /** Resolves when the thread runs: one that cannot start would be waited for. */
  async ready(): Promise<this> {
    await once(this.#thread, 'message');
    this.#thread.unref();
    return this;
  }

  /** The file that a path stands for; null for any other path. */
  at(path: string): Part | null {
    const file = this.#byPath.get(path);
    const facts = file === undefined ? undefined : this.#files[file];
    if (file === undefined || facts === undefined) return null;
    const { etag, lastModified, length } = facts.version;
    return {
      length,
      version: JSON.stringify([etag, lastModified, length]),
      read: (target, position) => {
        this.#blocks.read(file, target, position);
      },
      fetch: (target, position) => this.#blocks.fetch(file, target, position),
    };
  }

  async close(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    await this.#thread.terminate();
  }
}
