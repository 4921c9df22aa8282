/** What stored values mean: numbers of the type that the schema names, texts, bytes. Pure. */
import type { NumberArray } from '../table.js';
import { BadRow, type Cell } from '../table.js';
import { Damage } from './damage.js';
import { lengthOf, type Stored, type StoredNumbers } from './encodings.js';
import type { Meaning } from './schema.js';

/** Values of one page or dictionary, as `Stored`, with numbers of their own type. */
export type Meant =
  | { readonly kind: 'numbers'; readonly numbers: NumberArray }
  | Extract<Stored, { readonly kind: 'bytes' }>
  | { readonly kind: 'indexes'; readonly indexes: Int32Array; readonly dictionary: Meant };

/** @param dictionary the stored one of the values, with its meaning */
export function meant(stored: Stored, meaning: Meaning, dictionary: Meant | null): Meant {
  if (stored.kind === 'indexes') {
    if (dictionary === null) throw new Damage('a page refers to a dictionary that is not there');
    return { kind: 'indexes', indexes: stored.indexes, dictionary };
  }
  if (meaning.is === 'number' && meaning.decimalScale !== undefined) {
    return { kind: 'numbers', numbers: decimals(stored, meaning.decimalScale) };
  }
  if (meaning.is === 'half') return { kind: 'numbers', numbers: halves(stored) };
  if (stored.kind === 'bytes') return stored;
  return { kind: 'numbers', numbers: meaning.is === 'number' ? typed(stored.numbers, meaning.dtype) : stored.numbers };
}

/** Memory of its own; a dictionary is counted where it is kept. */
export function bytesOf(values: Meant): number {
  if (values.kind === 'numbers') return values.numbers.byteLength;
  if (values.kind === 'indexes') return values.indexes.byteLength;
  return values.bytes.byteLength + values.starts.byteLength + values.ends.byteLength;
}

/** The numbers of a column whose meaning is one. @throws Damage for other values */
export function numbersOf(values: Meant): NumberArray {
  if (values.kind === 'numbers') return values.numbers;
  if (values.kind === 'bytes') throw new Damage('a page holds no numbers');
  const dictionary = numbersOf(values.dictionary);
  const numbers = emptyLike(dictionary, values.indexes.length);
  for (let at = 0; at < numbers.length; at++) numbers[at] = dictionary[values.indexes[at] ?? 0] ?? 0;
  return numbers;
}

/** One value as a cell; its memory belongs to the caller. */
export function cellAt(values: Meant, meaning: Meaning, at: number): Cell | BadRow {
  if (values.kind === 'indexes') return cellAt(values.dictionary, meaning, values.indexes[at] ?? 0);
  if (values.kind === 'numbers') {
    const number = values.numbers[at] ?? 0;
    return meaning.is === 'boolean' ? number === 1 : number;
  }
  const bytes = values.bytes.subarray(values.starts[at], values.ends[at]);
  return meaning.is === 'text' ? textOf(bytes) : new Uint8Array(bytes);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | BadRow {
  try {
    return decoder.decode(bytes);
  } catch {
    return new BadRow('its text is not UTF-8');
  }
}

function typed(stored: StoredNumbers, dtype: string): NumberArray {
  const { buffer, byteOffset, length } = stored;
  switch (dtype) {
    case 'uint8':
      return new Uint8Array(stored as Int32Array);
    case 'int8':
      return new Int8Array(stored as Int32Array);
    case 'uint16':
      return new Uint16Array(stored as Int32Array);
    case 'int16':
      return new Int16Array(stored as Int32Array);
    case 'uint32':
      return new Uint32Array(buffer, byteOffset, length);
    case 'uint64':
      return new BigUint64Array(buffer, byteOffset, length);
    default:
      return stored;
  }
}

function emptyLike<T extends NumberArray>(array: T, length: number): T {
  return new (array.constructor as new (length: number) => T)(length);
}

/** IEEE numbers of 16 bits, little-endian. */
function halves(stored: Stored): Float32Array {
  if (stored.kind !== 'bytes') throw new Damage('a page holds no numbers of 16 bits');
  const { bytes, starts } = stored;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from(starts, (start) => view.getFloat16(start, true));
}

/** The float64 nearest to each decimal number. */
function decimals(stored: Stored, scale: number): Float64Array {
  const numbers = new Float64Array(lengthOf(stored));
  for (let at = 0; at < numbers.length; at++) {
    // Not a division, which would round twice.
    numbers[at] = Number(`${String(unscaled(stored, at))}e${String(-scale)}`);
  }
  return numbers;
}

const maxDecimalBytes = 64;

function unscaled(stored: Stored, at: number): bigint | number {
  if (stored.kind === 'numbers') return stored.numbers[at] ?? 0;
  if (stored.kind !== 'bytes') throw new Damage('a dictionary refers to a dictionary');
  const bytes = stored.bytes.subarray(stored.starts[at], stored.ends[at]);
  if (bytes.length > maxDecimalBytes) throw new Damage(`a decimal number has ${String(bytes.length)} bytes`);
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return hex === '' ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${hex}`));
}
