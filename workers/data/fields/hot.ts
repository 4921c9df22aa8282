/** Labels as rows of zeros and ones, one column for each class: one-hot for one class, multi-hot for several. Pure. */
import type { DatasetField } from '@distillery/protocol';

import { BadRow, type Cell, type NumberArray, type Values } from '../../tables/index.js';
import type { Targets } from '../../samples/index.js';
import { columnOf, numberIn } from './cells.js';
import type { TargetField } from './field.js';

export type HotField = Extract<DatasetField, { readonly type: 'class' | 'classes' }>;

/** The indexes of the ones among `width` values; null when another value is among them. */
export function onesIn(
  values: NumberArray | readonly number[],
  start: number,
  width: number,
): readonly number[] | null {
  const ones: number[] = [];
  for (let at = 0; at < width; at++) {
    const value = Number(values[start + at]);
    if (value === 1) ones.push(at);
    else if (value !== 0) return null;
  }
  return ones;
}

/** The numbers of a list; null for any other cell. */
export function numbersOf(cell: Cell): readonly number[] | null {
  if (!Array.isArray(cell)) return null;
  const numbers = (cell as readonly Cell[]).map(numberIn);
  return numbers.every((number) => number !== null) ? numbers : null;
}

/** The classes that apply to a row; a clause when it is no row of zeros and ones that the field can have. */
function hotClasses(
  { type }: Pick<HotField, 'type'>,
  values: Values,
  row: number,
  width: number,
): readonly number[] | string {
  const wanted = `${String(width)} values, ${type === 'class' ? 'a single 1 and else 0' : 'each 0 or 1'}`;
  if (values.kind === 'tensor') return checked(type, onesIn(values.data, row * width, width), wanted);
  const cell = values.cells[row] ?? null;
  if (cell instanceof BadRow) return cell.problem;
  const numbers = numbersOf(cell);
  if (numbers === null) return `it holds no list of numbers, expected ${wanted}`;
  if (numbers.length !== width) return `it holds ${String(numbers.length)} values, expected ${wanted}`;
  return checked(type, onesIn(numbers, 0, width), wanted);
}

function checked(type: HotField['type'], ones: readonly number[] | null, wanted: string): readonly number[] | string {
  if (ones === null) return `it holds other numbers than 0 and 1, expected ${wanted}`;
  if (type === 'class' && ones.length !== 1) return `it holds ${String(ones.length)} ones, expected ${wanted}`;
  return ones;
}

/** @param width number of classes */
export function hotTarget(field: HotField, column: string, width: number): TargetField {
  const { name, type, classes: names } = field;
  const spec: TargetField['spec'] = { kind: type, classes: width, names: names ?? null };
  return {
    name,
    columns: [column],
    identity: [type, column, 'hot', width, names ?? null],
    spec,
    decode: (values, rows) => {
      const bad = new Map<number, string>();
      const labels = new Int32Array(type === 'class' ? rows : 0);
      const all = new Uint8Array(type === 'classes' ? rows * width : 0);
      for (let row = 0; row < rows; row++) {
        const found = hotClasses(field, columnOf(values, column), row, width);
        if (typeof found === 'string') bad.set(row, `column ${column}: ${found}`);
        else if (type === 'class') labels[row] = found[0] ?? 0;
        else for (const one of found) all[row * width + one] = 1;
      }
      const content: Targets =
        type === 'class' ? { kind: 'class', perSample: 1, labels } : { kind: 'classes', classes: width, values: all };
      return { content, bad };
    },
  };
}
