/** Reads many small files: several at a time, and each within a bound. A file that cannot be read is a bad row. */
import { fstatSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

import { openRegular, readFaultOf } from '@distillery/platform';

import { maxRowBytes } from '../bytes.js';
import { readFailure } from '../errors.js';
import { BadRow } from '../table.js';

/** The content of a file, or the start and the end of a larger one. */
export interface Content {
  readonly bytes: Uint8Array;
  /** Of the whole file, in bytes. */
  readonly size: number;
}

/** How many bytes are read of a file that has more than both together. */
export interface Ends {
  readonly head: number;
  readonly tail: number;
}

/**
 * Many times the threads that Node reads with, so that none of them waits for the next file. Reads are asynchronous: a
 * folder on a slow disk must not keep a process from its heartbeats.
 */
const filesAtOnce = 64;

/**
 * @param ends absent = whole files
 * @returns in the order of `paths`
 * @throws ReadError for a fault that may pass
 */
export async function readFiles(paths: readonly string[], ends?: Ends): Promise<readonly (Content | BadRow)[]> {
  const contents: (Content | BadRow)[] = [];
  let next = 0;
  const readSome = async (): Promise<void> => {
    for (let at = next++; at < paths.length; at = next++) contents[at] = await readOne(paths[at] ?? '', ends);
  };
  await Promise.all(Array.from({ length: Math.min(filesAtOnce, paths.length) }, readSome));
  return contents;
}

async function readOne(path: string, ends: Ends | undefined): Promise<Content | BadRow> {
  let file: FileHandle;
  try {
    file = await openRegular(path);
  } catch (error) {
    return badRow(error, path);
  }
  try {
    // The file is open: this waits for nothing, and saves a way through the thread pool.
    const { size } = fstatSync(file.fd);
    return await partsOf(file, size, ends);
  } catch (error) {
    return badRow(error, path);
  } finally {
    await file.close();
  }
}

async function partsOf(file: FileHandle, size: number, ends: Ends | undefined): Promise<Content | BadRow> {
  const cut = ends !== undefined && size > ends.head + ends.tail;
  const length = cut ? ends.head + ends.tail : size;
  if (length > maxRowBytes) {
    return new BadRow(`the file has ${String(length)} bytes, and at most ${String(maxRowBytes)} are read`);
  }
  const bytes = new Uint8Array(length);
  const sound = cut
    ? (await fill(file, bytes.subarray(0, ends.head), 0)) &&
      (await fill(file, bytes.subarray(ends.head), size - ends.tail))
    : await fill(file, bytes, 0);
  return sound ? { bytes, size } : new BadRow('the file was cut while it was read');
}

async function fill(file: FileHandle, target: Uint8Array, position: number): Promise<boolean> {
  for (let done = 0; done < target.length;) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}

/** @throws ReadError when another attempt may succeed */
function badRow(error: unknown, path: string): BadRow {
  const { found, passes } = readFaultOf(error, path);
  if (passes) throw readFailure(error, path, 'a file');
  return new BadRow(`found ${found}, expected a file`);
}
