/** The header of an idx file: [0, 0, type, number of dimensions, size …], each size 4 bytes, big-endian. Pure. */
import { count } from '@distillery/base';

import { foreign, truncated } from '../bytes.js';
import { DataError } from '../../samples/index.js';
import { bytesOfType, type StoredType } from './numbers.js';

export interface IdxHeader {
  readonly type: StoredType;
  readonly sizes: readonly number[];
  /** Position of the first value. */
  readonly bodyOffset: number;
  /** Bytes of the whole file. */
  readonly length: number;
}

/** Of an array of the most dimensions. */
export const maxHeaderBytes = 20;
const maxDimensions = 4;
const types: ReadonlyMap<number, StoredType> = new Map([
  [0x08, 'uint8'],
  [0x09, 'int8'],
  [0x0b, 'int16'],
  [0x0c, 'int32'],
  [0x0d, 'float32'],
  [0x0e, 'float64'],
]);

export interface IdxColumn {
  /** Of the column: `image`, `label`. */
  readonly name: string;
  readonly path: string;
  /** Numbers of dimensions that the file may have; absent = 1 to 4. */
  readonly dimensions?: readonly number[];
}

/**
 * @param head the first bytes: `maxHeaderBytes` of them, or all
 * @param fileBytes of the whole file, where they are known
 * @throws DataError
 */
export function readIdxHeader(column: IdxColumn, head: Uint8Array, fileBytes = head.length): IdxHeader {
  const { path } = column;
  const fault = (found: string, expected: string, remedy: string): DataError =>
    new DataError({ about: path, found, expected, remedy });
  const [first = 1, second = 1, code = 0, dimensions = 0] = head;
  if (head.length < 4 || first !== 0 || second !== 0) throw foreign(path, head.subarray(0, 16), 'an idx file', '0000');
  const type = types.get(code);
  if (type === undefined) {
    throw fault(`values of type 0x${code.toString(16)}`, 'numbers (types 0x8 to 0xe)', 'get the file again');
  }
  checkDimensions(column, dimensions);
  const bodyOffset = 4 + 4 * dimensions;
  if (head.length < bodyOffset) throw truncated(path, fileBytes, bodyOffset);
  const view = new DataView(head.buffer, head.byteOffset);
  const sizes = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis));
  const length = bodyOffset + sizes.reduce((product, size) => product * size, bytesOfType[type]);
  return { type, sizes, bodyOffset, length };
}

/** @throws DataError when a file of `bytes` bytes is not as long as its header says */
export function checkLength(path: string, { length, sizes }: IdxHeader, bytes: number): void {
  if (bytes < length) throw truncated(path, bytes, length);
  if (bytes === length) return;
  throw new DataError({
    about: path,
    found: `${String(bytes)} bytes`,
    expected: `${String(length)} (sizes ${sizes.join(' × ')})`,
    remedy: 'get the file again',
  });
}

function checkDimensions({ name, path, dimensions }: IdxColumn, found: number): void {
  if (found >= 1 && found <= maxDimensions && dimensions?.includes(found) !== false) return;
  const expected = dimensions === undefined ? `1 to ${String(maxDimensions)}` : dimensions.join(' or ');
  throw new DataError({
    about: path,
    found: count(found, 'dimension'),
    expected: `${expected}, as ${name}s have`,
    remedy: dimensionRemedy(found, dimensions ?? []),
  });
}

function dimensionRemedy(found: number, expected: readonly number[]): string {
  const [first, second] = expected;
  const labels = first === 1 && second === undefined;
  if ((found === 1 && !labels) || (found === 3 && labels)) return 'check that images and labels are not swapped';
  if (labels) return 'write the number of the class as one byte for each sample';
  return 'write the images as [number, height, width], one byte a pixel';
}
