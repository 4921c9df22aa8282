/** What a column of labels is where a job does not say it, by its values: one class, several classes, or numbers. */
import { BadRow, type Cell, type Column, type NumberArray, type Table } from '../tables/index.js';
import { cellsOf, numberIn } from './fields/cells.js';
import { numbersOf, onesIn } from './fields/hot.js';
import { maxClasses } from './fields/labels.js';
import { sizeOf } from '../samples/index.js';
import { inParts } from './view.js';

export type LabelKind = 'class' | 'classes' | 'target';

/** Floats that are whole numbers below this one are classes; a larger one is a quantity, such as a price. */
const wholeFloats = 1_000;
/** Rows of cells that decide: a text file is not read once more. Arrays are read as a whole. */
const rowsOfCells = 8_192;
const rowsAtOnce = 8_192;

/** The same for every process that reads the same table. @throws what the table throws */
export async function naturalLabels(table: Table, column: Column): Promise<LabelKind> {
  const { name } = column;
  if (column.kind === 'cells') {
    const rows = Uint32Array.from({ length: Math.min(rowsOfCells, table.length) }, (_, row) => row);
    return kindOfCells(cellsOf(await table.read(rows, [name]), name));
  }
  const width = sizeOf(column.shape);
  if (width === 1 && !column.dtype.startsWith('float')) return 'class';
  if (width > maxClasses) return 'target';
  let kind: LabelKind = 'class';
  for (const rows of inParts(table, rowsAtOnce)) {
    const values = (await table.read(rows, [name])).get(name);
    if (values?.kind !== 'tensor') continue;
    const part = width === 1 ? kindOfNumbers(values.data) : kindOfRows(values.data, width);
    if (part === 'target') return part;
    if (part === 'classes') kind = part;
  }
  return kind;
}

function kindOfNumbers(numbers: NumberArray): LabelKind {
  for (const value of numbers) {
    const number = Number(value);
    if (!Number.isInteger(number) || number < 0 || number >= wholeFloats) return 'target';
  }
  return 'class';
}

/** Rows of zeros and ones: one class where each has a single one. @param width of a row */
function kindOfRows(values: NumberArray | readonly number[], width: number): LabelKind {
  let kind: LabelKind = 'class';
  for (let start = 0; start < values.length; start += width) {
    const ones = onesIn(values, start, width);
    if (ones === null) return 'target';
    if (ones.length !== 1) kind = 'classes';
  }
  return kind;
}

function kindOfCells(cells: readonly (Cell | BadRow)[]): LabelKind {
  const found = cells.filter((cell) => !(cell instanceof BadRow) && cell !== null && cell !== '') as readonly Cell[];
  if (found.length > 0 && found.every((cell) => Array.isArray(cell))) return kindOfLists(found.map(numbersOf));
  const numbers = found.map(numberIn);
  const areNumbers = numbers.length > 0 && numbers.every((number) => number !== null);
  return areNumbers && numbers.some((number) => !Number.isInteger(number)) ? 'target' : 'class';
}

/** @param lists null = one that holds no numbers */
function kindOfLists(lists: readonly (readonly number[] | null)[]): LabelKind {
  const numbers = lists.filter((list) => list !== null);
  // Names of classes.
  if (numbers.length < lists.length) return 'classes';
  if (numbers.some((list) => list.some((number) => !Number.isInteger(number)))) return 'target';
  const width = numbers[0]?.length ?? 0;
  const isRegular = width > 1 && numbers.every(({ length }) => length === width);
  // Several ones may as well be a list of the classes 0 and 1.
  return isRegular && kindOfRows(numbers.flat(), width) === 'class' ? 'class' : 'classes';
}
