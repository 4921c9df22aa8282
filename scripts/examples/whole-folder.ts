/**
 * Folders that are made once and kept.
 *
 * Invariants:
 *  whole-folder/W1 A folder with its final name is whole: it is filled under another name in the same parent, gets a stamp
 *     of what it was made from, and is then renamed. Of two processes at once one rename wins, the other uses its result.
 *  whole-folder/W2 A folder that a killed process left unfinished is removed when the next folder is made beside it.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { codeOf } from '@distillery/base';
import { isAlive } from '@distillery/platform';

const stampName = '.made-from';
const unfinishedPattern = /^\.(?:making|replaced)-([1-9]\d*)-/;
let made = 0;

/**
 * Makes the folder unless it is there.
 * @param stamp all that decides its content: a folder with another stamp is made again
 * @param make fills an empty folder; what it throws is thrown, and nothing is left
 * @returns whether it was made now
 */
export async function wholeFolder(
  target: string,
  stamp: string,
  make: (folder: string) => Promise<void>,
): Promise<boolean> {
  if (stampOf(target) === stamp) return false;
  const parent = dirname(target);
  mkdirSync(parent, { recursive: true });
  removeUnfinished(parent);
  const folder = join(parent, `.making-${own()}-${basename(target)}`);
  mkdirSync(folder);
  try {
    await make(folder);
    writeFileSync(join(folder, stampName), stamp);
    moveTo(target, folder, stamp);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return true;
}

/** A name that no other process and no other call takes. */
function own(): string {
  made += 1;
  return `${String(process.pid)}-${String(made)}`;
}

/** @returns null for a folder that is absent or was not made here */
function stampOf(target: string): string | null {
  try {
    return readFileSync(join(target, stampName), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function moveTo(target: string, folder: string, stamp: string): void {
  for (;;) {
    try {
      renameSync(folder, target);
      return;
    } catch (error) {
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
    }
    // Another process was first.
    if (stampOf(target) === stamp) return;
    const replaced = join(dirname(target), `.replaced-${own()}-${basename(target)}`);
    renameSync(target, replaced);
    rmSync(replaced, { recursive: true, force: true });
  }
}

function removeUnfinished(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = unfinishedPattern.exec(name)?.[1];
    if (pid === undefined || Number(pid) === process.pid || isAlive(Number(pid))) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}
