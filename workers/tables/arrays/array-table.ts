/** A table whose columns are arrays: each row has a fixed offset in the bytes. */
import { basename } from 'node:path';

import type { Bytes } from '../bytes.js';
import { columnNamed, rowIn } from '../rows.js';
import type { Column, Table, Values } from '../table.js';

/** One column of a table of arrays. */
export interface ArrayColumn {
  readonly column: Column;
  /** Number of rows. */
  readonly length: number;
  /** @param rows below `length`. @throws DataError, ReadError */
  read(rows: ArrayLike<number>): Values;
}

/**
 * @param path of the file or folder, for people
 * @param columns at least one, all of one length
 */
export function arrayTable(path: string, columns: readonly ArrayColumn[], close: () => void): Table {
  const length = columns[0]?.length ?? 0;
  const readers = new Map(columns.map((column) => [column.column.name, column]));
  return {
    length,
    columns: columns.map(({ column }) => column),
    read: (rows, names) =>
      new Promise((resolve) => {
        resolve(new Map(names.map((name) => [name, columnNamed(readers, name, path).read(rows)])));
      }),
    nameOf: (row) => `${basename(path)}, row ${String(row)}`,
    close: () => {
      close();
      return Promise.resolve();
    },
  };
}

/**
 * The bytes of some rows, one after the other, in memory of their own. Rows that follow each other in the file are one
 * read.
 * @param offset of the first row
 * @param length number of rows
 */
export function rowBytes(
  bytes: Bytes,
  { offset, bytesPerRow, length }: { readonly offset: number; readonly bytesPerRow: number; readonly length: number },
  rows: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const target = new Uint8Array(rows.length * bytesPerRow);
  for (let at = 0; at < rows.length;) {
    const first = rowIn(rows, at, length, bytes.name);
    let next = at + 1;
    while (next < rows.length && rows[next] === first + next - at && first + next - at < length) next++;
    bytes.fill(target, offset + first * bytesPerRow, at * bytesPerRow, (next - at) * bytesPerRow);
    at = next;
  }
  return target;
}
