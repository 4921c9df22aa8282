/**
 * Writes files that are whole on disk or absent, also after a power failure.
 *
 * Invariant: a file with the target's name holds all its bytes and is durable once the call returns. It is written under
 * another name in the same folder, synced, renamed, and the folder is synced. A crash leaves at most one file whose name
 * ends in `.partial`.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface WriteOptions {
  /** Permission bits of a new file; default 0o666 less the umask. */
  readonly mode?: number;
}

/** Two writers of one target, in this process or another, never share a partial file. */
let written = 0;

function partialOf(path: string): string {
  written += 1;
  return `${path}.${String(process.pid)}-${String(written)}.partial`;
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
    const file = await open(partial, 'wx', options.mode ?? 0o666);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    // Its space may be what the next write lacks. The first error is the one to report.
    await rm(partial, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** As `writeWhole`. @throws the system's error with its code; the target is then as before */
export function writeWholeSync(path: string, data: Uint8Array | string, options: WriteOptions = {}): void {
  const partial = partialOf(path);
  try {
    const file = openSync(partial, 'wx', options.mode ?? 0o666);
    try {
      writeFileSync(file, data);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (error) {
    try {
      rmSync(partial, { force: true });
    } catch {
      // The first error is the one to report.
    }
    throw error;
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
