/** @jest-environment ./test/unit/inference/environment.js */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { omit, sentenceOf } from '@distillery/base';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { imageInputs, imageSamples, type Samples } from '../../../workers/samples/index.js';
import { InputError } from '../../../workers/inputs/index.js';
import { type InferenceSource, ModelError } from '../../../workers/models/inference/index.js';
import { opened } from './opened.js';
import { specialTokens, wordTokenizer } from '../../kit/tokenizer.js';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', `${name}.onnx`);
const shape = [3, 4, 2];
const size = 24;
const images = (rows: number): Samples =>
  imageSamples(
    shape,
    Float32Array.from({ length: rows * size }, (_, at) => ((at * 5) % 9) / 8),
  );

const source = (name: string, more: Partial<InferenceSource> = {}): InferenceSource => ({
  format: 'onnx',
  path: fixture(name),
  input: {},
  inputs: imageInputs(shape),
  threads: 1,
  ...more,
});

interface Answers {
  readonly logits: number[];
  readonly notes: readonly string[];
  readonly description: string;
}

async function answersOf(opening: InferenceSource, samples: Samples): Promise<Answers> {
  const model = await opened(opening);
  try {
    const { notes, description } = model;
    return { logits: [...(await model.infer(samples))], notes, description };
  } finally {
    await model.close();
  }
}

async function sentenceFor(opening: InferenceSource): Promise<string> {
  const error = await opened(opening).then(
    (model) => model.close().then(() => null),
    (reason: unknown) => reason,
  );
  if (error instanceof ModelError || error instanceof InputError) return sentenceOf(error.fault);
  throw new Error(`expected a refusal, found ${String(error)}`);
}

/** What `nchw` answers: the model that the others are variants of. */
const plain = (rows: number): Promise<Answers> => answersOf(source('nchw'), images(rows));

describe('an input of another type or batch', () => {
  test.each(['double-input', 'half-input', 'half-output', 'batch-of-3', 'fixed-batch'])(
    '%s answers as nchw does',
    async (name) => {
      for (const rows of [1, 2, 3, 4, 7]) {
        expect((await answersOf(source(name), images(rows))).logits).toEqual((await plain(rows)).logits);
      }
    },
  );

  test('of bytes takes pixels from 0 to 255, rounded', async () => {
    const bytes = Float32Array.from({ length: 2 * size }, (_, at) => ((at * 37) % 256) / 255);
    const found = await answersOf(source('uint8-input'), imageSamples(shape, bytes));
    const wanted = await answersOf(source('nhwc'), imageSamples(shape, bytes));
    expect(found.description).toContain('NHWC of uint8');
    found.logits.forEach((logit, at) => expect(logit).toBeCloseTo(wanted.logits[at]!, 4));
  });

  test('of bytes refuses what a byte cannot hold', async () => {
    const model = await opened(source('uint8-input', { input: { scale: 1_000 } })).catch((reason: unknown) => reason);
    expect(model).toBeInstanceOf(InputError);
    expect(sentenceOf((model as InputError).fault)).toContain('expected 0 to 255, as uint8 holds');
  });
});

describe('the answers', () => {
  test('of a softmax are distilled by their logarithm, and a note says so', async () => {
    const [found, logits] = [await answersOf(source('softmax'), images(3)), (await plain(3)).logits];
    expect(found.notes).toEqual([
      'the teacher answers probabilities (the operator Softmax ends the model); their logarithm is distilled',
    ]);
    for (const row of [0, 1, 2]) {
      const sum = logits.slice(3 * row, 3 * row + 3).reduce((total, logit) => total + Math.exp(logit), 0);
      for (const k of [0, 1, 2]) {
        expect(found.logits[3 * row + k]).toBeCloseTo(
          Math.max(logits[3 * row + k]! - Math.log(sum), Math.log(1e-12)),
          3,
        );
      }
    }
  });

  test('of a sigmoid are distilled by their logits, bounded', async () => {
    const [found, logits] = [await answersOf(source('sigmoid'), images(3)), (await plain(3)).logits];
    expect(found.notes[0]).toContain('one probability for each class');
    const most = Math.log((1 - 1e-7) / 1e-7);
    found.logits.forEach((logit, at) => {
      const wanted = Math.min(Math.max(logits[at]!, -most), most);
      // Near 1, a float32 holds 24 bits of the probability.
      if (Math.abs(wanted) < 5) expect(logit).toBeCloseTo(wanted, 2);
      else expect(Math.sign(logit)).toBe(Math.sign(wanted));
    });
  });

  test('are what teacher.output.kind says, with a warning where that looks wrong', async () => {
    const { notes, logits } = await answersOf(source('softmax', { output: { kind: 'Logits' } }), images(1));
    expect(notes[0]).toContain('teacher.output.kind is Logits, but the answers look like probabilities');
    expect(logits.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
  });

  test('come from the output that is named, or from the only one of numbers', async () => {
    expect((await answersOf(source('two-outputs', { output: { name: 'logits' } }), images(2))).logits).toEqual(
      (await plain(2)).logits,
    );
    expect(await sentenceFor(source('two-outputs'))).toContain(
      '2 outputs: logits (float32), sums (float32), expected teacher.output.name to say which one is meant',
    );
    expect(await sentenceFor(source('two-outputs', { output: { name: 'sum' } }))).toContain(
      'found teacher.output.name sum, expected an output of floating-point numbers: logits (float32), sums (float32)',
    );
    const features = { features: { dtype: 'float32', shape: [2], kind: 'plain' } } as const;
    const forest = source('forest', { inputs: features });
    const rows: Samples = {
      count: 1,
      inputs: { features: { dtype: 'float32', shape: [1, 2], data: Float32Array.of(1, 1) } },
    };
    const { logits, notes } = await answersOf(forest, rows);
    expect(logits.map((value) => Math.round(1e5 * value) / 1e5)).toEqual([-1.40761, -0.40761, -2.40761]);
    expect(notes[0]).toContain('probabilities');
  });

  test('keep the columns that the job names, in its order', async () => {
    const [all, two] = [(await plain(2)).logits, source('nchw', { output: { columns: [2, 0] } })];
    expect((await answersOf(two, images(2))).logits).toEqual([all[2], all[0], all[5], all[3]]);
    expect(await sentenceFor(source('nchw', { output: { columns: [0, 3] } }))).toContain(
      'column 3 in teacher.output.columns, expected 0 to 2, as the teacher answers 3 numbers',
    );
  });

  test('may have axes of length 1 at their end', async () => {
    expect((await answersOf(source('map-output'), images(2))).logits).toEqual((await plain(2)).logits);
  });
});

test('mean and std of pixels from 0 to 255 are warned of, and right with scale 255', async () => {
  const input = { mean: [123.675, 116.28], std: [58.395, 57.12] };
  const { notes } = await answersOf(source('nchw', { input }), images(1));
  expect(notes).toEqual([
    'teacher.input: a mean or std of 123.675 fits pixels from 0 to 255, but pixels are in [0, 1]; set scale to 255, or divide mean and std by 255',
  ]);
  const scaled = await answersOf(source('nchw', { input: { ...input, scale: 255 } }), images(1));
  const divided = { mean: input.mean.map((x) => x / 255), std: input.std.map((x) => x / 255) };
  const same = await answersOf(source('nchw', { input: divided }), images(1));
  expect(scaled.notes).toEqual([]);
  scaled.logits.forEach((logit, at) => expect(logit).toBeCloseTo(same.logits[at]!, 4));
});

test('images are resized where the job says so, and the remedy says how', async () => {
  const small = imageInputs([2, 2, 2]);
  expect(await sentenceFor(source('nchw', { inputs: small, input: { layout: 'NCHW' } }))).toContain(
    'Set teacher.input.resize to height 3 and width 4',
  );
  const flat = imageSamples([2, 2, 2], new Float32Array(8).fill(0.5));
  const resized = source('nchw', { inputs: small, input: { layout: 'NCHW', resize: { height: 3, width: 4 } } });
  const even = imageSamples(shape, new Float32Array(size).fill(0.5));
  expect((await answersOf(resized, flat)).logits).toEqual((await answersOf(source('nchw'), even)).logits);
});

describe('a model of several inputs', () => {
  test('takes the fields that are named for them', async () => {
    const inputs = {
      picture: { dtype: 'float32', shape, kind: 'image' },
      weight: { dtype: 'int32', shape: [3], kind: 'plain' },
    } as const;
    const opening = source('two-inputs', {
      inputs,
      inputSettings: [
        { name: 'input', field: 'picture' },
        { name: 'scale', field: 'weight', scale: 0.5 },
      ],
    });
    const samples: Samples = {
      count: 2,
      inputs: {
        picture: images(2).inputs.input!,
        weight: { dtype: 'int32', shape: [2, 3], data: Int32Array.of(2, 4, 0, 2, 2, 2) },
      },
    };
    const { logits } = await answersOf(opening, samples);
    const all = (await plain(2)).logits;
    expect(logits).toEqual([1, 2, 0, 1, 1, 1].map((factor, at) => factor * all[at]! + 0));
    expect(await sentenceFor({ ...opening, inputSettings: [] })).toContain(
      'it takes 2 inputs (input float32 [N, 2, 3, 4], scale float32 [N, 3]), the samples have 2 fields (picture: 3 × 4 × 2 of float32, weight: 3 of int32), and nothing says which field is for input. Name the field of each input in teacher.inputs',
    );
    expect(await sentenceFor({ ...opening, inputSettings: [{ name: 'inpud' }] })).toContain(
      'found teacher.inputs[0].name inpud',
    );
    expect(await sentenceFor({ ...opening, inputSettings: [{ name: 'input', field: 'image' }] })).toContain(
      'found teacher.inputs[0].field image, expected a field of the samples: picture: 3 × 4 × 2 of float32, weight: 3 of int32',
    );
  });
});

describe('a model of tokens', () => {
  let folder = '';
  let path = '';
  const words = [...specialTokens, 'a', 'bird', 'sings', 'sample', 'word'];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'distillery-tokens-'));
    path = join(folder, 'tokenizer.json');
    await writeFile(path, wordTokenizer(words));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const inputs = { sentence: { dtype: 'text', shape: [], kind: 'plain' } } as const;
  const texts = (...data: string[]): Samples => ({
    count: data.length,
    inputs: { sentence: { dtype: 'text', shape: [data.length], data } },
  });
  const opening = (more: Partial<InferenceSource> = {}): InferenceSource =>
    source('tokens', {
      inputs,
      tokenizer: { path, maxTokens: 16 },
      output: { kind: 'Embedding', pooling: 'Mean' },
      ...more,
    });

  test('answers the mean over the tokens of each text, whatever the others in the batch', async () => {
    // [CLS] a bird [SEP] = 2, 4, 5, 3: mean 3.5; [CLS] bird [SEP] = 2, 5, 3: mean 10/3.
    const both = (await answersOf(opening(), texts('A bird', 'bird'))).logits;
    const wanted = [3.5, 10 / 3].flatMap((mean) => [1, 2, 3].map((k) => (mean * k) / 8 + 0.25));
    both.forEach((value, at) => expect(value).toBeCloseTo(wanted[at]!, 5));
    const alone = (await answersOf(opening(), texts('bird'))).logits;
    expect(alone).toEqual(both.slice(3));
  });

  test('cuts a long text before its closing token', async () => {
    // [CLS] a [SEP] of "a bird sings": 2, 4, 3.
    const { logits } = await answersOf(opening({ tokenizer: { path, maxTokens: 3 } }), texts('a bird sings'));
    expect(logits[0]).toBeCloseTo(3 / 8 + 0.25, 6);
  });

  test('can answer its first token, and rows of length 1', async () => {
    const { logits } = await answersOf(
      opening({ output: { kind: 'Embedding', pooling: 'First', normalize: true } }),
      texts('a'),
    );
    const row = [1, 2, 3].map((k) => (2 * k) / 8 + 0.25);
    const length = Math.hypot(...row);
    logits.forEach((value, at) => expect(value).toBeCloseTo(row[at]! / length, 6));
  });

  test('has another digest with another tokenizer', async () => {
    const other = join(folder, 'other.json');
    await writeFile(other, wordTokenizer(words.toSpliced(4, 2, 'bird', 'a')));
    const digests = [];
    for (const file of [path, other, path]) {
      const model = await opened(opening({ tokenizer: { path: file, maxTokens: 16 } }));
      digests.push(model.digestHex);
      await model.close();
    }
    expect(digests[0]).toBe(digests[2]);
    expect(digests[0]).not.toBe(digests[1]);
  });

  test('is refused without a tokenizer, with a wrong one, and without a pooling', async () => {
    const without = omit(opening(), 'tokenizer');
    expect(await sentenceFor(without)).toContain(
      'it takes tokens, and the job names no tokenizer. Set teacher.tokenizer.uri',
    );
    const broken = join(folder, 'broken.json');
    await writeFile(broken, '{"model": 1}');
    expect(await sentenceFor(opening({ tokenizer: { path: broken, maxTokens: 16 } }))).toMatch(
      /^tokenizer .*broken\.json: found a file that the library refuses \(.*\), expected a tokenizer\.json/,
    );
    expect(await sentenceFor(opening({ tokenizer: { path: join(folder, 'none.json'), maxTokens: 16 } }))).toContain(
      'expected a tokenizer.json',
    );
    expect(await sentenceFor(opening({ output: {} }))).toContain(
      'set teacher.output.pooling to Mean or First'.replace('set', 'Set'),
    );
  });
});
