import { crc32, deflateSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';
import sharp, { type Sharp } from 'sharp';

import { mayBeTurned } from '../../../workers/data/fields/orientation.js';
import { openDataset } from '../../../workers/data/index.js';
import { withFolder } from '../../kit/folder.js';
import { labelsOf } from '../../kit/samples.js';

/** A folder of pictures, removed when `work` is done. */
function withPictures(
  files: Readonly<Record<string, Uint8Array>>,
  work: (uri: string) => Promise<void>,
): Promise<void> {
  return withFolder(files, (folder) => work(`file://${folder}`));
}

const plain = (color: object, size: object = {}): Sharp =>
  sharp({ create: { width: 4, height: 2, channels: 3, background: { r: 200, g: 100, b: 50 }, ...size, ...color } });
const color = plain({});
const png = (picture: Sharp): Promise<Buffer> => picture.png().toBuffer();

/** The first pixel of the only sample, in bytes, and its shape. */
async function firstPixel(bytes: Uint8Array, field: object = {}): Promise<unknown> {
  let seen: unknown;
  await withPictures({ 'a.png': bytes }, async (uri) => {
    const data = await openDataset({
      format: 'imageFolder',
      uri,
      fields: [{ name: 'image', columns: ['image'], type: 'image', ...field }],
    });
    const { inputs } = await data.train.read([0]);
    const { shape, data: values } = inputs.image!;
    const channels = shape.at(-1)!;
    seen = { shape, pixel: [...values].slice(0, channels).map((value) => Math.round(Number(value) * 255)) };
    await data.close();
  });
  return seen;
}

describe('a picture', () => {
  const white = { r: 255, g: 255, b: 255 };
  const rows: readonly (readonly [string, () => Promise<Buffer>, object, object])[] = [
    ['of RGB', () => png(color.clone()), {}, { shape: [1, 2, 4, 3], pixel: [200, 100, 50] }],
    ['of RGB as gray', () => png(color.clone()), { channels: 1 }, { shape: [1, 2, 4, 1], pixel: [124] }],
    [
      'that is gray',
      () => png(color.clone().greyscale().toColourspace('b-w')),
      {},
      { shape: [1, 2, 4, 1], pixel: [128] },
    ],
    [
      'that is gray, as RGB',
      () => png(color.clone().greyscale().toColourspace('b-w')),
      { channels: 3 },
      { shape: [1, 2, 4, 3], pixel: [128, 128, 128] },
    ],
    [
      'that is transparent lies over white',
      () => png(plain({ channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } })),
      {},
      { shape: [1, 2, 4, 3], pixel: [255, 255, 255] },
    ],
    [
      'of 16 bits a channel',
      () => png(color.clone().toColourspace('rgb16')),
      {},
      { shape: [1, 2, 4, 3], pixel: [200, 100, 50] },
    ],
    [
      'with a palette',
      () => color.clone().png({ palette: true }).toBuffer(),
      {},
      { shape: [1, 2, 4, 3], pixel: [200, 100, 50] },
    ],
    [
      'that lies on its side, by EXIF',
      () => color.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
      {},
      { shape: [1, 4, 2, 3], pixel: [200, 100, 50] },
    ],
    [
      'of WebP',
      () => color.clone().webp({ lossless: true }).toBuffer(),
      {},
      { shape: [1, 2, 4, 3], pixel: [200, 100, 50] },
    ],
    [
      'that is resized',
      () => png(plain({ background: white })),
      { size: { height: 3, width: 5 } },
      { shape: [1, 3, 5, 3], pixel: [255, 255, 255] },
    ],
  ];
  for (const [name, bytes, field, want] of rows) {
    test(name, async () => {
      expect(await firstPixel(await bytes(), field)).toEqual(want);
    });
  }

  test('of CMYK is near to its RGB', async () => {
    const { pixel } = (await firstPixel(await color.clone().toColourspace('cmyk').jpeg().toBuffer())) as {
      pixel: number[];
    };
    expect(pixel.map((value, at) => Math.abs(value - [200, 100, 50][at]!) < 40)).toEqual([true, true, true]);
  });
});

describe('a bad picture', () => {
  const good = (): Promise<Buffer> => png(color.clone());
  const rows: readonly (readonly [string, () => Promise<Uint8Array>, string])[] = [
    [
      'is cut',
      async () => {
        const whole = await color.clone().jpeg().toBuffer();
        return whole.subarray(0, whole.length - 20);
      },
      'the picture is damaged',
    ],
    ['is empty', () => Promise.resolve(Buffer.alloc(0)), 'the picture is empty'],
    ['is a text', () => Promise.resolve(Buffer.from('hello')), 'it begins with 68656c6c'],
    [
      'is SVG',
      () => Promise.resolve(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')),
      'it begins with 3c737667',
    ],
    ['has another size', () => png(plain({}, { width: 5 })), 'the picture is 2 × 5 pixels, the first one 2 × 4'],
    ['is a bomb', () => Promise.resolve(bomb(100_000, 100_000)), 'the picture has more than 33554432 pixels'],
  ];
  for (const [name, bytes, problem] of rows) {
    test(`that ${name} names its file`, async () => {
      await withPictures({ 'a/1.png': await good(), 'b/2.png': await bytes() }, async (uri) => {
        const data = await openDataset({ format: 'imageFolder', uri });
        await expect(data.train.read([0])).resolves.toMatchObject({ count: 1 });
        const fault = await data.train.read([0, 1]).then(
          () => '',
          (error: unknown) => (error as Error).message,
        );
        expect(fault).toContain('b/2.png: column image: ');
        expect(fault).toContain(problem);
        await data.close();
        const seen: string[] = [];
        const replacing = await openDataset(
          { format: 'imageFolder', uri, onBadSample: 'Replace' },
          { replaced: ({ row }) => seen.push(row) },
        );
        expect([...(await labelsOf(replacing.train, [1, 0]))]).toEqual([0, 0]);
        expect(seen).toEqual(['b/2.png']);
        await replacing.close();
      });
    });
  }
});

/** A PNG file whose header promises so many pixels. */
function bomb(width: number, height: number): Uint8Array {
  const chunk = (type: string, body: Uint8Array): Uint8Array => {
    const named = Buffer.concat([Buffer.from(type), body]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(body.length, 0);
    frame.writeUInt32BE(crc32(named), 4);
    return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
  };
  const header = Buffer.from('00000000000000000802000000', 'hex');
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(100))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('an image folder', () => {
  test('takes classes from the names of its folders, numbers as numbers', async () => {
    const picture = await png(color.clone());
    await withPictures({ 'dog/1.png': picture, 'cat/1.png': picture, 'cat/deep/2.png': picture }, async (uri) => {
      const { train, test: held, identity } = await openDataset({ format: 'imageFolder', uri });
      expect(train.spec).toMatchObject({ target: { kind: 'class', classes: 2, names: ['cat', 'dog'] } });
      expect([...(await labelsOf(train, [0, 1, 2]))]).toEqual([0, 0, 1]);
      expect(held).toBeNull();
      expect(await identity()).toMatch(/^[0-9a-f]{32}$/);
    });
    await withPictures({ '10/1.png': picture, '2/1.png': picture }, async (uri) => {
      const { train } = await openDataset({ format: 'imageFolder', uri });
      expect([...(await labelsOf(train, [0, 1]))]).toEqual([10, 2]);
    });
  });

  test('without folders has no labels', async () => {
    await withPictures({ '1.png': await png(color.clone()) }, async (uri) => {
      const { train } = await openDataset({ format: 'imageFolder', uri });
      expect(train.spec.target).toBeNull();
    });
  });

  test('with a folder for each split is divided so', async () => {
    const picture = await png(color.clone());
    const files = { 'train/a/1.png': picture, 'train/b/1.png': picture, 'val/b/2.png': picture };
    await withPictures(files, async (uri) => {
      const { train, test: held } = await openDataset({ format: 'imageFolder', uri });
      expect([train.length, held?.length]).toEqual([2, 1]);
      expect([...(await labelsOf(held!, [0]))]).toEqual([1]);
    });
    await withPictures({ ...files, 'tram/1.png': picture }, async (uri) => {
      const { train, test: held } = await openDataset({ format: 'imageFolder', uri });
      expect([train.length, held]).toEqual([4, null]);
      expect(train.spec.target).toMatchObject({ names: ['train', 'tram', 'val'] });
    });
  });
});

describe('a picture that says how it lies', () => {
  const jpeg = (): Sharp => plain({}, { width: 64, height: 64 }).jpeg();

  test('is found by its Exif', async () => {
    expect(mayBeTurned(await jpeg().withMetadata({ orientation: 6 }).toBuffer())).toBe(true);
    expect(mayBeTurned(await jpeg().toBuffer())).toBe(false);
    expect(mayBeTurned(await jpeg().jpeg({ progressive: true }).toBuffer())).toBe(false);
    expect(mayBeTurned(await plain({}).withIccProfile('srgb').jpeg().toBuffer())).toBe(false);
  });

  test('is taken for one where its bytes do not tell', async () => {
    expect(mayBeTurned(await png(color.clone()))).toBe(true);
    for (const length of [0, 1, 2, 3, 10])
      expect(mayBeTurned((await jpeg().toBuffer()).subarray(0, length))).toBe(true);
    expect(mayBeTurned(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 1, 2, 3, 4, 5, 6))).toBe(true);
  });
});
