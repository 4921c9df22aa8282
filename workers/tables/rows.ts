/** What all tables check of a call: that the rows and the columns that it names are there. */
import { DataError } from '../samples/index.js';

/** The row at a place of a list of rows. @throws DataError when the table has no such row */
export function rowIn(rows: ArrayLike<number>, at: number, length: number, name: string): number {
  const row = rows[at] ?? -1;
  if (Number.isInteger(row) && row >= 0 && row < length) return row;
  throw new DataError({
    about: name,
    found: `row ${String(row)}`,
    expected: `an integer from 0 to ${String(length - 1)}`,
    remedy: 'use the same data set for student and teachers',
  });
}

/** @throws DataError when the table has no such column */
export function columnNamed<T>(columns: ReadonlyMap<string, T>, name: string, table: string): T {
  const column = columns.get(name);
  if (column !== undefined) return column;
  throw new DataError({
    about: table,
    found: `no column ${name}`,
    expected: `one of ${[...columns.keys()].join(', ')}`,
    remedy: 'name a column that the data set has',
  });
}
