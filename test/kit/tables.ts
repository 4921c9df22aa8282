/** What tests read from tables. */
import { BadRow, type Cell, type Table } from '../../workers/tables/index.js';
import { DataError } from '../../workers/samples/index.js';

/** Cells of one column, of all rows or of those named; of a bad row its problem. */
export async function cellsOf(
  table: Table,
  name: string,
  rows: ArrayLike<number> = allRows(table),
): Promise<readonly unknown[]> {
  const values = (await table.read(rows, [name])).get(name);
  if (values === undefined) throw new Error(`no values of ${name}`);
  return values.kind === 'tensor' ? Array.from<number | bigint>(values.data) : values.cells.map(plain);
}

function plain(cell: Cell | BadRow): unknown {
  return cell instanceof BadRow ? { bad: cell.problem } : cell;
}

export function allRows({ length }: Table): number[] {
  return Array.from({ length }, (_, row) => row);
}

export function namesOf({ columns }: Table): string[] {
  return columns.map(({ name }) => name);
}

/** Opens a table, and closes it when `work` is done. */
export async function withTable<T>(opening: Promise<Table>, work: (table: Table) => Promise<T>): Promise<T> {
  const table = await opening;
  try {
    return await work(table);
  } finally {
    await table.close();
  }
}

/** The sentence of the DataError with which `work` fails, with `folder` cut out of it. */
export async function dataErrorOf(folder: string, work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DataError) return error.message.replaceAll(`${folder}/`, '').replaceAll(folder, 'FOLDER');
    throw error;
  }
  throw new Error('expected a DataError, found none');
}
