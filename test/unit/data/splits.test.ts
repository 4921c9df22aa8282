import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { byFraction } from '../../../workers/data/splits.js';
import { type Dataset, type DatasetSettings, openDataset } from '../../../workers/data/index.js';
import { withFolder } from '../../kit/folder.js';
import { labelsOf } from '../../kit/samples.js';
import { memoryTable } from './memory-table.js';

function withFiles(
  files: Readonly<Record<string, string | Uint8Array>>,
  work: (uri: string, folder: string) => Promise<void>,
): Promise<void> {
  return withFolder(files, (folder) => work(`file://${folder}`, folder));
}

async function opened<T>(settings: DatasetSettings, use: (data: Dataset) => T | Promise<T>): Promise<T> {
  const data = await openDataset(settings);
  try {
    return await use(data);
  } finally {
    await data.close();
  }
}

const lengths = ({ train, test: held }: Dataset): (number | null)[] => [train.length, held?.length ?? null];
const head = 'a,b,label\n';

describe('a data set is divided', () => {
  const rows: readonly (readonly [string, Record<string, string>, DatasetSettings['split'], (number | null)[]])[] = [
    ['not at all', { 'data.csv': `${head}1,2,0\n3,4,1\n` }, undefined, [2, null]],
    [
      'by the names of its files',
      {
        'train-1.csv': `${head}1,2,0\n`,
        'train-2.csv': `${head}3,4,1\n`,
        'test.csv': `${head}5,6,0\n`,
        'readme.md': '',
      },
      undefined,
      [2, 1],
    ],
    [
      'by the names of its folders',
      { 'train/a.csv': `${head}1,2,0\n`, 'valid/a.csv': `${head}5,6,0\n7,8,1\n` },
      undefined,
      [1, 2],
    ],
    [
      'by test before val',
      { 'train.csv': `${head}1,2,0\n`, 'val.csv': `${head}5,6,0\n7,8,1\n`, 'test.csv': `${head}5,6,0\n` },
      undefined,
      [1, 1],
    ],
    [
      'by the paths of the job',
      { 'x/mine.csv': `${head}1,2,0\n`, 'y.csv': `${head}3,4,1\n5,6,0\n` },
      { train: 'x', test: 'y.csv' },
      [1, 2],
    ],
    [
      'not by a name that only begins alike',
      { 'trainers.csv': `${head}1,2,0\n`, 'tested.csv': `${head}3,4,1\n` },
      undefined,
      [2, null],
    ],
  ];
  for (const [name, files, split, want] of rows) {
    test(name, async () => {
      await withFiles(files, async (uri) => {
        const settings = { format: 'csv', uri, ...(split === undefined ? {} : { split }) } as const;
        expect(await opened(settings, lengths)).toEqual(want);
      });
    });
  }

  test('never by a path that leads out', async () => {
    await withFiles({ 'a.csv': `${head}1,2,0\n` }, async (uri) => {
      for (const path of ['../a.csv', '/etc/passwd', 'a/../../x']) {
        await expect(openDataset({ format: 'csv', uri, split: { train: path, test: 'a.csv' } })).rejects.toThrow(
          `dataset.split.train: found ${path}, expected a path below dataset.uri`,
        );
      }
    });
  });
});

describe('a fraction', () => {
  const lines = (count: number): string =>
    Array.from({ length: count }, (_, row) => `${String(row)},x,${String(row % 3)}`).join('\n');

  test('holds out about as many rows, each in one split', async () => {
    await withFiles({ 'data.csv': `${head}${lines(2_000)}\n` }, async (uri) => {
      await opened({ format: 'csv', uri, split: { testFraction: 0.2 } }, ({ train, test: held }) => {
        expect(train.length + (held?.length ?? 0)).toBe(2_000);
        expect(Math.abs((held?.length ?? 0) - 400)).toBeLessThan(60);
      });
    });
  });

  test('that leaves a split empty is refused', async () => {
    await withFiles({ 'data.csv': `${head}${lines(2)}\n` }, async (uri) => {
      await expect(openDataset({ format: 'csv', uri, split: { testFraction: 0.000001 } })).rejects.toThrow(
        'a testFraction of 0.000001 of its 2 rows leaves one split empty',
      );
    });
  });

  test('keeps every row where it is when others are added, moved or removed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 30 }),
        fc.infiniteStream(fc.boolean()),
        fc.double({ min: 0.05, max: 0.9, noNaN: true }),
        async (texts, keeps, fraction) => {
          const heldOf = async (cells: readonly string[]): Promise<Set<string>> => {
            const { train, test: held } = await byFraction(memoryTable({ x: cells }), fraction, ['x']);
            expect([...train, ...held].sort((a, b) => a - b)).toEqual(cells.map((_, row) => row));
            return new Set([...held].map((row) => cells[row] ?? ''));
          };
          const all = await heldOf(texts);
          const some = texts.filter(() => keeps.next().value).reverse();
          const held = await heldOf(some);
          expect(some.filter((text) => held.has(text))).toEqual(some.filter((text) => all.has(text)));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('goes by the names of files', async () => {
    const names = Array.from({ length: 20 }, (_, at) => `f${String(at)}.bin`);
    const heldOf = async (kept: readonly string[]): Promise<string[]> => {
      let held: string[] = [];
      await withFiles(Object.fromEntries(kept.map((name) => [name, Buffer.from(name)])), async (uri) => {
        held = await opened({ format: 'files', uri, split: { testFraction: 0.5 } }, async ({ test: split }) => {
          const { inputs } = await split!.read(Array.from({ length: split!.length }, (_, at) => at));
          const width = inputs.bytes!.shape[1]!;
          return Array.from({ length: split!.length }, (_, at) =>
            String.fromCharCode(
              ...[...inputs.bytes!.data.slice(at * width, at * width + 9)].map(Number).filter((byte) => byte < 256),
            ),
          );
        });
      });
      return held;
    };
    const all = await heldOf(names);
    const some = names.filter((_, at) => at % 3 !== 0);
    expect(await heldOf(some)).toEqual(all.filter((name) => some.includes(name)));
  });
});

describe('the identity', () => {
  const csv = (label: string): string => `${head}1,2,0\n3,4,${label}\n`;
  const identityOf = async (files: Record<string, string>, change: object = {}): Promise<string | null> => {
    let identity: string | null = null;
    await withFiles(files, async (uri) => {
      identity = await opened({ format: 'csv', uri, ...change }, (data) => data.identity());
    });
    return identity;
  };

  test('is the same wherever the files are, and another one for other data or other fields', async () => {
    const same = await identityOf({ 'd.csv': csv('1') });
    expect(await identityOf({ 'd.csv': csv('1') })).toBe(same);
    const others = [
      await identityOf({ 'd.csv': csv('0') }),
      await identityOf({ 'd.csv': `${csv('1')}5,6,1\n` }),
      await identityOf({ 'd.csv': csv('1') }, { onBadSample: 'Replace' }),
      await identityOf(
        { 'd.csv': csv('1') },
        { fields: [{ name: 'input', columns: ['a'], type: 'tensor', dtype: 'Float32' }] },
      ),
      await identityOf(
        { 'd.csv': csv('1') },
        { fields: [{ name: 'input', columns: ['a', 'b'], type: 'tensor', dtype: 'Int32' }] },
      ),
    ];
    expect(new Set([same, ...others]).size).toBe(others.length + 1);
  });
});

test('a CSV file is numbers and a label by default', async () => {
  await withFiles({ 'd.csv': 'width,name,height,label\n1.5,u,2,dog\n3,v,4,cat\n' }, async (uri) => {
    await opened({ format: 'csv', uri }, async ({ train }) => {
      expect(train.spec).toMatchObject({
        inputs: { input: { dtype: 'float32', shape: [2], kind: 'plain' } },
        target: { kind: 'class', names: ['cat', 'dog'] },
      });
      expect([...(await train.read([1, 0])).inputs.input!.data]).toEqual([3, 4, 1.5, 2]);
      expect([...(await labelsOf(train, [0, 1]))]).toEqual([1, 0]);
    });
  });
});

test('JSON lines are a text and a label by default', async () => {
  const lines = [
    { text: 'good', label: 1 },
    { text: 'bad', label: 0 },
  ];
  await withFiles({ 'd.jsonl': lines.map((line) => `${JSON.stringify(line)}\n`).join('') }, async (uri) => {
    await opened({ format: 'jsonl', uri }, async ({ train }) => {
      expect((await train.read([0, 1])).inputs.text).toMatchObject({ dtype: 'text', data: ['good', 'bad'] });
      expect(train.spec.target).toEqual({ kind: 'class', classes: 2, names: null });
    });
  });
});

test('every sample is the same in whatever order and company it is read', async () => {
  const cells = Array.from({ length: 40 }, (_, row) => (row % 7 === 3 ? 'bad' : row));
  const source = cells.map(
    (cell, row) => `${String(cell)},${String(row)},${row % 11 === 0 ? 'none' : String(row % 2)}`,
  );
  const fields: DatasetSettings['fields'] = [
    { name: 'x', columns: ['a', 'b'], type: 'tensor', dtype: 'Float32' },
    { name: 'y', columns: ['label'], type: 'class', classes: ['0', '1'], firstClass: 0 },
  ];
  await withFiles({ 'd.csv': `${head}${source.join('\n')}\n` }, async (uri) => {
    const settings: DatasetSettings = { format: 'csv', uri, fields, onBadSample: 'Replace' };
    const whole = await opened(settings, async ({ train }) => {
      const all = Array.from({ length: train.length }, (_, at) => at);
      const { inputs } = await train.read(all);
      return { data: [...inputs.x!.data], labels: [...(await labelsOf(train, all))] };
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat({ max: 39 }), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (reads, targetsFirst) =>
          opened(settings, async ({ train }) => {
            for (const indices of reads) {
              const early = targetsFirst ? await labelsOf(train, indices) : null;
              const { inputs } = await train.read(indices);
              expect([...inputs.x!.data]).toEqual(indices.flatMap((at) => whole.data.slice(2 * at, 2 * at + 2)));
              expect([...(early ?? (await labelsOf(train, indices)))]).toEqual(indices.map((at) => whole.labels[at]));
            }
          }),
      ),
      { numRuns: 30 },
    );
  });
});
