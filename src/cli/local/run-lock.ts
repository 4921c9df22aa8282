/**
 * The lock of a run's folder: a file with the pid of the process that runs it.
 *
 * Invariants:
 *  run-lock/K1 A lock appears with its whole text: one without a pid is not of a process that is about to write it.
 *  run-lock/K2 At most one process at a time removes the lock of a dead one. It has put down its claim before it looked for
 *     claims of others, and found none: of two processes that both found none, each would have looked before the other.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { codeOf, printable } from '@distillery/base';
import { isAlive, writeNewSync } from '@distillery/platform';

import { CliError } from '../shared/cli-error.js';

const claimPattern = /^run\.lock\.(\d+)$/;

const pauseMs = 5;
/** A process removes a dead lock within milliseconds, unless it was stopped in the middle. */
const mostPauses = 1_000;

/** Locks the folder for a process. @throws CliError badInput when another process that is alive holds it */
export function lock(folder: string, pid: number): void {
  const file = lockOf(folder);
  for (let pauses = 0; ; pauses++) {
    const holder = holderOf(file);
    if (holder === null) {
      if (!isTaken(file, pid)) continue;
      sweepClaims(folder);
      return;
    }
    if (holder !== pid && isAlive(holder)) throw inUse(folder, holder, file);
    const busy = removeDeadLock(folder, file, pid);
    if (busy === null) continue;
    if (pauses === mostPauses) throw inUse(folder, busy, claimOf(file, busy));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, pauseMs);
  }
}

function inUse(folder: string, pid: number, file: string): CliError {
  return new CliError('badInput', {
    about: folder,
    problem: `process ${pid} is using this folder`,
    remedy: `wait for it or stop it (if it is another program, remove ${printable(file)})`,
  });
}

/** What a file system without links answers. */
const noLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

/** @returns false when there is a lock already */
function isTaken(file: string, pid: number): boolean {
  const text = `${pid}\n`;
  try {
    try {
      writeNewSync(file, text);
    } catch (error) {
      if (!noLinks.has(codeOf(error))) throw error;
      writeFileSync(file, text, { flag: 'wx' });
    }
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** @returns the pid in a lock; NaN when there is no number in it; null when there is no lock */
function holderOf(file: string): number | null {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

/**
 * Of several processes that find it, those that meet the claim of another step back; the one with the least pid comes first.
 * @returns the process for which this one has to wait; null = look again at once
 */
function removeDeadLock(folder: string, file: string, pid: number): number | null {
  const others = (): readonly number[] => claimsIn(folder).filter((other) => other !== pid && isAlive(other));
  const first = Math.min(...others());
  if (first < pid) return first;
  const claim = claimOf(file, pid);
  try {
    writeFileSync(claim, `${pid}\n`);
    const [other] = others();
    if (other !== undefined) return other;
    const holder = holderOf(file);
    // Another process may have removed it and locked the folder before this one put down its claim.
    if (holder !== null && (holder === pid || !isAlive(holder))) rmSync(file, { force: true });
    return null;
  } finally {
    rmSync(claim, { force: true });
  }
}

/** Pids of the processes that remove a dead lock now, or were killed while they did. */
function claimsIn(folder: string): number[] {
  return readdirSync(folder).flatMap((name) => {
    const [, pid] = claimPattern.exec(name) ?? [];
    return pid === undefined ? [] : Number(pid);
  });
}

/** Removes the claims of processes that were killed. */
function sweepClaims(folder: string): void {
  for (const pid of claimsIn(folder)) {
    if (pid === process.pid || !isAlive(pid)) rmSync(claimOf(lockOf(folder), pid), { force: true });
  }
}

function claimOf(file: string, pid: number): string {
  return `${file}.${pid}`;
}

/** True while a process that is alive holds the folder. */
export function isLocked(folder: string): boolean {
  const holder = holderOf(lockOf(folder));
  return holder !== null && isAlive(holder);
}

/** Releases the folder. */
export function unlock(folder: string): void {
  rmSync(lockOf(folder), { force: true });
}

function lockOf(folder: string): string {
  return join(folder, 'run.lock');
}
