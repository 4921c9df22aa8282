/**
 * Members of a zip archive as bytes at positions. Stored members are read in place. Compressed ones are unpacked into
 * memory once, within the size that they declare and the memory that a table may hold.
 */
import { crc32 } from 'node:zlib';

import { codeOf, reasonOf } from '@distillery/base';
import { type Entry, fromRandomAccessReaderPromise, type ZipFile } from 'yauzl';

import { type Bytes, foreign, inMemory, maxMemoryBytes, openBytesAt, partOf } from '../bytes.js';
import { DataError, readFailure } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { firstBytes } from '../first-bytes.js';
import { ZipReader } from './zip-reader.js';

export interface Member {
  readonly name: string;
  /** All bytes. @throws DataError, ReadError */
  open(): Promise<Bytes>;
  /** At least the first `count` bytes, where it has as many; the length is the whole one. @throws DataError, ReadError */
  head(count: number): Promise<Bytes>;
}

export interface Members {
  readonly members: readonly Member[];
  readonly close: () => void;
}

const maxMembers = 10_000;
const stored = 0;
const deflated = 8;

/**
 * @param kind the file as a noun: "an npz file"
 * @throws DataError for a file that is no zip archive, is damaged, encrypted or has two members of one name; ReadError
 */
export async function openZip(path: string, kind: string, far?: FarFiles): Promise<Members> {
  const file = openBytesAt(path, kind, far);
  try {
    const head = new Uint8Array(Math.min(8, file.length));
    file.fill(head, 0);
    if (!Buffer.from(head).toString('latin1').startsWith('PK')) throw foreign(path, head, kind, 'PK');
    const options = { autoClose: false, strictFileNames: true };
    const zip = await fromRandomAccessReaderPromise(new ZipReader(file), file.length, options);
    const members = new Map<string, Member>();
    const memory = { left: maxMemoryBytes };
    if (zip.entryCount > maxMembers) throw damaged(path, `${String(zip.entryCount)} members`);
    for await (const entry of zip.eachEntry()) {
      if (members.has(entry.fileName)) throw damaged(path, `two members named ${entry.fileName}`);
      members.set(entry.fileName, memberOf(file, zip, entry, memory));
    }
    return { members: [...members.values()], close: file.close };
  } catch (error) {
    file.close();
    throw zipFailure(error, path, kind);
  }
}

function memberOf(file: Bytes, zip: ZipFile, entry: Entry, memory: { left: number }): Member {
  const name = `${file.name}: ${entry.fileName}`;
  const guarded = async (open: () => Promise<Bytes>): Promise<Bytes> => {
    try {
      checkReadable(name, entry);
      return await open();
    } catch (error) {
      throw zipFailure(error, name, 'a member of a zip archive');
    }
  };
  const inPlace = async (): Promise<Bytes> => {
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    return partOf(file, name, fileDataStart, entry.uncompressedSize);
  };
  let unpacked: Bytes | null = null;
  return {
    name: entry.fileName,
    open: () =>
      guarded(async () => {
        if (entry.compressionMethod === stored) return inPlace();
        if (unpacked !== null) return unpacked;
        if (Math.max(entry.uncompressedSize, entry.compressedSize) > memory.left) throw tooLarge(name, entry);
        memory.left -= entry.uncompressedSize;
        unpacked = inMemory(name, await unpack(zip, entry, name));
        return unpacked;
      }),
    head: (count) =>
      guarded(async () => {
        if (entry.compressionMethod === stored) return inPlace();
        return inMemory(name, await firstBytes(await zip.openReadStreamPromise(entry), count), entry.uncompressedSize);
      }),
  };
}

/** @throws DataError, and the errors of yauzl: the stream fails as soon as it gives more bytes than declared */
async function unpack(zip: ZipFile, entry: Entry, name: string): Promise<Uint8Array> {
  const whole = new Uint8Array(entry.uncompressedSize);
  let got = 0;
  for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Uint8Array>) {
    whole.set(chunk, got);
    got += chunk.length;
  }
  if (crc32(whole) !== entry.crc32) throw damaged(name, 'content of another checksum than the archive says');
  return whole;
}

function checkReadable(name: string, entry: Entry): void {
  if (entry.isEncrypted()) {
    throw new DataError({ about: name, found: 'an encrypted member', expected: 'a readable one', remedy: 'unpack it' });
  }
  if (entry.compressionMethod === stored || entry.compressionMethod === deflated) return;
  throw new DataError({
    about: name,
    found: `compression method ${String(entry.compressionMethod)}`,
    expected: 'none, or deflate',
    remedy: 'save it with numpy.savez',
  });
}

function tooLarge(name: string, { uncompressedSize }: Entry): DataError {
  return new DataError({
    about: name,
    found: `a compressed array of ${String(uncompressedSize)} bytes`,
    expected: `at most ${String(maxMemoryBytes)} bytes of compressed arrays, which are unpacked into memory`,
    remedy: 'save it with numpy.savez instead of savez_compressed',
  });
}

function damaged(about: string, found: string): DataError {
  return new DataError({ about, found, expected: 'a sound zip archive', remedy: 'get the file again' });
}

/** What an error of the zip library, of zlib or of the disk means. */
function zipFailure(error: unknown, about: string, expected: string): unknown {
  if (error instanceof Error && 'fault' in error) return error;
  const code = codeOf(error);
  if (/^E[A-Z]+$/.test(code)) return readFailure(error, about, expected);
  return damaged(about, `a damaged zip archive (${reasonOf(error)})`);
}
