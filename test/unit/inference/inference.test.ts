/** @jest-environment ./test/unit/inference/environment.js */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { imageInputs, imageSamples } from '../../../workers/samples/index.js';
import { InputError } from '../../../workers/inputs/index.js';
import {
  type InferenceSource,
  LogitsError,
  ModelError,
  type ModelSession,
  openInference,
} from '../../../workers/models/inference/index.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { opened } from './opened.js';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', `${name}.onnx`);

/** Height, width, channels: three different numbers, so that no two axes can be mistaken for each other. */
const shape = [3, 4, 2] as const;
const size = 3 * 4 * 2;

const source = (name: string, more: Partial<InferenceSource> = {}): InferenceSource => ({
  format: 'onnx',
  path: fixture(name),
  input: {},
  inputs: imageInputs(shape),
  threads: 1,
  ...more,
});

/** Multiples of 1/8, which make every sum exact: the expected logits hold to the last bit. */
const samplesOf = (rows: number): Float32Array =>
  Float32Array.from({ length: rows * size }, (_, at) => ((at * 5) % 9) / 8);

/** The formula that fixtures/make.py builds into every sound model. */
function expectedLogits(samples: Float32Array, row: number, value: (x: number, channel: number) => number): number[] {
  const [height, width, channels] = shape;
  return [0, 1, 2].map((k) => {
    let sum = k / 4;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < channels; c++) {
          const pixel = samples[row * size + (y * width + x) * channels + c] ?? Number.NaN;
          sum += (value(pixel, c) * (((7 * c + 3 * y + 5 * x + 2 * k) % 11) - 5)) / 8;
        }
      }
    }
    return sum;
  });
}

async function modelErrorOf(opening: InferenceSource): Promise<ModelError | InputError> {
  try {
    const inference = await opened(opening);
    await inference.close();
  } catch (error) {
    if (error instanceof ModelError || error instanceof InputError) return error;
    throw error;
  }
  throw new Error('expected a ModelError or an InputError, found none');
}

describe('an ONNX teacher', () => {
  const sound: readonly (readonly [string, InferenceSource['input']])[] = [
    ['nchw', {}],
    ['nchw', { layout: 'NCHW' }],
    ['nhwc', {}],
    ['nhwc', { layout: 'NHWC' }],
    ['flat', { layout: 'NCHW' }],
    ['any-size', { layout: 'NCHW' }],
  ];
  test.each(sound)('with input %s and settings %j answers what its weights say', async (name, input) => {
    const inference = await opened(source(name, { input }));
    const samples = samplesOf(5);
    const before = samples.slice();
    const logits = await inference.infer(imageSamples(shape, samples));
    expect(inference.columns).toBe(3);
    expect([...logits]).toEqual([0, 1, 2, 3, 4].flatMap((row) => expectedLogits(samples, row, (x) => x)));
    expect(samples).toEqual(before);
    await inference.close();
  });

  test.each([
    { numbersAtOnce: undefined, runs: [70] },
    { numbersAtOnce: 40 * size, runs: [32, 32, 6] },
    { numbersAtOnce: 10, runs: [16, 16, 16, 16, 6] },
  ])('answers many samples by runs of $runs where $numbersAtOnce numbers are best', async ({ numbersAtOnce, runs }) => {
    const runtime = await openRuntime('auto', 'onnx');
    const found: number[] = [];
    const inference = await openInference(source('nchw'), async (file) => {
      const { description, inputs, outputs, ...session } = await runtime.openSession(file);
      const run: ModelSession['run'] = (feeds, output) => {
        found.push(feeds[0]?.shape[0] ?? NaN);
        return session.run(feeds, output);
      };
      const plain = { description, inputs, outputs, run, close: () => session.close() };
      return numbersAtOnce === undefined ? plain : { ...plain, numbersAtOnce };
    });
    found.length = 0;
    const samples = samplesOf(70);
    const logits = await inference.infer(imageSamples(shape, samples));
    expect(found).toEqual(runs);
    const wanted = Array.from({ length: 70 }, (_, row) => expectedLogits(samples, row, (x) => x));
    expect([...logits]).toEqual(wanted.flat());
    await inference.close();
  });

  test('normalizes each channel by its own mean and standard deviation', async () => {
    const mean = [0.5, 0.25];
    const std = [0.5, 2];
    for (const name of ['nchw', 'nhwc']) {
      const inference = await opened(source(name, { input: { mean, std } }));
      const samples = samplesOf(2);
      const logits = await inference.infer(imageSamples(shape, samples));
      const normal = (x: number, c: number): number => (x - mean[c]!) / std[c]!;
      expect([...logits]).toEqual([0, 1].flatMap((row) => expectedLogits(samples, row, normal)));
      await inference.close();
    }
  });

  test('takes batches of any size, the empty one included, and refuses a wrong number of values', async () => {
    const inference = await opened(source('nchw'));
    expect((await inference.infer(imageSamples(shape, new Float32Array(0)))).length).toBe(0);
    for (const rows of [1, 2, 33]) {
      expect((await inference.infer(imageSamples(shape, samplesOf(rows)))).length).toBe(rows * 3);
    }
    const two = imageSamples(shape, samplesOf(2));
    await expect(inference.infer({ ...two, count: 3 })).rejects.toThrow('found 48 values, expected 3 samples of 24');
    await inference.close();
  });

  test('names the row and column of an answer that is no finite number, and answers the next batch', async () => {
    const inference = await opened(source('log'));
    // The model takes the logarithm of the sums; this one pixel has a positive weight for every class.
    const row = new Float32Array(size);
    row[16] = 1;
    const negated = row.map((x) => -8 * x);
    const error = await inference.infer(imageSamples(shape, Float32Array.from([...row, ...negated]))).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(LogitsError);
    expect(error).toMatchObject({ row: 1, value: 'NaN' });
    expect([...(await inference.infer(imageSamples(shape, row)))].every(Number.isFinite)).toBe(true);
    await inference.close();
  });
});

describe('the digest of a teacher', () => {
  test('is the same for the same file and settings, and another for any other', async () => {
    const openings: readonly InferenceSource[] = [
      source('nchw'),
      source('nhwc'),
      source('nchw', { input: { layout: 'NCHW' } }),
      source('nchw', { input: { mean: [0, 0] } }),
      source('nchw', { input: { std: [1, 2] } }),
    ];
    const digests: string[] = [];
    for (const opening of [...openings, ...openings]) {
      const inference = await opened(opening);
      expect(inference.digest.length).toBe(8);
      expect(inference.digestHex).toBe(Buffer.from(inference.digest).toString('hex'));
      digests.push(inference.digestHex);
      await inference.close();
    }
    expect(digests.slice(5)).toEqual(digests.slice(0, 5));
    expect(new Set(digests).size).toBe(5);
  });
});

describe('a teacher that cannot teach', () => {
  const cases: readonly {
    readonly what: string;
    readonly opening: InferenceSource;
    readonly found: string;
    readonly expected: string;
  }[] = [
    { what: 'whose file is missing', opening: source('nowhere'), found: 'nothing', expected: 'a model file' },
    {
      what: 'that is no ONNX file',
      opening: source('', { path: import.meta.filename }),
      found: 'a file that is',
      expected: 'an ONNX model, its weights inside or as external data of its main graph',
    },
    {
      what: 'with an input of three axes',
      opening: source('rank-3'),
      found: 'an input of shape [N, 6, 4]',
      expected: '[N, height, width, channels], [N, channels, height, width] or [N, values]',
    },
    {
      what: 'that mixes the rows of a batch',
      opening: source('batch-mean'),
      found: 'an answer of shape [1, 3] for 2 samples',
      expected: '[2, classes]',
    },
    {
      what: 'made for other samples',
      opening: source('nchw', { inputs: imageInputs([28, 28, 1]) }),
      found: 'an input of shape [N, 2, 3, 4]',
      expected: 'samples of 28 × 28 × 1 (height × width × channels)',
    },
    {
      what: 'forced into the wrong layout',
      opening: source('nchw', { input: { layout: 'NHWC' } }),
      found: 'an input of shape [N, 2, 3, 4]',
      expected: 'samples of 3 × 4 × 2 (height × width × channels) in layout NHWC',
    },
    {
      what: 'whose layout is anybody’s guess',
      opening: source('any-size'),
      found: 'an input of shape [N, ?, ?, ?], which samples of 3 × 4 × 2 fit in two layouts',
      expected: 'teacher.input.layout to decide',
    },
    {
      what: 'whose flat input has more than one channel and no layout',
      opening: source('flat'),
      found: 'an input of shape [N, 24], which samples of 3 × 4 × 2 fit in two layouts',
      expected: 'teacher.input.layout to decide',
    },
    {
      what: 'whose free axes do not take the samples after all',
      opening: source('any-size', { inputs: imageInputs([3, 3, 1]), input: { layout: 'NHWC' } }),
      found: 'a model that fails on a batch of shape [2, 3, 3, 1]',
      expected: 'logits',
    },
    {
      what: 'with a mean for each of too few channels',
      opening: source('nchw', { input: { mean: [0.5] } }),
      found: 'teacher.input.mean of 1 values',
      expected: '2, one for each channel',
    },
  ];
  test.each(cases)('$what is refused', async ({ opening, found, expected }) => {
    const { fault } = await modelErrorOf(opening);
    expect(fault.about).toBe(`model ${opening.path}`);
    expect(fault).toMatchObject({ found: expect.stringContaining(found), expected });
  });

  describe('because its file was cut', () => {
    let folder = '';
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'distillery-model-'));
    });
    afterAll(() => rm(folder, { recursive: true }));

    test('is refused wherever the cut is, and one changed byte changes its digest', async () => {
      const bytes = await readFile(fixture('nchw'));
      const path = join(folder, 'model.onnx');
      for (const part of [0, 0.1, 0.5, 0.9]) {
        await writeFile(path, bytes.subarray(0, bytes.length * part));
        await modelErrorOf(source('', { path }));
      }
      await copyFile(fixture('nchw'), path);
      const whole = await opened(source('', { path }));
      // The last bit of a mantissa in the weights: the smallest change there is.
      const at = bytes.indexOf(Buffer.from(Float32Array.of(-0.625).buffer));
      await writeFile(path, bytes.fill(1, at, at + 1));
      const changed = await opened(source('', { path }));
      expect(changed.digestHex).not.toBe(whole.digestHex);
      await whole.close();
      await changed.close();
    });
  });
});
