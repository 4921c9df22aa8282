/** Arrays of numpy as tables: the first axis counts the rows. */
import { basename } from 'node:path';

import { type Bytes, inMemory, maxMemoryBytes, maxRowBytes, openBytesAt, truncated } from '../bytes.js';
import { DataError } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { BadRow, type Cell, type Table } from '../table.js';
import { type ArrayColumn, arrayTable, rowBytes } from './array-table.js';
import { rowMajor } from './fortran.js';
import { type NpyHeader, readNpyHeader } from './npy-header.js';
import { npyTypeOf, type NpyType } from './npy-type.js';
import { arrivingType, numbersIn } from './numbers.js';
import { textsIn } from './texts.js';

/**
 * The table of one npy file. Its column is named by the file: `x.npy` gives `x`. An array without dimensions is one row.
 * @throws DataError, ReadError
 */
export function openNpy(path: string, far?: FarFiles): Promise<Table> {
  return new Promise((resolve) => {
    const file = openBytesAt(path, 'an npy file', far);
    try {
      resolve(arrayTable(path, [npyColumn(basename(path).replace(/\.npy$/, ''), file)], file.close));
    } catch (error) {
      file.close();
      throw error;
    }
  });
}

/** @param bytes a whole npy file. @throws DataError, ReadError */
export function npyColumn(name: string, bytes: Bytes): ArrayColumn {
  const header = readNpyHeader(bytes);
  const type = npyTypeOf(header.descr);
  if (!('kind' in type)) throw new DataError({ about: bytes.name, ...type });
  const [length = 1, ...shape] = header.shape;
  checkSize(bytes, header, type);
  const size = shape.reduce((product, axis) => product * axis, 1);
  const byColumn = header.fortran && header.shape.length > 1;
  const stored = byColumn ? inRowOrder(bytes, header, type) : bytes;
  const rows = { offset: byColumn ? 0 : header.bodyOffset, bytesPerRow: size * type.bytes, length };
  if (type.kind === 'numbers') {
    return {
      column: { name, kind: 'tensor', dtype: arrivingType(type.type), shape },
      length,
      read: (indices) => ({ kind: 'tensor', data: numbersIn(rowBytes(stored, rows, indices), type) }),
    };
  }
  return {
    column: { name, kind: 'cells' },
    length,
    read: (indices) => {
      const raw = rowBytes(stored, rows, indices);
      const cells = Array.from({ length: indices.length }, (_, at): Cell | BadRow => {
        const texts = textsIn(raw.subarray(at * rows.bytesPerRow, (at + 1) * rows.bytesPerRow), type);
        return texts instanceof BadRow ? texts : nested(texts, shape);
      });
      return { kind: 'cells', cells };
    },
  };
}

/** @throws DataError for an array without values, with rows that are too large, or of another size than the file */
function checkSize(bytes: Bytes, { shape, bodyOffset }: NpyHeader, type: NpyType): void {
  const text = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const bytesPerRow = shape.slice(1).reduce((product, axis) => product * axis, type.bytes);
  if (shape[0] === 0 || bytesPerRow === 0 || bytesPerRow > maxRowBytes) {
    throw new DataError({
      about: bytes.name,
      found: `an array of the shape ${text}`,
      expected: `at least one row of 1 to ${String(maxRowBytes)} bytes; the first axis counts the rows`,
      remedy: 'check that it is the array meant',
    });
  }
  const expected = bodyOffset + bytesPerRow * (shape[0] ?? 1);
  if (bytes.length < expected) throw truncated(bytes.name, bytes.length, expected);
  if (bytes.length > expected) {
    throw new DataError({
      about: bytes.name,
      found: `${String(bytes.length)} bytes`,
      expected: `${String(expected)}, as the header says: shape ${text}`,
      remedy: 'save one array in each file',
    });
  }
}

/** The values of a column-major array, whose rows lie all over the file, row by row in memory. @throws DataError when it is too large */
function inRowOrder(bytes: Bytes, { shape, bodyOffset }: NpyHeader, type: NpyType): Bytes {
  if (bytes.length > maxMemoryBytes) {
    throw new DataError({
      about: bytes.name,
      found: `a column-major array of ${String(bytes.length)} bytes`,
      expected: `a row-major one, or at most ${String(maxMemoryBytes)} bytes`,
      remedy: 'save it row by row: np.save(path, np.ascontiguousarray(x))',
    });
  }
  const body = new Uint8Array(bytes.length - bodyOffset);
  bytes.fill(body, bodyOffset);
  return inMemory(bytes.name, rowMajor(body, shape, type.bytes));
}

/** Texts in lists of lists, as `shape` says. @param shape of one row; [] = one text */
function nested(texts: readonly string[], shape: readonly number[]): Cell {
  const [first, ...rest] = shape;
  if (first === undefined) return texts[0] ?? '';
  const size = texts.length / first;
  return Array.from({ length: first }, (_, at) => nested(texts.slice(at * size, (at + 1) * size), rest));
}
