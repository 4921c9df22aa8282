import type { DatasetField } from '@distillery/protocol';
import { problemOf } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { bindFields, type BoundFields } from '../../../workers/data/fields/bind.js';
import { TableSplit } from '../../../workers/data/table-split.js';
import { DataError } from '../../../workers/samples/index.js';
import { BadRow, type Table } from '../../../workers/tables/index.js';
import { memoryTable } from './memory-table.js';

const tensor = (change: object = {}): DatasetField => ({
  name: 'x',
  columns: ['x'],
  type: 'tensor',
  dtype: 'Float32',
  ...change,
});
const label = (change: object = {}): DatasetField => ({
  name: 'label',
  columns: ['label'],
  type: 'class',
  firstClass: 0,
  ...change,
});

function bound(table: Table, fields: readonly DatasetField[]): Promise<BoundFields> {
  return bindFields(fields, { uri: 'file:///data', train: table, tables: [table] });
}

async function splitOf(
  table: Table,
  fields: readonly DatasetField[],
  onBadSample: 'Fail' | 'Replace' = 'Fail',
  replaced: string[] = [],
): Promise<TableSplit> {
  return new TableSplit({
    table,
    rows: null,
    fields: await bound(table, fields),
    onBadSample,
    replaced: ({ row, problem }) => replaced.push(`${row}: ${problem}`),
  });
}

const all = (table: Table): number[] => Array.from({ length: table.length }, (_, row) => row);

/** What every row of the only input holds. */
async function valuesOf(table: Table, field: DatasetField): Promise<unknown> {
  const split = await splitOf(table, [field]);
  const { inputs } = await split.read(all(table));
  const { dtype, shape, data } = inputs[field.name]!;
  return { dtype, shape, data: [...data] };
}

async function faultOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('expected an error, found none');
}

describe('a tensor', () => {
  const rows = {
    'numbers of any type': {
      table: memoryTable({ x: [1, 2n, true, '3.5', ' -4e1 '] }),
      want: { dtype: 'float32', shape: [5, 1], data: [1, 2, 1, 3.5, -40] },
    },
    'lists of lists': {
      table: memoryTable({
        x: [
          [
            [1, 2],
            [3, 4],
          ],
          [
            [5, 6],
            [7, 8],
          ],
        ],
      }),
      want: { dtype: 'float32', shape: [2, 2, 2], data: [1, 2, 3, 4, 5, 6, 7, 8] },
    },
    'an array of 64-bit integers': {
      table: memoryTable({ x: { dtype: 'int64', shape: [2], data: BigInt64Array.from([1n, 2n, 3n, -4n]) } }),
      want: { dtype: 'float32', shape: [2, 2], data: [1, 2, 3, -4] },
    },
  } as const;
  for (const [name, { table, want }] of Object.entries(rows)) {
    test(`is made of ${name}`, async () => {
      expect(await valuesOf(table, tensor())).toEqual(want);
    });
  }

  test('joins columns in the order in which they are named', async () => {
    const table = memoryTable({
      a: ['1', '2'],
      b: { dtype: 'float32', shape: [2], data: Float32Array.of(3, 4, 5, 6) },
    });
    expect(await valuesOf(table, tensor({ columns: ['b', 'a'] }))).toMatchObject({
      shape: [2, 3],
      data: [3, 4, 1, 5, 6, 2],
    });
  });

  test('takes every numeric column that no other field names', async () => {
    const table = memoryTable({ id: ['u1', 'u2'], a: ['', '2'], label: ['0', '1'], b: [7, 8] });
    const split = await splitOf(memoryTable({ id: ['u1', 'u2'], a: ['1', '2'], label: ['0', '1'], b: [7, 8] }), [
      tensor({ columns: ['*'] }),
      label(),
    ]);
    expect([...(await split.read([0, 1])).inputs.x!.data]).toEqual([1, 7, 2, 8]);
    // The first row that has a value decides what a column holds.
    const late = await splitOf(table, [tensor({ columns: ['*'] }), label()], 'Replace');
    expect([...(await late.read([1])).inputs.x!.data]).toEqual([2, 8]);
  });

  test('has the shape and the type that the job gives', async () => {
    const table = memoryTable({ x: [[1, 2, 3, 4]] });
    expect(await valuesOf(table, tensor({ shape: [2, 2], dtype: 'Int32' }))).toEqual({
      dtype: 'int32',
      shape: [1, 2, 2],
      data: [1, 2, 3, 4],
    });
    expect(await faultOf(bound(table, [tensor({ shape: [3] })]))).toContain('found 4 values a row, expected 3');
  });

  const bad: readonly (readonly [unknown, string])[] = [
    ['abc', 'column x: it holds "abc", expected a number'],
    [null, 'column x: it holds no value, expected a number'],
    [Number.NaN, 'column x: it holds NaN, expected a finite 32-bit number'],
    [1e300, 'column x: it holds 1e+300, expected a finite 32-bit number'],
    [[1, 2], 'column x: it holds 2 numbers, expected 1'],
    [new BadRow('the row has 3 values, the head names 4 columns'), 'the row has 3 values, the head names 4 columns'],
  ];
  for (const [cell, problem] of bad) {
    test(`refuses a row: ${problem}`, async () => {
      const split = await splitOf(memoryTable({ x: [1, cell as never] }), [tensor()]);
      await split.read([0]);
      const fault = await faultOf(split.read([0, 1]));
      expect(fault).toContain('table, row 1: ');
      expect(fault).toContain(problem);
    });
  }

  test('of whole numbers refuses fractions and numbers of more than 32 bits', async () => {
    const split = await splitOf(memoryTable({ x: [1, 1.5, 2 ** 31] }), [tensor({ dtype: 'Int32' })]);
    expect(await faultOf(split.read([1]))).toContain('it holds 1.5, expected a whole 32-bit number');
    expect(await faultOf(split.read([2]))).toContain('it holds 2147483648');
  });
});

describe('a class', () => {
  const labels = async (cells: readonly unknown[], change: object = {}): Promise<unknown> => {
    const table = memoryTable({ x: cells.map(() => 1), label: cells as never });
    const split = await splitOf(table, [tensor(), label(change)]);
    const targets = await split.targets(all(table));
    return { spec: split.spec.target, labels: targets?.kind === 'class' ? [...targets.labels] : null };
  };

  test('is a number, counted from 0', async () => {
    expect(await labels([2, '0', 1n])).toEqual({ spec: { kind: 'class', classes: 3, names: null }, labels: [2, 0, 1] });
  });

  test('is a number, counted from 1', async () => {
    expect(await labels(['1', '3'], { firstClass: 1 })).toMatchObject({ spec: { classes: 3 }, labels: [0, 2] });
  });

  test('is a name, in the order of the names by their bytes', async () => {
    expect(await labels(['ä', 'b', 'A', 'b', 'z'])).toEqual({
      spec: { kind: 'class', classes: 4, names: ['A', 'b', 'z', 'ä'] },
      labels: [3, 1, 0, 1, 2],
    });
  });

  test('is a name or a number of the job, in its order', async () => {
    expect(await labels(['dog', 'cat', '1'], { classes: ['dog', 'cat'] })).toEqual({
      spec: { kind: 'class', classes: 2, names: ['dog', 'cat'] },
      labels: [0, 1, 1],
    });
  });

  test('that the job does not list names file and row', async () => {
    expect(await faultOf(labels(['dog', 'bird'], { classes: ['dog', 'cat'] }))).toBe(
      'table, row 1: column label: the label is "bird", expected one of dog, cat. ' +
        'Correct or remove it, or set dataset.onBadSample to Replace.',
    );
  });

  test('is one value a row, also in an array', async () => {
    const column = memoryTable({ x: [1, 2], label: { dtype: 'int32', shape: [1], data: Int32Array.of(1, 0) } });
    expect(await (await splitOf(column, [tensor(), label()])).targets([0, 1])).toMatchObject({
      labels: Int32Array.of(1, 0),
    });
  });

  test('must be there', async () => {
    expect(await faultOf(labels(['0', '']))).toContain('table, row 1: column label: the label is ""');
    // As a member of an archive that holds a line break alone.
    expect(await faultOf(labels(['0', Uint8Array.of(0x0a)]))).toContain('row 1: column label: the label is 1 bytes');
  });
});

test('several classes of a text or a list', async () => {
  const table = memoryTable({ x: [1, 2, 3], tags: ['b, a', ['c'], ''] });
  const split = await splitOf(table, [
    tensor(),
    { name: 'tags', columns: ['tags'], type: 'classes', firstClass: 0, separator: ',' },
  ]);
  expect(split.spec.target).toEqual({ kind: 'classes', classes: 3, names: ['a', 'b', 'c'] });
  expect(await split.targets([0, 1, 2])).toMatchObject({ values: Uint8Array.of(1, 1, 0, 0, 0, 1, 0, 0, 0) });
});

test('numbers as target', async () => {
  const split = await splitOf(memoryTable({ x: [1, 2], y: [0.5, 1], z: ['3', '4'] }), [
    tensor(),
    { name: 'to', columns: ['z', 'y'], type: 'target' },
  ]);
  expect(split.spec.target).toEqual({ kind: 'values', width: 2 });
  expect(await split.targets([1, 0])).toEqual({ kind: 'values', width: 2, values: Float32Array.of(4, 1, 3, 0.5) });
});

test('a set without a target has none', async () => {
  const split = await splitOf(memoryTable({ x: [1] }), [tensor()]);
  expect({ target: split.spec.target, targets: await split.targets([0]) }).toEqual({ target: null, targets: null });
});

test('a text is taken as it is', async () => {
  const table = memoryTable({ x: [' Grüße ', ''] });
  expect(await valuesOf(table, { name: 'x', columns: ['x'], type: 'text' })).toEqual({
    dtype: 'text',
    shape: [2],
    data: [' Grüße ', ''],
  });
});

describe('bytes', () => {
  const field = (change: object = {}): DatasetField => ({
    name: 'x',
    columns: ['x'],
    type: 'bytes',
    head: 4,
    tail: 3,
    padding: 256,
    strip: true,
    ...change,
  });
  const read = async (text: string, change: object = {}): Promise<unknown> =>
    ((await valuesOf(memoryTable({ x: [Buffer.from(text)] }), field(change))) as { data: unknown }).data;
  const codes = (text: string): number[] => Array.from(text, (letter) => (letter === '·' ? 256 : letter.charCodeAt(0)));

  test('are both ends, without the whitespace before and behind', async () => {
    expect(await read(' \nabcdefgh \t')).toEqual(codes('abcdfgh'));
    expect(await read(' ab ')).toEqual(codes('ab · ab'));
    expect(await read('')).toEqual(codes('·······'));
    expect(await read('  ab', { strip: false })).toEqual(codes('  ab ab'));
  });
});

describe('a column that is absent', () => {
  test('is named with those that there are', async () => {
    const table = memoryTable({ a: [1], b: [2] });
    expect(await faultOf(bound(table, [tensor()]))).toBe(
      'file:///data: found no column x, expected one of a, b, for the field x. ' +
        'Correct columns of the field x in dataset.fields.',
    );
  });

  test('is named where the columns are, with the name that is likely meant', async () => {
    const names = Array.from({ length: 14 }, (_, at) => `column${String(at)}`);
    const train = memoryTable(Object.fromEntries([...names, 'price'].map((name) => [name, [1]])));
    const held = memoryTable({ x: [1] });
    const tables = [{ ...train, head: 'train.csv, line 1' }, held];
    const faultIn = (fields: readonly DatasetField[]): Promise<string> =>
      faultOf(bindFields(fields, { uri: 'file:///data', train: tables[0]!, tables }));
    expect(await faultIn([tensor({ columns: ['prices'] })])).toBe(
      `file:///data, train.csv, line 1: found no column prices, expected one of ${names.slice(0, 12).join(', ')} and 3 more, for the field x. ` +
        'Name price if you mean that column, or correct columns of the field x in dataset.fields.',
    );
    expect(await faultIn([tensor({ columns: ['price'] })])).toMatch(
      /^file:\/\/\/data, the evaluation split: found no column price, expected one of x, for the field x\./,
    );
  });
});

describe('columns of which none holds numbers', () => {
  const every = tensor({ columns: ['*'] });

  test.each([
    [
      'are listed with what they hold',
      { id: ['u1', 'u2'], note: ['', ''] },
      'no column of numbers among id ("u1"), note (no value), expected at least one. Correct type or columns',
    ],
    [
      'get a remedy for decimal commas',
      { a: ['1,5'], b: ['red'] },
      'no column of numbers among a ("1,5"), b ("red"), expected at least one. Write numbers with a decimal point, not a comma',
    ],
    [
      'get a remedy for a delimiter that is not read',
      { 'a b c': ['1 2 3'] },
      'no column of numbers among a b c ("1 2 3"), expected at least one. Separate the columns by commas, semicolons, tabs or |',
    ],
  ])('%s', async (_what, columns, want) => {
    expect(await faultOf(bound(memoryTable(columns), [every]))).toContain(want);
  });

  test('are no fault of the others, unless they are named', async () => {
    const table = memoryTable({ a: [1], b: ['red'] });
    expect((await bound(table, [every])).inputs[0]?.columns).toEqual(['a']);
    expect(await faultOf(bound(table, [tensor({ columns: ['a', 'b'] })]))).toContain(
      'field x, column b: found values that are no numbers ("red"), expected numbers. Correct type or columns',
    );
  });
});

describe('a bad row', () => {
  const table = memoryTable({ x: [0, 'bad', null, 3, 4, 'worse'], label: [0, 1, 1, 0, 'none', 1] });
  const fields = [tensor(), label({ classes: ['a', 'b'] })];

  test('gives way to the next good one, with its label, and is named once', async () => {
    const replaced: string[] = [];
    const split = await splitOf(table, fields, 'Replace', replaced);
    expect([...(await split.read([0, 1, 2, 3, 4, 5])).inputs.x!.data]).toEqual([0, 3, 3, 3, 0, 0]);
    expect(await split.targets([5, 4, 2, 1, 0])).toMatchObject({ labels: Int32Array.of(0, 0, 0, 0, 0) });
    expect(replaced.map((line) => line.split(':')[0]).sort()).toEqual(
      [1, 2, 4, 5].map((row) => `table, row ${String(row)}`),
    );
  });

  test('gives way to the same one whichever is asked for first', async () => {
    const forward = await splitOf(table, fields, 'Replace');
    const backward = await splitOf(table, fields, 'Replace');
    const targets = await backward.targets([4, 1]);
    const one = await backward.read([5]);
    const inputs = await backward.read([4, 1]);
    expect([...(await forward.read([4, 1, 5])).inputs.x!.data]).toEqual([
      ...inputs.inputs.x!.data,
      ...one.inputs.x!.data,
    ]);
    expect(await forward.targets([4, 1])).toEqual(targets);
  });

  test('ends the job when no good one follows', async () => {
    const split = await splitOf(
      memoryTable({ x: [1, ...Array.from({ length: 300 }, () => 'bad')] }),
      [tensor()],
      'Replace',
    );
    expect((await split.read([300])).inputs.x!.data[0]).toBe(1);
    const fault = await faultOf(split.read([1]));
    expect(fault).toContain('table, row 1: column x: it holds "bad", expected a number; ');
    expect(fault).toContain('the 100 rows after it cannot be read either');
    // What was found before does not change it.
    expect((await split.read([250])).inputs.x!.data[0]).toBe(1);
    expect(await faultOf(split.read([150]))).toContain('table, row 150');
  });
});

test('an index of no sample is refused', async () => {
  const split = await splitOf(memoryTable({ x: [1] }), [tensor()]);
  for (const index of [1, -1, 0.5]) {
    const error = await split.read([index]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DataError);
    expect(problemOf((error as DataError).fault)).toContain(`found sample index ${String(index)}`);
  }
});
