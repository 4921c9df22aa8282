/** Which columns of a table are numbers, and of what shape. */
import type { DatasetField } from '@distillery/protocol';

import { BadRow, type Column } from '../../tables/index.js';
import { cellsOf } from './cells.js';
import { fieldFault, firstSound, named, type Source } from './columns.js';
import { type NumericColumn, shapeOfCell } from './numbers.js';

const everyNumber = '*';

type NumericField = Extract<DatasetField, { readonly type: 'tensor' | 'target' }>;

/** The columns of a tensor or target, each with its shape in the first row that is sound. */
export async function numericColumns(
  field: NumericField,
  fields: readonly DatasetField[],
  source: Source,
): Promise<readonly NumericColumn[]> {
  const wild = field.columns[0] === everyNumber;
  const taken = new Set(fields.flatMap((other) => (other === field ? [] : other.columns)));
  const columns = wild
    ? source.train.columns.filter(({ name }) => !taken.has(name))
    : field.columns.map((name) => named(name, field.name, source));
  const shapes = await shapesOf(columns, source);
  const numeric = columns.flatMap(({ name }, at) => {
    const shape = shapes[at] ?? null;
    return shape === null || (wild && shape.length > 0) ? [] : [{ name, shape }];
  });
  const missing = columns.find(({ name }) => !numeric.some((column) => column.name === name));
  if (!wild && missing !== undefined) {
    throw fieldFault(field, missing.name, 'values that are no numbers', 'numbers', 'correct type or columns');
  }
  if (numeric.length > 0) return numeric;
  throw fieldFault(field, everyNumber, 'no column of numbers', 'at least one', 'name the columns');
}

/** Shapes of the columns' values in the first row that can be read; null = no numbers. */
async function shapesOf(columns: readonly Column[], source: Source): Promise<readonly (readonly number[] | null)[]> {
  const shapes: (readonly number[] | null)[] = [];
  for (const column of columns) {
    if (column.kind === 'tensor') {
      shapes.push(column.shape);
      continue;
    }
    const found = await firstSound(source, column.name, (values) => {
      const [cell = null] = cellsOf(values, column.name);
      if (cell instanceof BadRow) return Promise.resolve(cell);
      const isEmpty = cell === null || cell === '';
      return Promise.resolve(isEmpty ? new BadRow('it holds no value') : { shape: shapeOfCell(cell) });
    });
    // A column without any value is no column of numbers.
    shapes.push(typeof found === 'string' ? null : found.shape);
  }
  return shapes;
}
