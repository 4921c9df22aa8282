/** The content of rows as hashes that are the same on every machine. */
import { type Hash, hash as hashOnce } from 'node:crypto';

import { BadRow, type Cell, type Table, type Values } from '../tables/index.js';

/** Bytes of a cell: a tag of its type, so that 1, "1" and [1] differ, and its length where it has one. */
function cellParts(cell: Cell | BadRow, into: Uint8Array[]): void {
  if (cell instanceof BadRow) into.push(tagged('x', cell.problem));
  else if (cell instanceof Uint8Array) into.push(tagged('b', String(cell.length)), cell);
  else if (typeof cell === 'string') into.push(tagged('s', String(Buffer.byteLength(cell))), Buffer.from(cell));
  else if (typeof cell === 'object' && cell !== null) {
    into.push(tagged('l', String(cell.length)));
    for (const each of cell) cellParts(each, into);
  } else into.push(tagged('v', String(cell)));
}

function tagged(tag: string, text: string): Uint8Array {
  return Buffer.from(`${tag}${text};`);
}

/** The bytes of one row of a column. @param rows number of rows of `values` */
function rowParts(values: Values, row: number, rows: number): Uint8Array[] {
  if (values.kind === 'cells') {
    const parts: Uint8Array[] = [];
    cellParts(values.cells[row] ?? null, parts);
    return parts;
  }
  const { data } = values;
  const bytes = data.byteLength / rows;
  return [new Uint8Array(data.buffer, data.byteOffset + row * bytes, bytes)];
}

const chunkRows = 64;

/**
 * The first 32 bits of the SHA-256 of each row's content, for rows 0 … n−1.
 * @throws what the table throws
 */
export async function* contentHashes(table: Table, columns: readonly string[]): AsyncGenerator<number> {
  for (let start = 0; start < table.length; start += chunkRows) {
    const count = Math.min(chunkRows, table.length - start);
    const values = await table.read(
      Uint32Array.from({ length: count }, (_, at) => start + at),
      columns,
    );
    for (let row = 0; row < count; row++) {
      const parts = columns.flatMap((name) => {
        const column = values.get(name);
        return column === undefined ? [] : rowParts(column, row, count);
      });
      yield firstBits(Buffer.concat(parts));
    }
  }
}

/** The first 32 bits of the SHA-256 of a text. */
export function textHash(text: string): number {
  return firstBits(Buffer.from(text));
}

function firstBits(bytes: Uint8Array): number {
  return hashOnce('sha256', bytes, 'buffer').readUInt32BE(0);
}

/** Adds names and content of some rows to a hash. */
export async function addRows(
  hash: Hash,
  table: Table,
  rows: readonly number[],
  columns: readonly string[],
): Promise<void> {
  // One row at a time: a row may be large.
  for (const row of rows) {
    const values = await table.read([row], columns);
    hash.update(tagged('r', table.nameOf(row)));
    for (const name of columns) {
      const column = values.get(name);
      if (column !== undefined) for (const part of rowParts(column, 0, 1)) hash.update(part);
    }
  }
}
