/** Numeric columns joined into one row of numbers each: tensors and float targets. Pure. */
import { count } from '@distillery/base';

import { BadRow, type Cell, type NumberArray } from '../../tables/index.js';
import { sizeOf } from '../../samples/index.js';
import { columnOf, numberIn, shownCell } from './cells.js';
import type { ColumnValues, Decoded } from './field.js';

/** A column, and the shape of its values. */
export interface NumericColumn {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What the numbers become. */
export type NumberKind = 'float32' | 'int32';

const arrays = { float32: Float32Array, int32: Int32Array } as const;
const largestInt32 = 2 ** 31;

/** Shape of the numbers that a cell holds; null when it holds anything else. Lists must be regular. */
export function shapeOfCell(cell: Cell): readonly number[] | null {
  if (numberIn(cell) !== null) return [];
  if (!isList(cell) || cell.length === 0) return null;
  const [first, ...others] = cell.map(shapeOfCell);
  if (first === null || first === undefined) return null;
  return others.every((shape) => shape?.join() === first.join()) ? [cell.length, ...first] : null;
}

/**
 * The values of the columns, joined: [rows, sum of their sizes].
 * @returns rows with a value that is no finite number of the kind, or with another number of values, as bad rows
 */
export function joinNumbers(
  values: ColumnValues,
  columns: readonly NumericColumn[],
  rows: number,
  kind: NumberKind,
): Decoded<Float32Array | Int32Array> {
  const width = columns.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const content = new arrays[kind](rows * width);
  const bad = new Map<number, string>();
  let offset = 0;
  for (const { name, shape } of columns) {
    const size = sizeOf(shape);
    const column = columnOf(values, name);
    for (let row = 0; row < rows; row++) {
      const at = row * width + offset;
      const problem =
        column.kind === 'tensor'
          ? copyNumbers(column.data, row * size, content, at, size)
          : copyCell(column.cells[row] ?? null, content, at, size);
      if (problem !== null && !bad.has(row)) bad.set(row, `column ${name}: ${problem}`);
    }
    offset += size;
  }
  return { content, bad };
}

/** @returns a clause when a number does not fit */
function copyNumbers(
  from: NumberArray,
  start: number,
  to: Float32Array | Int32Array,
  at: number,
  size: number,
): string | null {
  for (let value = 0; value < size; value++) {
    const problem = put(to, at + value, Number(from[start + value] ?? 0));
    if (problem !== null) return problem;
  }
  return null;
}

function copyCell(cell: Cell | BadRow, to: Float32Array | Int32Array, at: number, size: number): string | null {
  if (cell instanceof BadRow) return cell.problem;
  const numbers: number[] = [];
  const problem = flatten(cell, numbers, size);
  if (problem !== null) return problem;
  if (numbers.length !== size) return `it holds ${count(numbers.length, 'number')}, expected ${String(size)}`;
  for (const [value, number] of numbers.entries()) {
    const wrong = put(to, at + value, number);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** Gathers at most one number more than `size`. */
function flatten(cell: Cell, into: number[], size: number): string | null {
  if (isList(cell)) {
    for (const each of cell) {
      const problem = into.length > size ? null : flatten(each, into, size);
      if (problem !== null) return problem;
    }
    return null;
  }
  const number = numberIn(cell);
  if (number === null) return `it holds ${shownCell(cell)}, expected a number`;
  into.push(number);
  return null;
}

function put(to: Float32Array | Int32Array, at: number, number: number): string | null {
  if (to instanceof Float32Array) {
    to[at] = number;
    return Number.isFinite(to[at]) ? null : `it holds ${String(number)}, expected a finite 32-bit number`;
  }
  to[at] = number;
  if (Number.isInteger(number) && number >= -largestInt32 && number < largestInt32) return null;
  return `it holds ${String(number)}, expected a whole 32-bit number`;
}

function isList(cell: Cell): cell is readonly Cell[] {
  return Array.isArray(cell);
}
