/** Which columns of a table are numbers, and of what shape. */
import type { DatasetField } from '@distillery/protocol';

import { BadRow, type Column } from '../../tables/index.js';
import { cellsOf, shownCell } from './cells.js';
import { described, fieldFault, firstSound, named, type Source } from './columns.js';
import { namesText } from './names.js';
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
  const held = await heldBy(columns, source);
  const numeric = columns.flatMap(({ name }, at) => {
    const shape = held[at]?.shape ?? null;
    return shape === null || (wild && shape.length > 0) ? [] : [{ name, shape }];
  });
  const missing = columns.find(({ name }) => !numeric.some((column) => column.name === name));
  if (!wild && missing !== undefined) {
    const { value = '' } = held[columns.indexOf(missing)] ?? {};
    throw fieldFault(field, missing.name, `values that are no numbers (${value})`, 'numbers', remedyFor(value));
  }
  if (numeric.length > 0) return numeric;
  const values = held.map(({ value }, at) => `${columns[at]?.name ?? ''} (${value})`);
  const found = values.length === 0 ? 'no other column' : `no column of numbers among ${namesText(values)}`;
  const [only, ...others] = source.train.columns;
  const isUnread = others.length === 0 && only !== undefined && /[ :^]/.test(only.name.trim());
  throw fieldFault(field, everyNumber, found, 'at least one', isUnread ? separate : remedyFor(values.join()));
}

const separate = 'separate the columns by commas, semicolons, tabs or |, with a line of their names above the rows';

function remedyFor(values: string): string {
  return /"-?\d+,\d+"/.test(values) ? 'write numbers with a decimal point, not a comma' : 'correct type or columns';
}

/** What a column holds in its first row that can be read. */
interface Held {
  /** Shape of its numbers; null = no numbers. */
  readonly shape: readonly number[] | null;
  /** For people. */
  readonly value: string;
}

async function heldBy(columns: readonly Column[], source: Source): Promise<readonly Held[]> {
  const all: Held[] = [];
  for (const column of columns) {
    if (column.kind === 'tensor') {
      all.push({ shape: column.shape, value: described(column) });
      continue;
    }
    const found = await firstSound(source, column.name, (values) => {
      const [cell = null] = cellsOf(values, column.name);
      if (cell instanceof BadRow) return Promise.resolve(cell);
      const isEmpty = cell === null || cell === '';
      if (isEmpty) return Promise.resolve(new BadRow('it holds no value'));
      return Promise.resolve({ shape: shapeOfCell(cell), value: shownCell(cell) });
    });
    // A column without any value is no column of numbers.
    all.push(typeof found === 'string' ? { shape: null, value: 'no value' } : found);
  }
  return all;
}
