/**
 * Keeps a cache within its size: counts what is there and what is reserved, and removes what was used longest ago.
 *
 * Invariant: entries, stages and bytes for which room was made fit into `maxBytes` together. Room is reserved before it is
 * counted, so that of two processes that need it at once both see the other.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { factsIn, filesBelow, isEntry, keptIn, namesIn, renamed, sizeOf } from './entry.js';
import { RemoteError } from './errors.js';
import { isAbandoned, locked, type LockTools, ownedIn } from './lock.js';

export interface RoomOptions extends LockTools {
  readonly folder: string;
  readonly signal: AbortSignal;
}

const roomLock = 'room.lock';
/** A mark of use that was not touched for so long was left behind. */
export const useAbandonedMs = 60 * 60_000;

export class Room {
  readonly #options: RoomOptions;
  readonly #maxBytes: number;

  constructor(options: RoomOptions, maxBytes: number) {
    this.#options = options;
    this.#maxBytes = maxBytes;
  }

  /** Runs `work` while nothing is removed. */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    const { folder, signal } = this.#options;
    return locked(join(folder, roomLock), this.#options, signal, work);
  }

  /** @throws RemoteError noRoom when what is in use and `bytes` do not fit together */
  async make(bytes: number, about: string): Promise<void> {
    await this.locked(() => {
      let over = this.#used() - this.#maxBytes;
      for (const { name, bytes: freed } of over > 0 ? this.#removable() : []) {
        this.#remove(name);
        over -= freed;
        if (over <= 0) break;
      }
      if (over > 0) {
        throw new RemoteError(bytes > this.#maxBytes ? 'tooLarge' : 'noRoom', {
          about,
          problem: `its ${String(bytes)} bytes do not fit into the cache of ${String(this.#maxBytes)} bytes beside what is in use`,
          remedy: 'raise DISTILL_CACHE_BYTES, and give the disk that room',
        });
      }
      return Promise.resolve();
    });
  }

  /** Bytes of entries and stages, or for which room was made. */
  #used(): number {
    const reserved = this.#reserved();
    return keptIn(this.#options.folder).reduce(
      (sum, { name }) => sum + Math.max(reserved.get(name) ?? 0, this.#bytesOf(name)),
      0,
    );
  }

  /** Bytes for which living processes made room, by the name of their stage. */
  #reserved(): ReadonlyMap<string, number> {
    const { folder } = this.#options;
    const locks = readdirSync(folder).filter((name) => name.endsWith('.lock') && name !== roomLock);
    return new Map(
      locks.flatMap((name) => {
        const owned = ownedIn(join(folder, name));
        if (owned === null || owned.stage === '' || isAbandoned(join(folder, name), owned, this.#options)) return [];
        return [[owned.stage, owned.bytes] as const];
      }),
    );
  }

  #bytesOf(name: string): number {
    const folder = join(this.#options.folder, name);
    if (isEntry(name)) return factsIn(folder)?.bytes ?? 0;
    return filesBelow(folder).reduce((sum, file) => sum + sizeOf(file), 0);
  }

  /** What no process uses, the least recently used first. */
  #removable(): readonly { readonly name: string; readonly bytes: number }[] {
    const reserved = this.#reserved();
    return keptIn(this.#options.folder)
      .filter(({ name }) => !reserved.has(name) && !this.#isUsed(name))
      .sort((a, b) => a.usedAtMs - b.usedAtMs)
      .map(({ name }) => ({ name, bytes: this.#bytesOf(name) }));
  }

  #isUsed(name: string): boolean {
    const uses = join(this.#options.folder, name, 'uses');
    return namesIn(uses).some((use) => {
      const file = join(uses, use);
      return !isAbandoned(file, ownedIn(file), this.#options, useAbandonedMs);
    });
  }

  /** No process finds it half-removed. */
  #remove(name: string): void {
    const gone = join(this.#options.folder, `${name}.gone`);
    if (!name.endsWith('.gone') && !renamed(join(this.#options.folder, name), gone)) return;
    rmSync(gone, { recursive: true, force: true });
  }
}
