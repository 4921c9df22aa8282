/** A `.json` file with one array of objects, which is read as a whole: there is no way to read a part of it. */
import { isJsonObject } from '@distillery/base';

import { checkRow, indexOfColumn } from '../asked.js';
import { DataError } from '../../samples/index.js';
import type { SourceFiles } from '../source-files.js';
import { BadRow, type Cell, type Table } from '../table.js';
import { cellOf, keyOf, parseExactly } from './json-cells.js';
import { firstFault } from './json-fault.js';
import { notUtf8 } from './scan.js';
import { firstInvalid } from './utf8.js';

const maxBytes = 1 << 26;
const mib = 1 << 20;

/** @param files a single one. @throws DataError when it is too large, not UTF-8, or no array of objects; ReadError */
export function openJsonArray(files: SourceFiles): Table {
  const path = files.path(0);
  const size = files.size(0);
  if (size > maxBytes) {
    throw new DataError({
      about: path,
      found: `a JSON array of ${String(Math.ceil(size / mib))} MiB`,
      expected: `at most ${String(maxBytes / mib)} MiB, since it is read as a whole`,
      remedy: 'write an object a line: `jq -c ".[]"`',
    });
  }
  const bytes = Buffer.alloc(size);
  files.read(0, bytes, 0);
  files.close();
  const invalid = firstInvalid(bytes);
  if (invalid !== null) throw notUtf8(path, invalid, bytes[invalid] ?? 0);
  const rows = rowsOf(bytes.toString('utf8').replace(/^\ufeff/, ''), path);
  const names = [...new Set(rows.flatMap((row) => (isJsonObject(row) ? Object.keys(row) : [])))];
  if (names.length === 0) {
    const remedy = 'get the file again';
    throw new DataError({ about: path, problem: 'its array holds no object with keys', remedy });
  }
  return tableOf(files.name(0), path, rows, names);
}

function rowsOf(text: string, path: string): readonly unknown[] {
  try {
    return parseExactly(text) as readonly unknown[];
  } catch (error) {
    if (error instanceof RangeError) {
      const remedy = 'write an object a line: `jq -c ".[]"`';
      throw new DataError({ about: path, problem: 'it is nested too deep to be read as a whole', remedy });
    }
    const before = text.slice(0, firstFault(text)).split('\n');
    const position = `line ${String(before.length)}, character ${String((before.at(-1)?.length ?? 0) + 1)}`;
    throw new DataError({
      about: `${path}, ${position}`,
      problem: 'no JSON from here on',
      remedy: 'get the file again',
    });
  }
}

function tableOf(name: string, path: string, rows: readonly unknown[], names: readonly string[]): Table {
  const cellAt = (row: number, column: string): Cell | BadRow => {
    checkRow(row, rows.length);
    const value = rows[row];
    if (!isJsonObject(value)) return new BadRow('it is no JSON object');
    const cell = cellOf(value, keyOf(column));
    return Array.isArray(cell) ? structuredClone(cell) : cell;
  };
  return {
    length: rows.length,
    columns: names.map((column) => ({ name: column, kind: 'cells' })),
    // eslint-disable-next-line @typescript-eslint/require-await -- an error must reject, not throw
    read: async (wanted, columns) => {
      for (const column of columns) indexOfColumn(path, column, names);
      const cells = (column: string) => Array.from(wanted, (row) => cellAt(row, column));
      return new Map(columns.map((column) => [column, { kind: 'cells', cells: cells(column) }]));
    },
    nameOf: (row) => `${name}, element ${String(row + 1)}`,
    close: () => Promise.resolve(),
  };
}
