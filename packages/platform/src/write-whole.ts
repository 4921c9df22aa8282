/**
 * Writes files that are whole on disk or absent, also after a power failure.
 *
 * Invariant: a file with the target's name holds all its bytes and is durable once the call returns. It is written under
 * another name in the same folder, synced, renamed, and the folder is synced. A crash leaves at most one file whose name
 * ends in `.partial`, which the owner of the target removes when it works in the folder again (half-written.ts).
 */
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import { partialOf } from './half-written.js';

export interface WriteOptions {
  /** Permission bits of a new file; default 0o666 less the umask. */
  readonly mode?: number;
}

/**
 * Replaces the file.
 * @param data whole, or in pieces as they come
 * @throws the system's error with its code, or what `data` throws; the target is then as before
 */
export async function writeWhole(
  path: string,
  data: Uint8Array | string | AsyncIterable<Uint8Array>,
  options: WriteOptions = {},
): Promise<void> {
  const partial = partialOf(path);
  try {
    const file = await open(partial.path, 'wx', options.mode ?? 0o666);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial.path, path);
  } catch (error) {
    // Its space may be what the next write lacks. The first error is the one to report.
    await rm(partial.path, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    partial.done();
  }
  await syncFolder(dirname(path));
}

/** As `writeWhole`. @throws the system's error with its code; the target is then as before */
export function writeWholeSync(path: string, data: Uint8Array | string, options: WriteOptions = {}): void {
  writeSync(path, data, options, renameSync);
}

/**
 * Writes a file that is not there yet: never replaces one, not even one that appears meanwhile.
 * @throws the system's error with its code, EEXIST for a file that exists
 */
export function writeNewSync(path: string, data: Uint8Array | string, options: WriteOptions = {}): void {
  // Unlike a rename, a second name is refused where one is taken.
  writeSync(path, data, options, (partial, target) => {
    linkSync(partial, target);
    rmSync(partial);
  });
}

function writeSync(
  path: string,
  data: Uint8Array | string,
  options: WriteOptions,
  name: (partial: string, target: string) => void,
): void {
  const partial = partialOf(path);
  try {
    const file = openSync(partial.path, 'wx', options.mode ?? 0o666);
    try {
      writeFileSync(file, data);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    name(partial.path, path);
  } catch (error) {
    try {
      rmSync(partial.path, { force: true });
    } catch {
      // The first error is the one to report.
    }
    throw error;
  } finally {
    partial.done();
  }
  syncFolderSync(dirname(path));
}

/** Makes renames in a folder durable; without it a power failure may bring back the old entries. */
export async function syncFolder(folder: string): Promise<void> {
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** As `syncFolder`. */
export function syncFolderSync(folder: string): void {
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
