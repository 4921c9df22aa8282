/** What a caller asked of a table and it does not have. */
import { DataError } from '../samples/index.js';

/** Place of a column among a table's names. @throws DataError when it has no such column */
export function indexOfColumn(path: string, name: string, names: readonly string[]): number {
  const index = names.indexOf(name);
  if (index >= 0) return index;
  throw new DataError({
    about: path,
    problem: `it has no column ${name}, only ${names.join(', ')}`,
    remedy: 'name one of its columns',
  });
}

/** @throws RangeError for what is no row of a table of `length` rows: a fault of the program */
export function checkRow(row: number, length: number): void {
  if (!Number.isInteger(row) || row < 0 || row >= length)
    throw new RangeError(`row ${String(row)} of ${String(length)}`);
}
