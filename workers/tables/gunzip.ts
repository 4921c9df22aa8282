/** Gzip files, unpacked as a stream, or as a whole into memory within a bound that is known before. */
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { DistilleryError, reasonOf } from '@distillery/base';

import { type Bytes, streamOf } from './bytes.js';
import { DataError } from '../samples/index.js';

/** Bytes that one packed byte can become at most (the format's limit). */
const largestRatio = 1_032;
/** Of the last member: its unpacked length, modulo 2^32. */
const trailerBytes = 4;

export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** The unpacked bytes. Reading less than all of them ends the work. @throws what zlib throws for a damaged file; ReadError */
export function gunzipped(file: Bytes): AsyncIterable<Uint8Array> {
  // An error of one stream reaches the reader of the other.
  return pipeline(streamOf(file, 0, file.length), createGunzip(), () => undefined) as AsyncIterable<Uint8Array>;
}

/**
 * The unpacked file. A bomb ends at the bound: no more is ever kept.
 * @param most bytes
 * @param expected the file as a noun: "a CSV file"
 * @throws DataError when it is damaged or unpacks to more; ReadError
 */
export async function gunzipWhole(file: Bytes, most: number, expected: string): Promise<Uint8Array> {
  const { name } = file;
  try {
    let whole = new Uint8Array(Math.min(most, unpackedLength(file)));
    let got = 0;
    for await (const chunk of gunzipped(file)) {
      const needed = got + chunk.length;
      if (needed > most) throw tooLarge(name, most);
      if (needed > whole.length) whole = grown(whole, got, Math.min(most, Math.max(needed, 2 * whole.length)));
      whole.set(chunk, got);
      got = needed;
    }
    return whole.subarray(0, got);
  } catch (error) {
    // Also of a file that is elsewhere, whose server failed.
    if (error instanceof DistilleryError) throw error;
    const found = `a damaged gzip file (${reasonOf(error)})`;
    throw new DataError({ about: name, found, expected, remedy: 'get the file again' });
  }
}

/** What its trailer says, as far as the packed bytes can become that much. Files of several members unpack to more. */
function unpackedLength(file: Bytes): number {
  if (file.length < trailerBytes) return 0;
  const trailer = new Uint8Array(trailerBytes);
  file.fill(trailer, file.length - trailerBytes);
  return Math.min(new DataView(trailer.buffer).getUint32(0, true), file.length * largestRatio);
}

function grown(from: Uint8Array, filled: number, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(from.subarray(0, filled));
  return larger;
}

function tooLarge(path: string, most: number): DataError {
  return new DataError({
    about: path,
    found: `more than ${String(most)} bytes, unpacked`,
    expected: 'at most as many, as gzip files are unpacked into memory',
    remedy: `unpack it: \`gunzip -k ${path}\``,
  });
}
