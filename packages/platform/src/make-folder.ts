/**
 * Makes folders step by step. Node's own `recursive` reports a read-only file system as a missing folder, and never returns
 * where the kernel makes no folders, such as below /proc.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { codeOf } from '@distillery/base';

import { syncFolderSync } from './write-whole.js';

/**
 * Makes the folder, and the folders up to it, unless it is there.
 * @returns true when it was made
 * @throws the system's error with its code; ENOTDIR where a file stands in its place
 */
export function makeFolderSync(path: string): boolean {
  if (makeNewFolderSync(path)) return true;
  if (statSync(path).isDirectory()) return false;
  throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: 'ENOTDIR' });
}

/**
 * Makes the folder, and the folders up to it, only if nothing is there.
 * @returns false when something is there already
 * @throws the system's error with its code
 */
export function makeNewFolderSync(path: string): boolean {
  const parent = dirname(path);
  if (!existsSync(parent)) makeNewFolderSync(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  syncFolderSync(parent);
  return true;
}
