/**
 * Bytes at positions: a regular file, a part of one, or memory. The reads are synchronous on purpose: a positional read
 * from the page cache takes about a microsecond, and the way through the thread pool several times that (measured for
 * idx: 210 k against 100 k samples/s).
 */
import { closeSync, fstatSync, readSync } from 'node:fs';
import { Readable } from 'node:stream';

import { openRegularSync } from '@distillery/platform';

import { DataError, readFailure } from '../samples/index.js';
import type { FarBytes, FarFiles } from './far.js';

/** Upper bound of one row or one file that is handed out whole, so that a damaged header cannot ask for gigabytes. */
export const maxRowBytes = 1 << 26;
/** What an open table holds in memory at most of files that cannot be read in place. */
export const maxMemoryBytes = 1 << 28;

export interface Bytes {
  /** For people: "train.npz: x_train.npy". */
  readonly name: string;
  readonly length: number;
  /**
   * Copies the bytes from `position` on into `target`.
   * @param at first index in `target`; absent = 0
   * @param length number of bytes; absent = up to the end of `target`
   * @throws DataError where the bytes end before; ReadError
   */
  fill(target: Uint8Array, position: number, at?: number, length?: number): void;
}

/** A file that stays open until it is closed. */
export interface OpenBytes extends Bytes {
  /** Equal for two openings of a path only when the file is the same and was not written between them. */
  readonly version: string;
  /** Any number of times. */
  readonly close: () => void;
}

/** A regular file on this machine. @param expected the file as a noun: "an npy file". @throws DataError, ReadError */
export function openBytes(path: string, expected: string): OpenBytes {
  const attempt = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      throw readFailure(error, path, expected);
    }
  };
  const descriptor = attempt(() => openRegularSync(path));
  const { ino, size, mtimeNs } = attempt(() => fstatSync(descriptor, { bigint: true }));
  let open = true;
  return {
    name: path,
    length: Number(size),
    version: [ino, size, mtimeNs].join(),
    fill: (target, position, at = 0, length = target.length - at) => {
      // The system may have given the number to another file.
      if (!open) throw new Error(`${path}: the table is closed`);
      let done = 0;
      // No closure here: this is the innermost loop of every batch.
      try {
        for (let got = 1; done < length && got > 0; done += got) {
          got = readSync(descriptor, target, at + done, length - done, position + done);
        }
      } catch (error) {
        throw readFailure(error, path, expected);
      }
      // The length was checked when the file was opened: it was cut meanwhile.
      if (done < length) throw truncated(path, fstatSync(descriptor).size, position + length);
    },
    close: () => {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

/** As `openBytes`, for a file that may be elsewhere. */
export function openBytesAt(path: string, expected: string, far: FarFiles | undefined): OpenBytes {
  const there = far?.at(path) ?? null;
  return there === null ? openBytes(path, expected) : farBytes(path, there);
}

function farBytes(path: string, far: FarBytes): OpenBytes {
  let open = true;
  return {
    name: path,
    length: far.length,
    version: far.version,
    fill: (target, position, at = 0, length = target.length - at) => {
      if (!open) throw new Error(`${path}: the table is closed`);
      if (position + length > far.length) throw truncated(path, far.length, position + length);
      far.read(target.subarray(at, at + length), position);
    },
    close: () => {
      open = false;
    },
  };
}

/** The part of `whole` from `start` on, with positions of its own. @param start, length inside of `whole` */
export function partOf(whole: Bytes, name: string, start: number, length: number): Bytes {
  return { name, length, fill: (target, position, at, length) => whole.fill(target, start + position, at, length) };
}

const chunkBytes = 1 << 16;

/** The bytes from `start` up to, not including, `end`; each piece is read when it is asked for. Fails as `fill` does. */
export function streamOf(bytes: Bytes, start: number, end: number): Readable {
  const chunks = function* (): Generator<Uint8Array> {
    for (let at = start; at < end; at += chunkBytes) {
      const chunk = Buffer.alloc(Math.min(chunkBytes, end - at));
      bytes.fill(chunk, at);
      yield chunk;
    }
  };
  return Readable.from(chunks());
}

/** @param length of all bytes, where `memory` holds the first of them only */
export function inMemory(name: string, memory: Uint8Array, length = memory.length): Bytes {
  return {
    name,
    length,
    fill: (target, position, at = 0, length = target.length - at) => {
      const end = position + length;
      if (end > memory.length) throw truncated(name, memory.length, end);
      target.set(memory.subarray(position, end), at);
    },
  };
}

export function truncated(name: string, bytes: number, expected: number): DataError {
  return new DataError({
    about: name,
    found: `a truncated file of ${String(bytes)} bytes`,
    expected: `${String(expected)} bytes`,
    remedy: 'get the file again',
  });
}

/** Other files that people name by mistake. */
const foreignStarts = [
  { start: 'PK\x03\x04', found: 'a zip archive', remedy: 'unpack it' },
  { start: '\x1f\x8b', found: 'a gzip file', remedy: 'unpack it with gunzip -k' },
  { start: 'version ', found: 'a pointer of Git LFS', remedy: 'get the file itself: `git lfs pull`' },
  { start: '<', found: 'a web page', remedy: 'download the file itself, not the page about it' },
  { start: '\x89HDF', found: 'an HDF5 file', remedy: 'save its arrays as npy files' },
  { start: '\x93NUMPY', found: 'an npy file', remedy: 'correct the format of the data set' },
] as const;

/** Why a file that starts with `head` is not what it should be. @param is what it should be: "an npy file" */
export function foreign(name: string, head: Uint8Array, is: string, startsWith: string): DataError {
  const text = Buffer.from(head).toString('latin1');
  const other = foreignStarts.find(({ start }) => text.startsWith(start));
  if (other !== undefined)
    return new DataError({ about: name, found: other.found, expected: is, remedy: other.remedy });
  const start = Buffer.from(head.subarray(0, 4)).toString('hex');
  return new DataError({
    about: name,
    found: head.length === 0 ? 'an empty file' : `a file that starts with "${start}"`,
    expected: `${is}, which starts with ${startsWith}`,
    remedy: 'check that it is the file meant and that its download is complete',
  });
}
