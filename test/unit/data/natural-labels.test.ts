/** What a column of labels is, by its values, where the job does not say it; and labels that are rows of zeros and ones. */
import type { DatasetField } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { bindFields } from '../../../workers/data/fields/bind.js';
import type { TargetField } from '../../../workers/data/fields/field.js';
import { columnFields } from '../../../workers/data/natural-fields.js';
import { naturalLabels } from '../../../workers/data/natural-labels.js';
import { BadRow, type Cell, type Table } from '../../../workers/tables/index.js';
import { memoryTable } from './memory-table.js';

const floats = (shape: readonly number[], ...data: number[]) => ({
  dtype: 'float32' as const,
  shape,
  data: Float32Array.from(data),
});
const bytes = (shape: readonly number[], ...data: number[]) => ({
  dtype: 'uint8' as const,
  shape,
  data: Uint8Array.from(data),
});

function tableOf(y: Parameters<typeof memoryTable>[0][string]): Table {
  return memoryTable({ y });
}

function kindOf(y: Parameters<typeof memoryTable>[0][string]): Promise<string> {
  const table = tableOf(y);
  return naturalLabels(table, table.columns[0]!);
}

describe('labels without a field', () => {
  test.each([
    ['whole numbers of an integer type', bytes([], 3, 1, 2), 'class'],
    ['floats that are whole', floats([], 1, 2, 0), 'class'],
    ['floats that are whole, in rows of one', floats([1], 1, 2, 0), 'class'],
    ['floats with fractions', floats([], 1, 2, 0.5), 'target'],
    ['a negative float', floats([], 1, -1), 'target'],
    ['a float that is a quantity', floats([], 1, 1_000), 'target'],
    ['no number', floats([], 1, Number.NaN), 'target'],
    ['one-hot rows of floats', floats([3], 0, 1, 0, 1, 0, 0), 'class'],
    ['one-hot rows of bytes', bytes([3], 0, 1, 0, 1, 0, 0), 'class'],
    ['multi-hot rows', bytes([3], 0, 1, 1, 0, 0, 0), 'classes'],
    ['rows of numbers', floats([2], 0, 1, 0.5, 0.5), 'target'],
  ])('of %s are %3$s', async (_what, y, want) => {
    expect(await kindOf(y)).toBe(want);
  });

  test.each<[string, readonly (Cell | BadRow)[], string]>([
    ['texts of whole floats', ['1.0', '2.0', ''], 'class'],
    ['whole floats', [1, 2, null], 'class'],
    ['names', ['cat', '1.5'], 'class'],
    ['fractions', ['1.0', '2.5', new BadRow('no row')], 'target'],
    [
      'one-hot lists',
      [
        [0, 1, 0],
        [1, 0, 0],
      ],
      'class',
    ],
    ['lists of labels', [[0, 1], [1]], 'classes'],
    ['lists of names', [['a', 'b'], []], 'classes'],
    [
      'lists of fractions',
      [
        [0.5, 1],
        [1, 0],
      ],
      'target',
    ],
    ['nothing', ['', null], 'class'],
  ])('of %s are %3$s', async (_what, y, want) => {
    expect(await kindOf(y)).toBe(want);
  });

  test('become the field of their kind', async () => {
    const fields = async (y: readonly Cell[]): Promise<readonly DatasetField[]> =>
      columnFields(memoryTable({ a: [1, 2], y }));
    expect((await fields(['1.0', '0.0']))[1]).toEqual({ name: 'class', columns: ['y'], type: 'class', firstClass: 0 });
    expect((await fields(['1.5', '0.0']))[1]).toEqual({ name: 'target', columns: ['y'], type: 'target' });
    expect((await fields([['a'], ['b', 'a']]))[1]).toMatchObject({ type: 'classes', columns: ['y'] });
  });
});

const classField = (change: object = {}): DatasetField => ({
  name: 'y',
  columns: ['y'],
  type: 'class',
  firstClass: 0,
  ...change,
});

async function targetOf(table: Table, field: DatasetField): Promise<TargetField> {
  const { target } = await bindFields([field], { uri: 'file:///data', train: table, tables: [table] });
  if (target === null) throw new Error('there is no target');
  return target;
}

async function decoded(y: Parameters<typeof memoryTable>[0][string], field = classField()) {
  const table = tableOf(y);
  const target = await targetOf(table, field);
  const rows = Array.from({ length: table.length }, (_, row) => row);
  const { content, bad } = target.decode(await table.read(rows, ['y']), table.length);
  return { spec: target.spec, content, bad: Object.fromEntries(bad) };
}

describe('rows of zeros and ones', () => {
  const oneHot = { kind: 'class', perSample: 1, labels: Int32Array.of(1, 0) };

  test.each([
    ['an array', floats([3], 0, 1, 0, 1, 0, 0)],
    [
      'lists',
      [
        [0, 1, 0],
        [1, 0, 0],
      ],
    ],
  ])('are one class each: %s', async (_what, y) => {
    expect(await decoded(y)).toEqual({ spec: { kind: 'class', classes: 3, names: null }, content: oneHot, bad: {} });
  });

  test('have the names that the job lists', async () => {
    const { spec } = await decoded(floats([2], 0, 1), classField({ classes: ['no', 'yes'] }));
    expect(spec).toEqual({ kind: 'class', classes: 2, names: ['no', 'yes'] });
    await expect(decoded(floats([2], 0, 1), classField({ classes: ['no', 'yes', 'maybe'] }))).rejects.toThrow(
      'field y, column y: found rows of 2 values, expected 3, as classes has. Correct classes or the type',
    );
  });

  test('are several classes where the field says so', async () => {
    const field = classField({ type: 'classes', separator: ',' });
    expect(await decoded(bytes([3], 0, 1, 1, 0, 0, 0), field)).toEqual({
      spec: { kind: 'classes', classes: 3, names: null },
      content: { kind: 'classes', classes: 3, values: Uint8Array.of(0, 1, 1, 0, 0, 0) },
      bad: {},
    });
  });

  test('make any other row bad', async () => {
    expect((await decoded(floats([2], 0, 1, 1, 1, 0, 0, 0.5, 0.5))).bad).toEqual({
      1: 'column y: it holds 2 ones, expected 2 values, a single 1 and else 0',
      2: 'column y: it holds 0 ones, expected 2 values, a single 1 and else 0',
      3: 'column y: it holds other numbers than 0 and 1, expected 2 values, a single 1 and else 0',
    });
    expect((await decoded([[0, 1], [1, 0, 0], 'a', new BadRow('no row')])).bad).toEqual({
      1: 'column y: it holds 3 values, expected 2 values, a single 1 and else 0',
      2: 'column y: it holds no list of numbers, expected 2 values, a single 1 and else 0',
      3: 'column y: no row',
    });
  });
});

test('a listed class has its whole number in any form, and is never counted as another one', async () => {
  const { content } = await decoded(['1.0', '2.0', '1', '2'], classField({ classes: ['1', '2'] }));
  expect(content).toMatchObject({ labels: Int32Array.of(0, 1, 0, 1) });
});
