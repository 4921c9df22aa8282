/** @jest-environment ./test/unit/inference/environment.js */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { omit, sentenceOf } from '@distillery/base';
import { type Reference, referenceSchema } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { Samples, Split } from '../../../workers/samples/index.js';
import { InputError } from '../../../workers/inputs/index.js';
import {
  compareWithReference,
  type Inference,
  type InferenceSource,
  openTeacher,
  selfTestAnswers,
} from '../../../workers/models/inference/index.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { constant, type GraphFiles, graphFiles, node, placeholder } from './graph-model.js';
import { withModelFolder } from './tfjs-model.js';
import { specialTokens, wordTokenizer } from '../../kit/tokenizer.js';

const words = [...specialTokens, 'a', 'bird', 'sings', 'sample', 'word'];
const texts = ['A bird sings', 'bird', 'a word', 'sings a bird', 'a sample', 'Word', 'sample word', 'sings'];

let folder = '';
const files = new Map<string, string>();
const tokenizer = async (name: string, vocabulary: readonly string[]): Promise<string> => {
  const path = join(folder, `${name}.json`);
  await writeFile(path, wordTokenizer(vocabulary));
  files.set(name, path);
  return path;
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-texts-'));
  await tokenizer('own', words);
  // As many words, in another order: the digest and the shapes alone would not show which one is wrong.
  await tokenizer('swapped', words.toSpliced(4, 2, 'bird', 'a'));
  await tokenizer('fewer', words.toSpliced(7));
  await tokenizer('foreign', [...specialTokens, 'one', 'two', 'three', 'four', 'five']);
  await tokenizer('larger', [...words, 'more']);
});
afterAll(() => rm(folder, { recursive: true }));

const splitOf = (of: readonly string[]): Split =>
  ({
    length: of.length,
    spec: { inputs: { sentence: { dtype: 'text', shape: [], kind: 'plain' } }, target: null, positions: 1 },
    read: (indices: readonly number[]): Promise<Samples> =>
      Promise.resolve({
        count: indices.length,
        inputs: { sentence: { dtype: 'text', shape: [indices.length], data: indices.map((index) => of[index] ?? '') } },
      }),
  }) as unknown as Split;
const split = splitOf(texts);

const source = (name: string, more: Partial<InferenceSource> = {}): InferenceSource => ({
  format: 'onnx',
  path: join(import.meta.dirname, 'fixtures/embedding.onnx'),
  input: {},
  inputs: { sentence: { dtype: 'text', shape: [], kind: 'plain' } },
  tokenizer: { path: files.get(name) ?? name, maxTokens: 16 },
  threads: 1,
  ...more,
});

async function withTeacher<T>(opening: InferenceSource, use: (teacher: Inference) => Promise<T>): Promise<T> {
  const runtime = await openRuntime('auto', opening.format);
  const teacher = await openTeacher(opening, (file) => runtime.openSession(file));
  try {
    return await use(teacher);
  } finally {
    await teacher.close();
  }
}

/** Four teachers of one batch are alike only if they fill their texts alike: the fixture counts filling, so one by one. */
const steady = (teacher: Inference): Inference => ({
  ...teacher,
  infer: async (samples) => {
    const rows: number[] = [];
    const { data = [] } = samples.inputs.sentence ?? {};
    for (const text of data as readonly string[]) {
      const one: Samples = { count: 1, inputs: { sentence: { dtype: 'text', shape: [1], data: [text] } } };
      rows.push(...(await teacher.infer(one)));
    }
    return Float32Array.from(rows);
  },
});

const referenceOf = (name: string): Promise<Reference> =>
  withTeacher(source(name), async (teacher) => {
    const own = await selfTestAnswers(steady(teacher), split, 1e-3);
    if (!own.ok) throw new Error(sentenceOf(own.fault));
    expect(own.notes).toEqual([]);
    return referenceSchema.parse(JSON.parse(JSON.stringify(own.reference)));
  });

describe('the self-test of a teacher of texts', () => {
  test('writes digests of what was read and of what the tokens say, and no text', async () => {
    const reference = await referenceOf('own');
    expect(reference.texts).toHaveLength(8);
    expect(JSON.stringify(reference)).not.toMatch(/bird/i);
    // "Word" and "word" differ where they are read, and not in their tokens.
    expect(new Set(reference.texts?.map(({ read }) => read)).size).toBe(8);
    expect(new Set(reference.texts?.map(({ decoded }) => decoded)).size).toBe(8);
  });

  test('passes with the same tokenizer, and with a reference of a release that wrote no texts', async () => {
    const older = omit(await referenceOf('own'), 'texts');
    await withTeacher(source('own'), async (teacher) => {
      for (const reference of [await referenceOf('own'), older]) {
        expect(await compareWithReference(steady(teacher), split, reference, 1e-3)).toEqual({
          ok: true,
          largestDifference: 0,
        });
      }
    });
  });

  test.each([
    ['fewer words', 'fewer', "the tokens do not say the same text as those of the job's first teacher"],
    ['the words in another order', 'swapped', 'found model'],
  ])('refuses a later teacher whose tokenizer.json has %s', async (_title, name, sentence) => {
    const reference = await referenceOf('own');
    const found = await withTeacher(source(name), (teacher) =>
      compareWithReference(steady(teacher), split, reference, 1e6),
    );
    expect(found.ok ? '' : sentenceOf(found.fault)).toContain(sentence);
  });

  test('refuses a later teacher that reads another text, and names the sample', async () => {
    const reference = await referenceOf('own');
    const found = await withTeacher(source('own'), (teacher) =>
      compareWithReference(steady(teacher), splitOf(texts.toSpliced(3, 1, 'sings a Bird')), reference, 1e6),
    );
    expect(found.ok ? '' : sentenceOf(found.fault)).toBe(
      "self-test, sample 3: the text is not the one that the job's first teacher read. " +
        'Give every worker the same data set.',
    );
  });

  test('refuses the first teacher where its tokenizer knows few of the words', async () => {
    const found = await withTeacher(source('foreign'), (teacher) => selfTestAnswers(steady(teacher), split, 1e-3));
    expect(found).toMatchObject({ ok: false, reason: 'texts' });
    expect(found.ok ? '' : sentenceOf(found.fault)).toMatch(
      /^self-test: the tokens of the teacher do not hold \d+ % of the first 8 texts\. Name the tokenizer\.json that belongs/,
    );
  });

  test('warns where it lacks some', async () => {
    const some = splitOf(texts.map((text, at) => (at % 2 === 0 ? `${text} zebra` : text)));
    const found = await withTeacher(source('own'), (teacher) => selfTestAnswers(steady(teacher), some, 1e-3));
    expect(found.ok && found.notes[0]).toMatch(
      /^self-test: the tokens of the teacher do not hold \d+ % of the first 8/,
    );
  });
});

describe('a tokenizer with more tokens than the model knows', () => {
  const refusalOf = async (opening: InferenceSource): Promise<string> => {
    const error = await withTeacher(opening, () => Promise.resolve(null)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InputError);
    return sentenceOf((error as InputError).fault);
  };
  const sentence =
    /found a tokenizer of 10 tokens, expected at most 9, as the model knows for its input \w+\. Set teacher\.tokenizer\.uri/;

  test('is refused for an ONNX file', async () => {
    expect(await refusalOf(source('larger'))).toMatch(sentence);
  });

  test('is refused for a tfjs layers model', async () => {
    const layer = (className: string, config: object): object => ({ class_name: className, config });
    const json = {
      modelTopology: layer('Sequential', {
        name: 'words',
        layers: [
          layer('Embedding', {
            name: 'table',
            input_dim: 9,
            output_dim: 2,
            batch_input_shape: [null, 4],
          }),
          layer('GlobalAveragePooling1D', { name: 'mean' }),
        ],
      }),
      weightsManifest: [{ paths: ['w.bin'], weights: [{ name: 'table/embeddings', shape: [9, 2], dtype: 'float32' }] }],
    };
    const bytes = new Uint8Array(Float32Array.from({ length: 18 }, (_, at) => at / 8).buffer);
    await withModelFolder({ 'model.json': JSON.stringify(json), 'w.bin': bytes }, async (path) => {
      expect(await refusalOf(source('larger', { format: 'tfjs-layers', path }))).toMatch(sentence);
      await withTeacher(source('own', { format: 'tfjs-layers', path }), (teacher) => {
        expect(teacher.notes).toEqual([]);
        return Promise.resolve();
      });
    });
  });

  test('is refused for a tfjs graph model', async () => {
    const int = { type: 'DT_INT32' };
    const ids = placeholder('ids', -1, 4);
    const graph: GraphFiles = {
      nodes: [
        { ...ids, attr: { ...ids.attr, dtype: int } },
        constant('table'),
        constant('axis'),
        { name: 'rows', op: 'GatherV2', input: ['table', 'ids', 'axis'], attr: { Tparams: { type: 'DT_FLOAT' } } },
        { ...node('sum', 'Sum', 'rows', 'along'), attr: { keep_dims: { b: false } } },
        constant('along'),
      ],
      weights: [
        { name: 'table', shape: [9, 2], values: Array.from({ length: 18 }, (_, at) => at / 8) },
        { name: 'axis', shape: [], values: [0], dtype: 'int32' },
        { name: 'along', shape: [1], values: [1], dtype: 'int32' },
      ],
      inputs: { tokens: 'ids:0' },
      outputs: { logits: 'sum:0' },
    };
    await openRuntime('auto', 'tfjs-graph');
    await withModelFolder(await graphFiles(graph), async (path) => {
      expect(await refusalOf(source('larger', { format: 'tfjs-graph', path }))).toMatch(sentence);
      await withTeacher(source('own', { format: 'tfjs-graph', path }), async (teacher) => {
        const { inputs } = await split.read([1]);
        // [CLS] bird [SEP] [PAD]: rows 2, 5, 3 and 0 of the table.
        expect([...(await teacher.infer({ count: 1, inputs }))]).toEqual([20 / 8, 24 / 8]);
      });
    });
  });
});
