/** idx files: every type, 1 to 4 dimensions, plain and packed by gzip; and what is refused. */
import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';

import { openIdx } from '../../../workers/tables/index.js';
import { columnOf, type Content, inFolder, sentenceOf } from './in-folder.js';

/** An idx file of any values, each written by `write`. */
function idx(
  type: number,
  sizes: readonly number[],
  values: readonly number[],
  write: (view: DataView, at: number, value: number) => void = (view, at, value) => view.setUint8(at, value),
  bytes = 1,
): Buffer {
  const view = new DataView(new ArrayBuffer(4 + 4 * sizes.length + values.length * bytes));
  view.setUint8(2, type);
  view.setUint8(3, sizes.length);
  sizes.forEach((size, axis) => view.setUint32(4 + 4 * axis, size));
  values.forEach((value, at) => write(view, 4 + 4 * sizes.length + at * bytes, value));
  return Buffer.from(view.buffer);
}

const images = idx(0x08, [3, 2, 2], [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 255]);
const labels = idx(0x08, [3], [2, 0, 7]);

describe('idx files of one split', () => {
  test('give images and labels, plain and packed, as one table', async () => {
    await inFolder({ 'i-idx3-ubyte': images, 'l-idx1-ubyte': labels }, async (path) => {
      execFileSync('gzip', ['-k', 'i-idx3-ubyte', 'l-idx1-ubyte'], { cwd: path() });
      for (const ending of ['', '.gz']) {
        const table = await openIdx([
          { name: 'image', path: path(`i-idx3-ubyte${ending}`), dimensions: [3, 4] },
          { name: 'label', path: path(`l-idx1-ubyte${ending}`), dimensions: [1] },
        ]);
        expect(table.length).toBe(3);
        expect(table.columns).toEqual([
          { name: 'image', kind: 'tensor', dtype: 'uint8', shape: [2, 2] },
          { name: 'label', kind: 'tensor', dtype: 'uint8', shape: [] },
        ]);
        expect(await table.read([2, 0, 1], ['label', 'image'])).toEqual(
          new Map([
            ['label', { kind: 'tensor', data: Uint8Array.of(7, 2, 0) }],
            ['image', { kind: 'tensor', data: Uint8Array.of(20, 21, 22, 255, 0, 1, 2, 3, 10, 11, 12, 13) }],
          ]),
        );
        expect(table.nameOf(1)).toBe(`i-idx3-ubyte${ending}, row 1`);
        await table.close();
        await table.close();
      }
    });
  });

  const types: readonly (readonly [string, Buffer, readonly number[]])[] = [
    ['uint8', idx(0x08, [2], [0, 255]), [0, 255]],
    ['int8', idx(0x09, [2], [-128, 127]), [-128, 127]],
    ['int16', idx(0x0b, [2], [-2, 258], (view, at, value) => view.setInt16(at, value), 2), [-2, 258]],
    ['int32', idx(0x0c, [2], [-2, 66_051], (view, at, value) => view.setInt32(at, value), 4), [-2, 66_051]],
    ['float32', idx(0x0d, [2], [-0.5, 1e9], (view, at, value) => view.setFloat32(at, value), 4), [-0.5, 1e9]],
    ['float64', idx(0x0e, [2], [0.1, 1e300], (view, at, value) => view.setFloat64(at, value), 8), [0.1, 1e300]],
  ];
  test.each(types)('of %s are read', async (dtype, bytes, values) => {
    await inFolder({ x: bytes }, async (path) => {
      const table = await openIdx([{ name: 'x', path: path('x') }]);
      expect(table.columns).toEqual([{ name: 'x', kind: 'tensor', dtype, shape: [] }]);
      expect((await columnOf(table, 'x')).flat()).toEqual(values);
      await table.close();
    });
  });

  test('have 1 to 4 dimensions', async () => {
    for (const sizes of [[6], [3, 2], [1, 3, 2], [1, 1, 2, 3]]) {
      await inFolder({ x: gzipSync(idx(0x08, sizes, [1, 2, 3, 4, 5, 6])) }, async (path) => {
        const table = await openIdx([{ name: 'x', path: path('x') }]);
        expect(table.columns).toEqual([{ name: 'x', kind: 'tensor', dtype: 'uint8', shape: sizes.slice(1) }]);
        expect((await columnOf(table, 'x')).flat()).toEqual([1, 2, 3, 4, 5, 6]);
      });
    }
  });
});

describe('idx files that are not read', () => {
  const twoGigabytes = Buffer.from([0, 0, 8, 1, 0x80, 0, 0, 0]);
  const cases: readonly (readonly [string, { readonly i?: Content; readonly l?: Content }, string])[] = [
    [
      'empty',
      { i: '' },
      'DIR/i: found an empty file, expected an idx file, which starts with 0000. Check that it is the file meant and that its download is complete.',
    ],
    [
      'foreign',
      { i: 'hello' },
      'DIR/i: found a file that starts with "68656c6c", expected an idx file, which starts with 0000. Check that it is the file meant and that its download is complete.',
    ],
    [
      'a page',
      { i: '<html>' },
      'DIR/i: found a web page, expected an idx file. Download the file itself, not the page about it.',
    ],
    [
      'of no type',
      { i: idx(0x0a, [1], [1]) },
      'DIR/i: found values of type 0xa, expected numbers (types 0x8 to 0xe). Get the file again.',
    ],
    [
      'of five dimensions',
      { i: idx(0x08, [1, 1, 1, 1, 1], [1]) },
      'DIR/i: found 5 dimensions, expected 3 or 4, as images have. Write the images as [number, height, width], one byte a pixel.',
    ],
    [
      'swapped',
      { i: labels, l: images },
      'DIR/i: found 1 dimension, expected 3 or 4, as images have. Check that images and labels are not swapped.',
    ],
    [
      'images for labels',
      { l: images },
      'DIR/l: found 3 dimensions, expected 1, as labels have. Check that images and labels are not swapped.',
    ],
    [
      'labels of two dimensions',
      { l: idx(0x08, [3, 1], [1, 2, 3]) },
      'DIR/l: found 2 dimensions, expected 1, as labels have. Write the number of the class as one byte for each sample.',
    ],
    [
      'cut in the header',
      { i: images.subarray(0, 10) },
      'DIR/i: found a truncated file of 10 bytes, expected 16 bytes. Get the file again.',
    ],
    [
      'cut',
      { i: images.subarray(0, 20) },
      'DIR/i: found a truncated file of 20 bytes, expected 28 bytes. Get the file again.',
    ],
    [
      'too long',
      { i: Buffer.concat([images, Uint8Array.of(1)]) },
      'DIR/i: found 29 bytes, expected 28 (sizes 3 × 2 × 2). Get the file again.',
    ],
    [
      'of another length',
      { l: idx(0x08, [2], [1, 2]) },
      'DIR/l: found 2 labels, expected 3, one for each image of DIR/i. Take images and labels of the same split.',
    ],
    [
      'without rows',
      { i: idx(0x08, [0, 2, 2], []), l: idx(0x08, [0], []) },
      'DIR/i: found 0 images of 2 × 2, expected at least one image of 1 to 67108864 pixels. Get the file again.',
    ],
    [
      'without pixels',
      { i: idx(0x08, [3, 0, 2], []) },
      'DIR/i: found 3 images of 0 × 2, expected at least one image of 1 to 67108864 pixels. Get the file again.',
    ],
    [
      'packed and cut',
      { i: gzipSync(images).subarray(0, -12) },
      'DIR/i: found a damaged gzip file (unexpected end of file), expected an idx file. Get the file again.',
    ],
    [
      'packed and damaged',
      { i: Buffer.concat([gzipSync(images).subarray(0, 10), Buffer.alloc(20, 0xff)]) },
      'DIR/i: found a damaged gzip file (invalid block type), expected an idx file. Get the file again.',
    ],
    [
      'packed after a cut',
      { i: gzipSync(images.subarray(0, 20)) },
      'DIR/i: found a truncated file of 20 bytes, expected 28 bytes. Get the file again.',
    ],
    [
      'a bomb',
      { i: gzipSync(Buffer.concat([images, Buffer.alloc(1 << 24)])) },
      'DIR/i: found more than 28 bytes, unpacked, expected 28 (sizes 3 × 2 × 2). Get the file again.',
    ],
    [
      'packed text',
      { l: gzipSync('hello') },
      'DIR/l: found a file that starts with "68656c6c", expected an idx file, which starts with 0000. Check that it is the file meant and that its download is complete.',
    ],
    [
      'too large to unpack',
      { l: gzipSync(twoGigabytes) },
      'DIR/l: found a gzip file of 2147483656 bytes, unpacked, expected at most 268435456, as it is unpacked into memory. Unpack it: `gunzip -k DIR/l`.',
    ],
  ];
  test.each(cases)('for one is %s get a sentence', async (_, changed, want) => {
    await inFolder({ i: images, l: labels, ...changed }, async (path) => {
      const open = (): Promise<unknown> =>
        openIdx([
          { name: 'image', path: path('i'), dimensions: [3, 4] },
          { name: 'label', path: path('l'), dimensions: [1] },
        ]);
      expect(await sentenceOf(open, path())).toBe(want);
    });
  });
});
