/** Folders with files for one test, and what tables say about them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { BadRow, type Cell, type Table, type Values } from '../../../workers/tables/index.js';
import { DataError } from '../../../workers/samples/index.js';

export type Content = string | Uint8Array;

/** Writes `files` (names may contain folders) and removes them when `work` is done. */
export async function inFolder(
  files: Readonly<Record<string, Content>>,
  work: (path: (name?: string) => string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'distillery-tables-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    await work((name = '') => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The sentence of the DataError with which `work` fails, with `folder` for the name of the folder. */
export async function sentenceOf(work: () => Promise<unknown>, folder: string): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DataError) return error.message.replaceAll(folder, 'DIR');
    throw error;
  }
  throw new Error('expected a DataError, found none');
}

/** All rows of one column, in order: numbers as a list for each row. A bad row is its sentence. */
export async function columnOf(table: Table, name: string): Promise<readonly unknown[]> {
  const rows = Array.from({ length: table.length }, (_, row) => row);
  return rowsIn((await table.read(rows, [name])).get(name)!, rows.length);
}

export function rowsIn(values: Values, rows: number): readonly unknown[] {
  if (values.kind === 'cells') return values.cells.map(cellText);
  const list = Array.from<number | bigint, number | bigint>(values.data, (value) => value);
  const size = list.length / rows;
  return Array.from({ length: rows }, (_, row) => list.slice(row * size, (row + 1) * size));
}

function cellText(cell: Cell | BadRow): unknown {
  if (cell instanceof BadRow) return `bad: ${cell.problem}`;
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('latin1') : cell;
}
