/** Each format once from its files to samples: what the fields, the split and the labels are without a word of the job. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';
import { parquetWriteBuffer } from 'hyparquet-writer';
import sharp from 'sharp';

import { blockRowsOf, type Dataset, type DatasetSettings, openDataset } from '../../../workers/data/index.js';
import { labelsOf } from '../../kit/samples.js';

const root = mkdtempSync(join(tmpdir(), 'distillery-formats-'));
afterAll(() => {
  rmSync(root, { recursive: true });
});

function write(files: Readonly<Record<string, Uint8Array | string>>): string {
  const folder = mkdtempSync(join(root, 'set-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

async function opened(settings: Omit<DatasetSettings, 'uri'>, path: string): Promise<Dataset> {
  return openDataset({ uri: `file://${path}`, ...settings });
}

/** An npy file of version 1.0. */
function npy(descr: string, shape: readonly number[], body: Uint8Array): Uint8Array {
  const sizes = shape.map((size) => `${String(size)},`).join(' ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const header = text.padEnd(118 - 1, ' ') + '\n';
  return Buffer.concat([Buffer.from('934e554d50590100', 'hex'), Buffer.from([118, 0]), Buffer.from(header), body]);
}

/** A member of a tar archive, with its padding. */
function member(name: string, content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(bytes.length.toString(8).padStart(11, '0') + '\0', 124);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(sum.toString(8).padStart(6, '0') + '\0 ', 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

const picture = (red: number): Promise<Buffer> =>
  sharp({ create: { width: 3, height: 2, channels: 3, background: { r: red, g: 0, b: 0 } } })
    .png()
    .toBuffer();

describe('arrays of numpy', () => {
  const images = (count: number): Uint8Array =>
    npy(
      '|u1',
      [count, 2, 2],
      Uint8Array.from({ length: 4 * count }, (_, at) => at),
    );
  const labels = (...values: number[]): Uint8Array =>
    npy('<i4', [values.length], new Uint8Array(Int32Array.from(values).buffer));

  test('with ends of names are both splits, bytes are images and whole numbers are classes', async () => {
    const folder = write({
      'x_train.npy': images(3),
      'y_train.npy': labels(0, 2, 1),
      'x_test.npy': images(1),
      'y_test.npy': labels(2),
    });
    const data = await opened({ format: 'npy' }, folder);
    expect([data.train.length, data.test?.length]).toEqual([3, 1]);
    expect(data.train.spec).toEqual({
      inputs: { input: { dtype: 'float32', shape: [2, 2, 1], kind: 'image' } },
      positions: 1,
      target: { kind: 'class', classes: 3, names: null },
    });
    const { inputs } = await data.train.read([2]);
    expect([...inputs.input!.data]).toEqual([8, 9, 10, 11].map((byte) => Math.fround(byte / 255)));
    expect([...(await labelsOf(data.train, [1, 0]))]).toEqual([2, 0]);
    expect([...(await labelsOf(data.test!, [0]))]).toEqual([2]);
    await data.close();
  });

  test('of one split only need an array of each name', async () => {
    const folder = write({ 'x_train.npy': images(3), 'x_test.npy': images(1), 'y_train.npy': labels(0, 2, 1) });
    await expect(opened({ format: 'npy' }, folder)).rejects.toThrow(
      'found an array y_train for training and none of its name for evaluation, expected the same arrays in both splits',
    );
  });

  test('one file is one tensor without labels', async () => {
    const body = new Uint8Array(Float32Array.of(1, 2, 3, 4, Number.NaN, 6).buffer);
    const data = await opened({ format: 'npy' }, join(write({ 'x.npy': npy('<f4', [3, 2], body) }), 'x.npy'));
    expect([...(await data.train.read([1, 0])).inputs.input!.data]).toEqual([3, 4, 1, 2]);
    await expect(data.train.read([2])).rejects.toThrow('x.npy, row 2: column x: it holds NaN, expected a finite');
    expect(data.train.spec.target).toBeNull();
    await data.close();
  });
});

test('shards of pictures with classes', async () => {
  const shard = Buffer.concat([
    member('a.png', await picture(255)),
    member('a.cls', '1\n'),
    member('b.png', await picture(0)),
    member('b.cls', '0\n'),
    member('c.png', 'cut'),
    member('c.cls', '1'),
    Buffer.alloc(1024),
  ]);
  const data = await opened({ format: 'webdataset', onBadSample: 'Replace' }, write({ '0.tar': shard }));
  expect(data.train.spec).toMatchObject({
    inputs: { image: { shape: [2, 3, 3], kind: 'image' } },
    target: { kind: 'class', classes: 2 },
  });
  const { inputs } = await data.train.read([1, 0, 2]);
  expect([0, 18, 36].map((at) => inputs.image!.data[at])).toEqual([0, 1, 1]);
  expect([...(await labelsOf(data.train, [0, 1, 2]))]).toEqual([1, 0, 1]);
  await data.close();
});

test('a Parquet file of texts and stars, whose rows lie together', async () => {
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'review', data: ['good', 'bad', 'fair'], type: 'STRING' },
      { name: 'stars', data: [5, 1, 3], type: 'INT32' },
    ],
  });
  const path = join(write({ 'r.parquet': new Uint8Array(buffer) }), 'r.parquet');
  const fields: DatasetSettings['fields'] = [
    { name: 'text', columns: ['review'], type: 'text' },
    { name: 'stars', columns: ['stars'], type: 'class', firstClass: 1 },
  ];
  const data = await opened({ format: 'parquet', fields }, path);
  expect((await data.train.read([2, 0])).inputs.text!.data).toEqual(['fair', 'good']);
  expect([...(await labelsOf(data.train, [0, 1, 2]))]).toEqual([4, 0, 2]);
  expect(blockRowsOf(data.train)).toBe(1);
  expect(blockRowsOf({})).toBe(1_024);
  await data.close();
});

test('files of any kind give their ends, without labels', async () => {
  const folder = write({ 'a.txt': '  hello  ', 'deep/b.bin': Buffer.alloc(20_000, 7), empty: '' });
  const data = await opened({ format: 'files' }, folder);
  const { inputs } = await data.train.read([0, 1, 2]);
  const { dtype, shape, data: values } = inputs.bytes!;
  expect({ dtype, shape, target: data.train.spec.target }).toEqual({ dtype: 'int32', shape: [3, 2_048], target: null });
  const row = (at: number): number[] => Array.from(values.slice(at * 2_048, (at + 1) * 2_048), Number);
  const text = (numbers: readonly number[]): string => String.fromCharCode(...numbers.filter((byte) => byte < 256));
  expect(text(row(0).slice(0, 1_024))).toBe('hello  ');
  expect(text(row(0).slice(1_024))).toBe('  hello');
  expect(new Set(row(1))).toEqual(new Set([7]));
  expect(new Set(row(2))).toEqual(new Set([256]));
  await data.close();
});
