/** Reads many small files: several at a time, and each within a bound. A file that cannot be read is a bad row. */
import { closeSync, read } from 'node:fs';

import { openRegularDescriptor, readFaultOf } from '@distillery/platform';

import { maxRowBytes } from '../bytes.js';
import { readFailure } from '../../samples/index.js';
import type { FarBytes, FarFiles } from '../far.js';
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

/** What is read of each file, and where files are. */
interface Reading {
  /** Absent = whole files. */
  readonly ends?: Ends | undefined;
  /** Absent = all files are here. */
  readonly far?: FarFiles | undefined;
}

/**
 * @returns in the order of `paths`
 * @throws ReadError for a fault that may pass; what reading a far file throws
 */
export async function readFiles(paths: readonly string[], how: Reading = {}): Promise<readonly (Content | BadRow)[]> {
  const contents: (Content | BadRow)[] = [];
  let next = 0;
  const readSome = async (): Promise<void> => {
    for (let at = next++; at < paths.length; at = next++) contents[at] = await readOne(paths[at] ?? '', how);
  };
  await Promise.all(Array.from({ length: Math.min(filesAtOnce, paths.length) }, readSome));
  return contents;
}

function readOne(path: string, { ends, far }: Reading): Promise<Content | BadRow> {
  const there = far?.at(path) ?? null;
  return there === null ? readHere(path, ends) : partsOf(fillFrom(there), there.length, ends);
}

async function readHere(path: string, ends: Ends | undefined): Promise<Content | BadRow> {
  let descriptor: number | null = null;
  try {
    const file = await openRegularDescriptor(path);
    descriptor = file.descriptor;
    return await partsOf(fillWith(descriptor), file.size, ends);
  } catch (error) {
    return badRow(error, path);
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

/** Fills memory with the bytes of a file from a position on. @returns false when the file ends before */
type Fill = (target: Uint8Array, position: number) => Promise<boolean>;

async function partsOf(fill: Fill, size: number, ends: Ends | undefined): Promise<Content | BadRow> {
  const cut = ends !== undefined && size > ends.head + ends.tail;
  const length = cut ? ends.head + ends.tail : size;
  if (length > maxRowBytes) {
    return new BadRow(`the file has ${String(length)} bytes, and at most ${String(maxRowBytes)} are read`);
  }
  const bytes = new Uint8Array(length);
  const sound = cut
    ? (await fill(bytes.subarray(0, ends.head), 0)) && (await fill(bytes.subarray(ends.head), size - ends.tail))
    : await fill(bytes, 0);
  return sound ? { bytes, size } : new BadRow('the file was cut while it was read');
}

function fillFrom(there: FarBytes): Fill {
  return async (target, position) => {
    await there.fetch(target, position);
    return true;
  };
}

function fillWith(descriptor: number): Fill {
  return (target, position) =>
    new Promise((resolve, reject) => {
      const readFrom = (done: number): void => {
        if (done === target.length) resolve(true);
        else {
          read(descriptor, target, done, target.length - done, position + done, (error, got) => {
            if (error !== null) reject(error);
            else if (got === 0) resolve(false);
            else readFrom(done + got);
          });
        }
      };
      readFrom(0);
    });
}

/** @throws ReadError when another attempt may succeed */
function badRow(error: unknown, path: string): BadRow {
  const { found, passes } = readFaultOf(error, path);
  if (passes) throw readFailure(error, path, 'a file');
  return new BadRow(`found ${found}, expected a file`);
}
