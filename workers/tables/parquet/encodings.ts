/**
 * From the bytes of a page to its values, as they are stored. Pure.
 *
 * Everything is held in typed arrays, so that a page takes the memory that its size and its number of values say. Both are
 * bounded before the page gets here.
 */
import type { Encoding, ParquetType } from 'hyparquet';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { readVarInt } from 'hyparquet/src/thrift.js';

import { Damage } from './damage.js';
import type { Leaf } from './schema.js';

const maxValueBytes = 1 << 28;

export type StoredNumbers = Uint8Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

/** Values of one page or dictionary. */
export type Stored =
  | { readonly kind: 'numbers'; readonly numbers: StoredNumbers }
  /** Value i is bytes[starts[i]] up to, not including, bytes[ends[i]]. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly starts: Int32Array; readonly ends: Int32Array }
  | { readonly kind: 'indexes'; readonly indexes: Int32Array; readonly dictionary: Stored };

/** A part of a page that is read from its start on. */
export interface Reader {
  readonly bytes: Uint8Array;
  at: number;
}

export function lengthOf(stored: Stored): number {
  if (stored.kind === 'numbers') return stored.numbers.length;
  return stored.kind === 'bytes' ? stored.starts.length : stored.indexes.length;
}

/** @param dictionary of the chunk, if it has one. @throws Damage when the bytes do not hold `count` values */
export function storedValues(
  reader: Reader,
  encoding: Encoding,
  { type, width }: Leaf,
  count: number,
  dictionary: Stored | null,
): Stored {
  switch (encoding) {
    case 'PLAIN':
      return plainValues(reader, type, width, count);
    case 'PLAIN_DICTIONARY':
    case 'RLE_DICTIONARY':
      if (dictionary === null) throw new Damage('a page refers to a dictionary that is not there');
      return { kind: 'indexes', indexes: indexesIn(reader, count, lengthOf(dictionary)), dictionary };
    case 'RLE':
      if (type !== 'BOOLEAN') throw new Damage('only booleans have the encoding RLE');
      return numbers(levels(lengthPrefixed(reader), 1, count));
    case 'DELTA_BINARY_PACKED':
      return numbers(deltas(reader, count, type === 'INT64' ? new BigInt64Array(count) : new Int32Array(count)));
    case 'DELTA_LENGTH_BYTE_ARRAY':
      return withLengths(reader, deltas(reader, count, new Int32Array(count)));
    case 'DELTA_BYTE_ARRAY':
      return withPrefixes(reader, count);
    case 'BYTE_STREAM_SPLIT':
      return plainValues({ bytes: joined(reader, count, valueWidth(type, width)), at: 0 }, type, width, count);
    default:
      throw new Damage(`the encoding is ${encoding}`);
  }
}

export function plainValues(reader: Reader, type: ParquetType, width: number, count: number): Stored {
  switch (type) {
    case 'BOOLEAN': {
      const bits = taken(reader, Math.ceil(count / 8));
      return numbers(Uint8Array.from({ length: count }, (_, at) => ((bits[at >> 3] ?? 0) >> (at & 7)) & 1));
    }
    case 'INT32':
      return numbers(new Int32Array(copied(reader, 4 * count)));
    case 'INT64':
      return numbers(new BigInt64Array(copied(reader, 8 * count)));
    case 'FLOAT':
      return numbers(new Float32Array(copied(reader, 4 * count)));
    case 'DOUBLE':
      return numbers(new Float64Array(copied(reader, 8 * count)));
    case 'FIXED_LEN_BYTE_ARRAY': {
      const bytes = taken(reader, width * count);
      const starts = Int32Array.from({ length: count }, (_, at) => at * width);
      return { kind: 'bytes', bytes, starts, ends: starts.map((start) => start + width) };
    }
    case 'BYTE_ARRAY':
      return plainBytes(reader, count);
    case 'INT96':
      throw new Damage('the type is INT96');
  }
}

function plainBytes(reader: Reader, count: number): Stored {
  const { bytes } = reader;
  if (4 * count > bytes.length - reader.at) throw tooShort();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  for (let value = 0; value < count; value++) {
    const start = reader.at + 4;
    const end = start + view.getUint32(reader.at, true);
    if (end > bytes.length) throw tooShort();
    starts[value] = start;
    ends[value] = end;
    reader.at = end;
  }
  return { kind: 'bytes', bytes, starts, ends };
}

function indexesIn(reader: Reader, count: number, length: number): Int32Array {
  const width = reader.bytes[reader.at++] ?? 0;
  const indexes = new Int32Array(count);
  hybrid({ bytes: reader.bytes, at: reader.at }, width, indexes);
  if (indexes.some((index) => index >= length)) throw new Damage('a page refers to a value outside its dictionary');
  return indexes;
}

const maxBitWidth = 24;

/** Values of `width` bits in the hybrid of run lengths and packed bits, [count]. */
export function levels(reader: Reader, width: number, count: number): Uint8Array {
  const output = new Uint8Array(count);
  if (width > 0) hybrid(reader, width, output);
  return output;
}

/** The part behind a length of four bytes. */
export function lengthPrefixed(reader: Reader): Reader {
  const view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset, reader.bytes.byteLength);
  const length = view.getUint32(reader.at, true);
  reader.at += 4;
  return { bytes: taken(reader, length), at: 0 };
}

/** Fills `output`. @throws Damage when there are fewer values */
function hybrid(reader: Reader, width: number, output: Uint8Array | Int32Array): void {
  if (width > maxBitWidth) throw new Damage(`values have ${String(width)} bits`);
  for (let done = 0; done < output.length;) {
    const head = varint(reader);
    const isPacked = (head & 1) === 1;
    const length = isPacked ? (head >>> 1) * 8 : head >>> 1;
    if (length === 0) continue;
    const end = Math.min(output.length, done + length);
    if (isPacked) packedBits(taken(reader, (head >>> 1) * width), width, output, done, end);
    else output.fill(littleEndian(taken(reader, (width + 7) >> 3)), done, end);
    done = end;
  }
}

function packedBits(bytes: Uint8Array, width: number, output: Uint8Array | Int32Array, start: number, end: number) {
  const mask = 2 ** width - 1;
  let pending = 0;
  let bits = 0;
  for (let at = 0, value = start; value < end; value++) {
    for (; bits < width; bits += 8) pending |= (bytes[at++] ?? 0) << bits;
    output[value] = pending & mask;
    pending >>>= width;
    bits -= width;
  }
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

function varint(reader: Reader): number {
  let value = 0;
  for (let count = 0; count < 5; count++) {
    const byte = taken(reader, 1)[0] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * count);
    if (byte < 0x80) return value;
  }
  throw new Damage('an integer has more than five bytes');
}

const maxDeltaBlock = 1 << 16;

/** Delta-encoded integers, into `output`. */
function deltas<T extends Int32Array | BigInt64Array>(reader: Reader, count: number, output: T): T {
  const view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset, reader.bytes.byteLength);
  const head = { view, offset: reader.at };
  const block = readVarInt(head);
  const parts = readVarInt(head);
  // The library divides by these and takes memory for them.
  const isSound = block > 0 && block <= maxDeltaBlock && parts > 0 && parts <= block && (block / parts) % 8 === 0;
  if (!isSound) throw new Damage('the head of delta-encoded integers is damaged');
  const library = { view, offset: reader.at };
  deltaBinaryUnpack(library, count, output);
  reader.at = library.offset;
  return output;
}

function withLengths(reader: Reader, lengths: Int32Array): Stored {
  const starts = new Int32Array(lengths.length);
  const ends = new Int32Array(lengths.length);
  lengths.forEach((length, value) => {
    starts[value] = reader.at;
    taken(reader, length);
    ends[value] = reader.at;
  });
  return { kind: 'bytes', bytes: reader.bytes, starts, ends };
}

/** Each value is the beginning of the one before it and an end of its own. */
function withPrefixes(reader: Reader, count: number): Stored {
  const prefixes = deltas(reader, count, new Int32Array(count));
  const suffixes = deltas(reader, count, new Int32Array(count));
  const ends = new Int32Array(count);
  let total = 0;
  let before = 0;
  for (let value = 0; value < count; value++) {
    const [prefix = 0, suffix = 0] = [prefixes[value], suffixes[value]];
    if (prefix < 0 || prefix > before || suffix < 0)
      throw new Damage('a value begins with more than the one before it');
    before = prefix + suffix;
    total += before;
    if (total > maxValueBytes) throw new Damage('the values are too long');
    ends[value] = total;
  }
  const bytes = new Uint8Array(total);
  const starts = ends.map((_, value) => (value === 0 ? 0 : (ends[value - 1] ?? 0)));
  for (let value = 0; value < count; value++) {
    const start = starts[value] ?? 0;
    const prefix = prefixes[value] ?? 0;
    if (prefix > 0) bytes.copyWithin(start, starts[value - 1] ?? 0, (starts[value - 1] ?? 0) + prefix);
    bytes.set(taken(reader, suffixes[value] ?? 0), start + prefix);
  }
  return { kind: 'bytes', bytes, starts, ends };
}

function valueWidth(type: ParquetType, width: number): number {
  if (type === 'FIXED_LEN_BYTE_ARRAY') return width;
  if (type === 'INT32' || type === 'FLOAT') return 4;
  if (type === 'INT64' || type === 'DOUBLE') return 8;
  throw new Damage(`values of ${type} are not split`);
}

/** The streams of first bytes, second bytes … as values one after the other. */
function joined(reader: Reader, count: number, width: number): Uint8Array {
  const streams = taken(reader, count * width);
  const bytes = new Uint8Array(count * width);
  for (let value = 0; value < count; value++) {
    for (let byte = 0; byte < width; byte++) bytes[value * width + byte] = streams[byte * count + value] ?? 0;
  }
  return bytes;
}

function numbers(values: StoredNumbers): Stored {
  return { kind: 'numbers', numbers: values };
}

function taken(reader: Reader, length: number): Uint8Array {
  const end = reader.at + length;
  if (length < 0 || end > reader.bytes.length) throw tooShort();
  const part = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return part;
}

/** In memory of its own, which begins where any number may. */
function copied(reader: Reader, length: number): ArrayBuffer {
  return taken(reader, length).slice().buffer;
}

function tooShort(): Damage {
  return new Damage('the page ends too early');
}
