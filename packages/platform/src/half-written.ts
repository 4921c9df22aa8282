/**
 * Files that a killed process left half-written, and their removal.
 *
 * Invariants:
 *  half-written/H1 Only a regular file is removed whose name is one that `writeWhole` gives while it writes a file that the
 *     caller names as its own. Links, folders and all other names stay.
 *  half-written/H2 A file that is being written stays, unless the caller knows that its writer may no longer write.
 */
import { type Dirent, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { codeOf } from '@distillery/base';

import { isAlive } from './is-alive.js';

/** Numbers of the writes of this process that are under way. */
const underWay = new Set<number>();
let started = 0;

const partialPattern = /^(.+)\.([1-9]\d*)-([1-9]\d*)\.partial$/;

/** A name for a file that is being written. */
export interface PartialFile {
  readonly path: string;
  /** To be called when the file has its final name, or is removed. */
  done(): void;
}

/** Two writers of one target, in this process or another, never share a partial file. */
export function partialOf(target: string): PartialFile {
  started += 1;
  const number = started;
  underWay.add(number);
  return {
    path: `${target}.${String(process.pid)}-${String(number)}.partial`,
    done: () => underWay.delete(number),
  };
}

/** @returns the file that was being written under such a name; null for any other name */
export function targetOfPartial(name: string): string | null {
  return partialPattern.exec(name)?.[1] ?? null;
}

export interface SweepOptions {
  /** True for the names of files that the caller owns in this folder. */
  readonly isOwn: (target: string) => boolean;
  /**
   * True if a process of this machine may still be writing the file; default: while the process is alive.
   * It is not called for the process that sweeps, which knows its own writes.
   */
  readonly isWriting?: (pid: number, target: string) => boolean;
}

/**
 * Removes what killed processes left of the caller's files in a folder (half-written/H1, half-written/H2).
 * @param folder an absent one is empty
 * @throws the system's error with its code
 */
export function sweepHalfWrittenSync(folder: string, { isOwn, isWriting = isAlive }: SweepOptions): void {
  for (const entry of entriesOf(folder)) {
    const [, target = '', pid, number] = partialPattern.exec(entry.name) ?? [];
    if (pid === undefined || !entry.isFile() || !isOwn(target)) continue;
    // A pid may be that of an earlier process: in a container they often repeat.
    const busy = Number(pid) === process.pid ? underWay.has(Number(number)) : isWriting(Number(pid), target);
    if (!busy) rmSync(join(folder, entry.name), { force: true });
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
