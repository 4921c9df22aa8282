/**
 * Locks between processes that share a cache folder: a file that names its owner and that the owner touches while it lives.
 *
 * Invariants:
 *  lock/L1 A killed owner never blocks others for long: on this machine its process is known to be gone; on another one
 *     the file is no longer touched.
 *  lock/L2 Locks save work. Nothing whole or half-written is confused when two processes ever hold the same one: each
 *     writes files of its own and renames them (cache.ts).
 */
import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';

import { type Clock, codeOf } from '@distillery/base';
import { z } from 'zod';

/** A process that uses the cache. */
export interface Owner {
  readonly host: string;
  readonly pid: number;
  /** When the process started, in milliseconds: in a container every process may have the same pid. */
  readonly startedAtMs: number;
}
const ownerSchema = z.object({ host: z.string(), pid: z.number(), startedAtMs: z.number() });

export interface LockTools {
  readonly owner: Owner;
  readonly isAlive: (pid: number) => boolean;
  readonly clock: Clock;
  readonly newId: () => string;
}

const pollMs = 100;
const touchMs = 5_000;
/** An owner that is not known to be gone, and did not touch its file for so long, counts as gone. */
const abandonedMs = 120_000;

/** What a lock or a mark of use says. */
const ownedSchema = z.object({ id: z.string(), owner: ownerSchema, bytes: z.number(), stage: z.string() });
export type Owned = z.infer<typeof ownedSchema>;

export interface Held {
  /** Writes what else the lock says. */
  readonly say: (facts: { readonly bytes: number; readonly stage: string }) => void;
  readonly id: string;
}

/**
 * Runs `work` while this process holds the lock.
 * @param onWait called once when another process holds it
 */
export async function locked<T>(
  file: string,
  tools: LockTools,
  signal: AbortSignal,
  work: (held: Held) => Promise<T>,
  onWait: () => void = () => undefined,
): Promise<T> {
  const id = tools.newId();
  const text = (facts: { readonly bytes: number; readonly stage: string }): string =>
    JSON.stringify({ id, owner: tools.owner, ...facts });
  for (let waits = 0; !taken(file, `${file}.${id}`, text({ bytes: 0, stage: '' })); waits++) {
    signal.throwIfAborted();
    if (takeAwayIfAbandoned(file, `${file}.${id}`, tools)) continue;
    if (waits === 3) onWait();
    await tools.clock.sleep(pollMs, signal);
  }
  const touch = setInterval(() => touched(file), touchMs);
  touch.unref();
  try {
    return await work({
      id,
      say: (facts) => {
        if (ownedIn(file)?.id !== id) return;
        writeFileSync(`${file}.${id}`, text(facts));
        renameSync(`${file}.${id}`, file);
      },
    });
  } finally {
    clearInterval(touch);
    if (ownedIn(file)?.id === id) rmSync(file, { force: true });
  }
}

/** A lock appears with its whole text or not at all. */
function taken(file: string, aside: string, text: string): boolean {
  writeFileSync(aside, text);
  try {
    linkSync(aside, file);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Of two processes that find it abandoned, one may already hold a new one: that is put back. */
function takeAwayIfAbandoned(file: string, aside: string, tools: LockTools): boolean {
  const found = ownedIn(file);
  if (!isAbandoned(file, found, tools)) return false;
  try {
    renameSync(file, aside);
    if (ownedIn(aside)?.id !== found?.id) linkSync(aside, file);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(codeOf(error))) throw error;
  }
  rmSync(aside, { force: true });
  return true;
}

/** What a lock or a mark of use says; null when it is gone or says nothing. */
export function ownedIn(file: string): Owned | null {
  try {
    return ownedSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}

/** Whether a process is known to be gone: it writes nothing any more. */
export function isGone(other: Owner, { owner, isAlive }: Pick<LockTools, 'owner' | 'isAlive'>): boolean {
  if (other.host !== owner.host) return false;
  return other.pid === owner.pid ? other.startedAtMs !== owner.startedAtMs : !isAlive(other.pid);
}

/** Whether the owner of a lock or a mark of use is gone, or counts as gone. */
export function isAbandoned(
  file: string,
  owned: Owned | null,
  { owner, isAlive, clock }: Pick<LockTools, 'owner' | 'isAlive' | 'clock'>,
  longestMs = abandonedMs,
): boolean {
  if (owned !== null && isGone(owned.owner, { owner, isAlive })) return true;
  try {
    return clock.now() - statSync(file).mtimeMs > longestMs;
  } catch {
    // It was released meanwhile.
    return false;
  }
}

export function touched(file: string): void {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch {
    // Another process took it away: this one was paused for too long (lock/L2).
  }
}
