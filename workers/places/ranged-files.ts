/**
 * Remote files that do not fit into the cache: their bytes are read in blocks when they are asked for, and the last blocks
 * are kept. Tables read synchronously (workers/tables/bytes.ts), so a reader waits for a block as it would wait for a slow
 * disk; a thread fetches it meanwhile.
 *
 * Invariants:
 *  ranged-files/G1 All blocks are of one version of a file. When the server has another one, reading throws.
 *  ranged-files/G2 At most `memoryBytes` are kept, whatever is read, and nothing on the disk.
 *  ranged-files/G3 No wait is without end: the thread has time limits, and the reader has one for the thread.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { Worker } from 'node:worker_threads';

import { type CrossingError, revived } from '@distillery/base';

import type { CredentialSource } from './credentials.js';
import { RemoteError } from './errors.js';
import {
  type BlockOrder,
  maxFaultBytes,
  type RangedFile,
  type RangeThreadData,
  states,
  type ThreadMessage,
} from './range-wire.js';
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
const threadLimitMs = 180_000;

export interface Part {
  readonly length: number;
  readonly version: string;
  read(target: Uint8Array, position: number): void;
}

export class RangedFiles {
  /** Of a folder with an empty file for each remote one, or of that file. */
  readonly path: string;
  readonly #folder: string;
  readonly #files: readonly RangedFile[];
  readonly #byPath: ReadonlyMap<string, number>;
  readonly #blockBytes: number;
  readonly #state: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(4));
  readonly #fault: Uint8Array<SharedArrayBuffer> = new Uint8Array(new SharedArrayBuffer(maxFaultBytes));
  readonly #blocks: Uint8Array<SharedArrayBuffer>;
  readonly #thread: Worker;
  /** Slots in the memory by file and block, the least recently used first. */
  readonly #kept = new Map<string, number>();
  readonly #free: number[];
  /** A late answer of the thread would be taken for that of the next order. */
  #ended: RemoteError | null = null;

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
    const paths = named.map(({ name }) => join(this.#folder, ...name.split('/')));
    for (const path of paths) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, '');
    }
    this.path = single ? (paths[0] ?? this.#folder) : this.#folder;
    this.#files = named.map(({ about, place, version }) => ({ about, place, version }));
    this.#byPath = new Map(paths.map((path, file) => [path, file]));
    this.#blockBytes = blockBytes;
    const slots = Math.max(1, Math.floor(memoryBytes / blockBytes));
    this.#free = Array.from({ length: slots }, (_, slot) => slots - 1 - slot);
    this.#blocks = new Uint8Array(new SharedArrayBuffer(slots * blockBytes));
    const workerData: RangeThreadData = {
      files: this.#files,
      credentials,
      transport: { ...tools.transport, stallMs: Math.min(stallMs, tools.transport.stallMs) },
      retries: { ...tools.limits, tries: Math.min(tries, tools.limits.tries) },
      seed: Math.floor(tools.random.unit() * 2 ** 32),
      authorities: getCACertificates('default'),
      shared: {
        state: this.#state.buffer,
        blocks: this.#blocks.buffer,
        fault: this.#fault.buffer,
      },
    };
    this.#thread = new Worker(thread, { name: 'parts', workerData, execArgv: [] });
    this.#thread.on('message', (message: ThreadMessage) => {
      if (message.kind === 'warning') tools.log.warn(message.text);
    });
    // The next read finds that it does not answer.
    this.#thread.on('error', (error: Error) => tools.log.warn(`the thread that reads parts ended: ${error.message}`));
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
    const version = JSON.stringify([etag, lastModified, length]);
    return { length, version, read: (target, position) => this.#read(file, target, position) };
  }

  async close(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    await this.#thread.terminate();
  }

  #read(file: number, target: Uint8Array, position: number): void {
    const size = this.#blockBytes;
    for (let done = 0; done < target.length;) {
      const block = Math.floor((position + done) / size);
      const within = position + done - block * size;
      const length = Math.min(size - within, target.length - done);
      const start = this.#slotOf(file, block) * size + within;
      target.set(this.#blocks.subarray(start, start + length), done);
      done += length;
    }
  }

  #slotOf(file: number, block: number): number {
    const key = `${String(file)}:${String(block)}`;
    const known = this.#kept.get(key);
    if (known !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    const slot = this.#free.pop() ?? this.#oldest();
    try {
      this.#fetch(file, block, slot);
    } catch (error) {
      this.#free.push(slot);
      throw error;
    }
    this.#kept.set(key, slot);
    return slot;
  }

  #oldest(): number {
    for (const [key, slot] of this.#kept) {
      this.#kept.delete(key);
      return slot;
    }
    throw new RangeError('there is no block to replace');
  }

  /** Waits. @throws the thread's error */
  #fetch(file: number, block: number, slot: number): void {
    const facts = this.#files[file];
    if (facts === undefined) throw new RangeError(`file ${String(file)}`);
    if (this.#ended !== null) throw this.#ended;
    const position = block * this.#blockBytes;
    const length = Math.min(this.#blockBytes, facts.version.length - position);
    const order: BlockOrder = { file, position, length, to: slot * this.#blockBytes };
    Atomics.store(this.#state, 0, states.asked);
    this.#thread.postMessage(order);
    Atomics.wait(this.#state, 0, states.asked, threadLimitMs);
    switch (Atomics.load(this.#state, 0)) {
      case states.here:
        return;
      case states.failed:
        throw this.#failure();
      default: {
        const problem = 'a part of it did not arrive';
        this.#ended = new RemoteError('stalled', { about: facts.about, problem, remedy: 'try again later' });
        throw this.#ended;
      }
    }
  }

  #failure(): Error {
    const length = new DataView(this.#fault.buffer).getUint32(0, true);
    // A decoder takes no shared memory.
    const text = new TextDecoder().decode(this.#fault.slice(4, 4 + length));
    return revived(JSON.parse(text) as CrossingError);
  }
}
