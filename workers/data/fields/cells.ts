/** Cells of a table as numbers and texts, and one cell of any column. Pure. */
import { decodeText, TextError } from '@distillery/base';

import { type BadRow, type Cell, decimalOf, type Values } from '../../tables/index.js';
import type { ColumnValues } from './field.js';

const shownCharacters = 40;
/** Longest number in bytes, as members of an archive hold it. */
const maxNumberBytes = 64;

/** The number that a cell holds; null when it holds none. A truth value is 1 or 0. */
export function numberIn(cell: Cell): number | null {
  switch (typeof cell) {
    case 'number':
      return cell;
    case 'bigint':
    case 'boolean':
      return Number(cell);
    case 'string':
      return decimalOf(cell);
    default: {
      const text = cell instanceof Uint8Array && cell.length <= maxNumberBytes ? textOfBytes(cell) : null;
      return text === null ? null : decimalOf(text);
    }
  }
}

/** The text that bytes are, without a byte order mark; null when they are no UTF-8. */
export function textOfBytes(bytes: Uint8Array): string | null {
  try {
    return decodeText(bytes);
  } catch (error) {
    if (error instanceof TextError) return null;
    throw error;
  }
}

/** A cell for people, cut short. */
export function shownCell(cell: Cell): string {
  if (cell === null) return 'no value';
  if (cell instanceof Uint8Array) return `${String(cell.length)} bytes`;
  if (typeof cell === 'object') return `a list of ${String(cell.length)}`;
  const text = String(cell);
  const shown = text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
  return typeof cell === 'string' ? `"${shown}"` : shown;
}

/** Values of a column that was asked for. */
export function columnOf(values: ColumnValues, name: string): Values {
  const column = values.get(name);
  if (column === undefined) throw new RangeError(`column ${name}: the table did not give it`);
  return column;
}

/** The cells of a column of single values: those of a tensor column whose rows are one number each are numbers. */
export function cellsOf(values: ColumnValues, name: string): readonly (Cell | BadRow)[] {
  const column = columnOf(values, name);
  return column.kind === 'cells' ? column.cells : Array.from<number | bigint>(column.data);
}
