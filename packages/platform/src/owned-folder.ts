/**
 * Folders that this product made, and in which it may therefore overwrite and remove.
 *
 * Invariants:
 *  owned-folder/F1 A folder is ours only if it holds a mark of the wanted kind: a regular file that is written while
 *     the folder is empty. A person's folder never gets one.
 *  owned-folder/F2 Nothing is created, changed or removed in a folder that is not ours.
 *  owned-folder/F3 A link is never ours, and nothing is removed or overwritten through one.
 */
import { lstatSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { codeOf } from '@distillery/base';

import { sweepHalfWrittenSync } from './half-written.js';
import { makeNewFolderSync } from './make-folder.js';
import { writeWholeSync } from './write-whole.js';

/** Name of the file that marks a folder as ours. */
export const markName = '.distillery';

export interface Mark {
  /** What the folder is for, such as `run`; a folder of one kind is never taken for another. */
  readonly kind: string;
  /** Whose it is, such as the uid of a job; absent where the kind says enough. */
  readonly owner?: string;
}

export type Claim =
  /** It was absent or empty, and is ours now. */
  { readonly kind: 'made' } | Taken;

export type Taken =
  /** It carried the mark already. */
  | { readonly kind: 'ours' }
  /** Names in it that are not ours; nothing was touched. */
  | { readonly kind: 'foreign'; readonly holds: readonly string[] }
  /** A file or a link stands in its place; nothing was touched. */
  | { readonly kind: 'notAFolder'; readonly is: 'file' | 'link' };

/** What `claimFolderSync` would find; changes nothing. @throws the system's error with its code */
export function lookAtFolderSync(
  path: string,
  mark: Mark,
): Taken | { readonly kind: 'absent' } | { readonly kind: 'empty' } {
  let entry;
  try {
    entry = lstatSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return { kind: 'absent' };
    throw error;
  }
  if (entry.isSymbolicLink()) return { kind: 'notAFolder', is: 'link' };
  if (!entry.isDirectory()) return { kind: 'notAFolder', is: 'file' };
  const found = markOfSync(path);
  if (found?.kind === mark.kind && found.owner === mark.owner) return { kind: 'ours' };
  const holds = readdirSync(path).filter((name) => !isHalfMark(name));
  return holds.length === 0 ? { kind: 'empty' } : { kind: 'foreign', holds };
}

/**
 * Makes the folder ours, with the folders up to it, if it is absent or empty.
 * @throws the system's error with its code when it cannot be written; it is then as before
 */
export function claimFolderSync(path: string, mark: Mark): Claim {
  const found = lookAtFolderSync(path, mark);
  if (found.kind !== 'absent' && found.kind !== 'empty') return found;
  if (found.kind === 'absent' && !makeNewFolderSync(path)) return claimFolderSync(path, mark);
  try {
    markFolderSync(path, mark);
  } catch (error) {
    if (found.kind === 'absent') removeIfEmpty(path);
    throw error;
  }
  return { kind: 'made' };
}

/**
 * Marks a folder that its caller knows to be ours (owned-folder/F1 holds by other means). @throws the system's error
 * with its code
 */
export function markFolderSync(path: string, mark: Mark): void {
  writeWholeSync(join(path, markName), `${JSON.stringify(mark)}\n`);
  // An earlier marking may have been killed.
  sweepHalfWrittenSync(path, { isOwn: (target) => target === markName });
}

/** The mark in a folder; null when it has none that can be read. Follows a link in place of the folder. */
export function markOfSync(path: string): Mark | null {
  const file = join(path, markName);
  try {
    if (!lstatSync(file).isFile()) return null;
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value !== 'object' || value === null || !('kind' in value) || typeof value.kind !== 'string')
      return null;
    const owner = 'owner' in value && typeof value.owner === 'string' ? { owner: value.owner } : {};
    return { kind: value.kind, ...owner };
  } catch {
    return null;
  }
}

/**
 * Removes the folder and all that is in it if it is ours (owned-folder/F2, owned-folder/F3). @throws the system's error
 * with its code
 */
export function removeOwnFolderSync(path: string, mark: Mark): 'removed' | 'absent' | 'foreign' {
  const found = lookAtFolderSync(path, mark);
  switch (found.kind) {
    case 'absent':
      return 'absent';
    case 'ours':
      rmSync(path, { recursive: true, force: true });
      return 'removed';
    case 'empty':
    case 'foreign':
    case 'notAFolder':
      return 'foreign';
  }
}

/**
 * Removes a temporary folder that a killed process left: with all that is in it if it carries the mark, and also if it is
 * empty, because the process may not have come to mark it. The caller goes by names that only `mkdtemp` gives.
 * @returns false for a folder that stays: it is not ours @throws the system's error with its code
 */
export function removeTemporarySync(path: string, mark: Mark): boolean {
  if (lookAtFolderSync(path, mark).kind === 'empty') {
    for (const name of readdirSync(path)) if (isHalfMark(name)) rmSync(join(path, name), { force: true });
    rmdirSync(path);
    return true;
  }
  return removeOwnFolderSync(path, mark) !== 'foreign';
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // The error that came before is the one to report.
  }
}

/** What a crash leaves of a mark that was being written. */
function isHalfMark(name: string): boolean {
  return name.startsWith(`${markName}.`) && name.endsWith('.partial');
}
