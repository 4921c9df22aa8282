/**
 * The cache of remote files: a folder of bounded size that the processes of a machine share.
 *
 *   .distillery          marks the folder as ours
 *   KEY-ID/              an entry: one place in one version. KEY is of the place, ID of the download.
 *     facts.json         what it is; touched at each use
 *     content/           its files
 *     uses/              one file for each process that uses it
 *   KEY-ID.stage/        an entry that is being downloaded
 *   KEY.lock             its process, and the bytes for which it made room
 *   room.lock            held while entries are removed or marked as used
 *
 * Invariants:
 *  cache/C1 An entry is whole: it is written as a stage, every file synced, and renamed.
 *  cache/C2 Entries, stages and bytes for which room was made fit into `maxBytes` together.
 *  cache/C3 An entry that a living process uses is never removed, and never changed.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';

import { claimFolderSync, makeFolderSync, markName, syncFolder, writeWhole } from '@distillery/platform';

import { type Entry, type Facts, factsIn, isEntry, keptIn, namesIn, renamed, settleContent } from './entry.js';
import { RemoteError, storageError } from './errors.js';
import { type Held, isAbandoned, isGone, locked, type LockTools, ownedIn, touched } from './lock.js';
import { Room, useAbandonedMs } from './room.js';

/** An entry in the making. */
export interface Stage {
  readonly folder: string;
  /** Makes room for so many bytes in all. @throws RemoteError noRoom */
  readonly reserve: (bytes: number) => Promise<void>;
  /** Makes an entry of the files with these names, and marks it as used by this process. */
  readonly commit: (facts: Facts, names: readonly string[]) => Promise<Entry>;
}

export interface CacheOptions extends LockTools {
  readonly folder: string;
  /** Null: half of what the disk has free, at most 50 GiB. */
  readonly maxBytes: number | null;
  readonly signal: AbortSignal;
}

const mark = { kind: 'cache' } as const;
/** Names the process that writes a stage. */
const ownerFile = 'owner.json';
const defaultMaxBytes = 50 * 2 ** 30;
/** A mark of use is touched so often. */
const useTouchMs = 10 * 60_000;

export class Cache {
  readonly #options: CacheOptions;
  readonly #room: Room;

  /** @throws RemoteError when the folder is not ours or cannot be written */
  static async open(options: CacheOptions): Promise<Cache> {
    const { folder } = options;
    const about = `cache folder ${folder}`;
    try {
      // Another process may be marking it at this moment.
      for (let tries = 1; ; tries++) {
        const claim = claimFolderSync(folder, mark);
        if (claim.kind === 'made' || claim.kind === 'ours') break;
        if (claim.kind === 'foreign' && claim.holds.every((name) => name === markName) && tries < 20) continue;
        const found =
          claim.kind === 'foreign'
            ? `files that are not ours (${claim.holds.slice(0, 3).join(', ')})`
            : `a ${claim.is}`;
        throw new RemoteError('cache', {
          about,
          found,
          expected: 'a folder of our own, or none',
          remedy: 'name another one with DISTILL_CACHE_FOLDER',
        });
      }
      return new Cache(options, options.maxBytes ?? (await halfOfFree(folder)));
    } catch (error) {
      throw storageError(error, about) ?? error;
    }
  }

  private constructor(options: CacheOptions, maxBytes: number) {
    this.#options = options;
    this.#room = new Room(options, maxBytes);
  }

  /** Entries of a place, the last used first. */
  entries(key: string): readonly Entry[] {
    return keptIn(this.#options.folder)
      .filter(({ name }) => isEntry(name) && name.startsWith(`${key}-`))
      .sort((a, b) => b.usedAtMs - a.usedAtMs)
      .flatMap(({ name }) => {
        const folder = join(this.#options.folder, name);
        const facts = factsIn(folder);
        return facts === null ? [] : [{ folder, facts }];
      });
  }

  /** Marks an entry as used by this process until it ends. @returns false when it is gone */
  async use({ folder }: Entry): Promise<boolean> {
    return this.#room.locked(() => {
      if (factsIn(folder) === null) return Promise.resolve(false);
      touched(join(folder, 'facts.json'));
      this.#markUsed(folder, folder);
      return Promise.resolve(true);
    });
  }

  /** Runs `work` while no other process downloads this place. @param onWait called once when one does */
  async exclusively<T>(key: string, work: (lock: Held) => Promise<T>, onWait: () => void): Promise<T> {
    const { folder, signal } = this.#options;
    return locked(join(folder, `${key}.lock`), this.#options, signal, work, onWait);
  }

  /** Begins an entry of a place whose lock this process holds, or continues what a process that is gone has begun. */
  begin(key: string, lock: Held, about: string): Stage {
    const { folder, newId } = this.#options;
    const name = `${key}-${newId()}`;
    const stage = join(folder, `${name}.stage`);
    const left = keptIn(this.#options.folder).find(
      ({ name: other }) => other.startsWith(`${key}-`) && this.#isLeftBehind(other),
    );
    if (left === undefined || !renamed(join(folder, left.name), stage)) makeFolderSync(stage);
    this.#writeOwner(join(stage, ownerFile));
    lock.say({ bytes: 0, stage: `${name}.stage` });
    return {
      folder: stage,
      reserve: async (bytes) => {
        lock.say({ bytes, stage: `${name}.stage` });
        await this.#room.make(bytes, about);
      },
      commit: async (facts, names) => {
        await settleContent(stage, names);
        await writeWhole(join(stage, 'facts.json'), JSON.stringify(facts));
        const entry = join(folder, name);
        this.#markUsed(stage, entry);
        renameSync(stage, entry);
        lock.say({ bytes: 0, stage: '' });
        await syncFolder(folder);
        return { folder: entry, facts };
      },
    };
  }

  /** Removes what was begun: its content is of no use. */
  discard(stage: Stage): void {
    rmSync(stage.folder, { recursive: true, force: true });
  }

  /** A stage that no process writes into: its process is known to be gone, or is this one, which holds the lock. */
  #isLeftBehind(name: string): boolean {
    const { folder, owner: own } = this.#options;
    const owner = name.endsWith('.stage') ? ownedIn(join(folder, name, ownerFile))?.owner : undefined;
    if (owner === undefined) return false;
    const isOwn = owner.host === own.host && owner.pid === own.pid && owner.startedAtMs === own.startedAtMs;
    return isOwn || isGone(owner, this.#options);
  }

  /** @param later where the folder will be */
  #markUsed(folder: string, later: string): void {
    const { owner, newId } = this.#options;
    const name = `${String(owner.pid)}-${newId()}`;
    const uses = join(folder, 'uses');
    makeFolderSync(uses);
    // Each process leaves its mark; thousands may start.
    for (const other of namesIn(uses)) {
      const mark = join(uses, other);
      if (isAbandoned(mark, ownedIn(mark), this.#options, useAbandonedMs)) rmSync(mark, { force: true });
    }
    this.#writeOwner(join(uses, name));
    setInterval(() => touched(join(later, 'uses', name)), useTouchMs).unref();
  }

  #writeOwner(file: string): void {
    const { owner, newId } = this.#options;
    writeFileSync(file, JSON.stringify({ id: newId(), owner, bytes: 0, stage: '' }));
  }
}

/** Half of what is free or filled by the cache itself: otherwise a full one would shrink with each process. */
async function halfOfFree(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  const filled = keptIn(folder).reduce((sum, { name }) => sum + (factsIn(join(folder, name))?.bytes ?? 0), 0);
  return Math.min(defaultMaxBytes, Math.floor((bavail * bsize + filled) / 2));
}
