/** The lock of a run's folder: a file with the pid of the process that runs it. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { codeOf, printable } from '@distillery/base';

import { CliError } from '../shared/cli-error.js';

/** Locks the folder for a process. @throws CliError badInput when another process that is alive holds it */
export function lock(folder: string, pid: number): void {
  const file = lockOf(folder);
  for (;;) {
    try {
      writeFileSync(file, `${pid}\n`, { flag: 'wx' });
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const holder = holderOf(file);
    if (holder !== null && holder !== pid && isAlive(holder)) {
      throw new CliError('badInput', {
        about: folder,
        problem: `process ${holder} is using this folder`,
        remedy: `wait for it or stop it (if it is another program, remove ${printable(file)})`,
      });
    }
    if (holder !== null) removeLockOf(holder, file, `${file}.${pid}`);
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
 * Removes the lock of a dead process. Of two processes that find it, one may have locked the folder already: that new lock
 * is put back.
 */
function removeLockOf(dead: number, file: string, aside: string): void {
  try {
    renameSync(file, aside);
    if (!Object.is(holderOf(aside), dead)) linkSync(aside, file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EEXIST') throw error;
  }
  rmSync(aside, { force: true });
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

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
