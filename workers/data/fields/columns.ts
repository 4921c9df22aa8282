/** Columns of a data set as fields ask for them: whether they are there, the same in all splits, and what they hold. */
import { count } from '@distillery/base';
import type { DatasetField } from '@distillery/protocol';

import { BadRow, type Column, type Table } from '../../tables/index.js';
import { DataError, sizeOf } from '../../samples/index.js';
import type { ColumnValues } from './field.js';
import { meant, namesText } from './names.js';

/** Rows that are searched for a sound one. */
const rowsSearched = 100;

/** What binding needs of a data set. */
export interface Source {
  /** For people. */
  readonly uri: string;
  /** The training table; the others must have the same columns. */
  readonly train: Table;
  /** All tables, whose labels are scanned. */
  readonly tables: readonly Table[];
}

export function onlyColumn({ name, columns }: DatasetField, source: Source): Column {
  return named(columns[0] ?? name, name, source);
}

/** The column of a field that takes one value of each row. @throws DataError when its rows are arrays */
export function singleValues(field: DatasetField, source: Source): string {
  const column = onlyColumn(field, source);
  if (column.kind === 'cells' || sizeOf(column.shape) === 1) return column.name;
  const remedy = 'store one value a row, or set the type to tensor or target';
  throw fieldFault(field, column.name, described(column), `one ${field.type} a row`, remedy);
}

/** @throws DataError when one of the tables has no such column */
export function named(column: string, field: string, { uri, train, tables }: Source): Column {
  for (const table of tables) {
    if (table.columns.some(({ name }) => name === column)) continue;
    const names = table.columns.map(({ name }) => name);
    throw new DataError({
      about: sourceOf(table, { uri, tables }),
      found: `no column ${column}`,
      expected: `one of ${namesText(names)}, for the field ${field}`,
      remedy: `${meant(column, names)}correct columns of the field ${field} in dataset.fields`,
    });
  }
  const found = train.columns.find(({ name }) => name === column);
  if (found === undefined) throw new RangeError(`column ${column}: the training table is none of the tables`);
  for (const table of tables) {
    const other = table.columns.find(({ name }) => name === column) ?? found;
    if (described(other) === described(found)) continue;
    throw new DataError({
      about: sourceOf(table, { uri, tables }),
      found: `${described(other)} in the column ${column}`,
      expected: `${described(found)}, as in the training split`,
      remedy: 'take both splits from the same data set',
    });
  }
  return found;
}

/** Where the columns of a table are named. The training table is the first. */
function sourceOf(table: Table, { uri, tables }: Pick<Source, 'uri' | 'tables'>): string {
  const split = table === tables[0] ? 'training split' : 'evaluation split';
  const part = table.head ?? (tables.length > 1 ? `the ${split}` : null);
  return part === null ? uri : `${uri}, ${part}`;
}

/** What a column holds, for people. */
export function described(column: Column): string {
  return column.kind === 'cells' ? 'cells' : `${column.dtype} of shape [${column.shape.join(', ')}]`;
}

/** What `take` makes of the first row that is not bad; a clause when none of the first rows is sound. */
export async function firstSound<Result extends object>(
  { train }: Source,
  column: string,
  take: (values: ColumnValues) => Promise<Result | BadRow>,
): Promise<Result | string> {
  const searched = Math.min(rowsSearched, train.length);
  let problem = '';
  for (let row = 0; row < searched; row++) {
    const result = await take(await train.read([row], [column]));
    if (!(result instanceof BadRow)) return result;
    if (row === 0) problem = `${train.nameOf(0)}: ${result.problem}`;
  }
  return `none of the first ${count(searched, 'row')} can be read (${problem})`;
}

export function fieldFault(
  field: DatasetField,
  column: string,
  found: string,
  expected: string,
  remedy: string,
): DataError {
  return new DataError({
    about: `field ${field.name}, column ${column}`,
    found,
    expected,
    remedy: `${remedy} (field ${field.name} of dataset.fields)`,
  });
}
