/** The lock of a run's folder: a file with the pid of the process that runs it. */
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { codeOf, printable } from '@distillery/base';
import { isAlive } from '@distillery/platform';

import { CliError } from '../shared/cli-error.js';

const asidePattern = /^run\.lock\.(\d+)$/;

/** Locks the folder for a process. @throws CliError badInput when another process that is alive holds it */
export function lock(folder: string, pid: number): void {
  const file = lockOf(folder);
  for (;;) {
    try {
      writeFileSync(file, `${pid}\n`, { flag: 'wx' });
      sweepAsides(folder);
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

/** Removes locks that a process moved aside before it was killed; one that is alive puts a lock back itself. */
function sweepAsides(folder: string): void {
  for (const name of readdirSync(folder)) {
    const [, mover] = asidePattern.exec(name) ?? [];
    if (mover !== undefined && (Number(mover) === process.pid || !isAlive(Number(mover)))) {
      rmSync(join(folder, name), { force: true });
    }
  }
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
