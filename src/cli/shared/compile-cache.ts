/**
 * Keeps the compiled form of the modules in the user's cache folder, so that the next command starts faster. Node.js checks
 * each entry against the file that it was made from.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

import { makeFolderSync } from '@distillery/platform';

import { cacheFolderOf } from './cache-folder.js';

/** Of the folder of compiled modules in the cache folder. */
export const compiledFolderName = 'compiled';

/** @returns the folder, made if it was missing; null where there is none, or none can be made */
export function compiledFolder(environment: NodeJS.ProcessEnv, home: () => string): string | null {
  const cacheFolder = cacheFolderOf(environment, home);
  if (cacheFolder === null) return null;
  const folder = join(cacheFolder, compiledFolderName);
  try {
    // Before Node.js makes it: that never returns below /proc.
    makeFolderSync(folder);
    return folder;
  } catch {
    return null;
  }
}

/**
 * Does nothing when there is no such folder, or when NODE_COMPILE_CACHE names another: Node.js has read that already. It
 * never fails: a folder that cannot be written leaves the command without a cache. NODE_DISABLE_COMPILE_CACHE switches it off.
 */
export function keepCompiled(environment: NodeJS.ProcessEnv, home: () => string): void {
  if ((environment.NODE_COMPILE_CACHE ?? '') !== '') return;
  const folder = compiledFolder(environment, home);
  if (folder !== null) enableCompileCache(folder);
}
