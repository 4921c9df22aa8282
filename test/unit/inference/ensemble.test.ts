/** @jest-environment ./test/unit/inference/environment.js */
import { join } from 'node:path';

import { sentenceOf } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { imageInputs, imageSamples, type Samples, type Split } from '../../../workers/samples/index.js';
import {
  type EnsembleSource,
  type Inference,
  LogitsError,
  ModelError,
  type ModelSource,
  openTeacher,
  selfTestAnswers,
  type TeacherSource,
} from '../../../workers/models/inference/index.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { tinyModelFiles, withModelFolder } from './tfjs-model.js';

const shape = [3, 4, 2];
const size = 24;
const images = (rows: number, factor = 1): Samples =>
  imageSamples(
    shape,
    Float32Array.from({ length: rows * size }, (_, at) => (factor * ((at * 5) % 9)) / 8),
  );
const model = (name: string, more: Partial<ModelSource> = {}): ModelSource => ({
  format: 'onnx',
  path: join(import.meta.dirname, 'fixtures', `${name}.onnx`),
  input: {},
  ...more,
});
type Member = EnsembleSource['members'][number];
const member = (name: string, source: ModelSource, weight = 1): Member => ({ name, weight, ...source });

const source = (first: ModelSource, ensemble?: EnsembleSource): TeacherSource => ({
  ...first,
  inputs: imageInputs(shape),
  threads: 1,
  ...(ensemble === undefined ? {} : { ensemble }),
});
const ensemble = (members: readonly Member[], more: Partial<EnsembleSource> = {}): EnsembleSource => ({
  mean: { of: 'Values' },
  weight: 1,
  members,
  ...more,
});

async function opened(teacher: TeacherSource): Promise<Inference> {
  const [onnx, tfjs] = [await openRuntime('auto', 'onnx'), await openRuntime('auto', 'tfjs-layers')];
  return openTeacher(teacher, (file) => (file.format === 'onnx' ? onnx : tfjs).openSession(file));
}

async function withTeacher<T>(teacher: TeacherSource, use: (inference: Inference) => Promise<T> | T): Promise<T> {
  const inference = await opened(teacher);
  try {
    return await use(inference);
  } finally {
    await inference.close();
  }
}

const answersOf = (teacher: TeacherSource, samples: Samples): Promise<number[]> =>
  withTeacher(teacher, async (inference) => [...(await inference.infer(samples))]);

async function refusal(teacher: TeacherSource): Promise<string> {
  const error = await opened(teacher).then(
    (inference) => inference.close().then(() => null),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ModelError);
  return sentenceOf((error as ModelError).fault);
}

/** Answers 12 numbers, or their first three. */
const kernel = Float32Array.from({ length: size * 3 }, (_, at) => (((at * 7) % 13) - 6) / 8);
const bias = Float32Array.of(0.5, -2, 1);

describe('an ensemble', () => {
  test('answers the weighted mean of its members, each read by its own settings and library', async () => {
    await withModelFolder(tinyModelFiles({ shape, kernel, bias }), async (path) => {
      const tfjs = model('', { format: 'tfjs-layers', path });
      const nchw = model('nchw', { output: { columns: [2, 1, 0] } });
      const [one, other] = [await answersOf(source(tfjs), images(5)), await answersOf(source(nchw), images(5))];
      const both = source(tfjs, ensemble([member('b', nchw, 3)], { weight: 1 }));
      const found = await answersOf(both, images(5));
      found.forEach((value, at) => expect(value).toBeCloseTo(0.25 * one[at]! + 0.75 * other[at]!, 4));
      expect(await answersOf(both, images(5))).toEqual(found);
    });
  });

  test('of one model twice answers as that model, up to a constant of each row', async () => {
    const nchw = model('nchw');
    const mean = { of: 'Softmax', temperature: 4 } as const;
    const alone = await answersOf(source(nchw), images(2));
    const twice = await answersOf(source(nchw, ensemble([member('b', nchw, 7)], { mean })), images(2));
    for (const row of [0, 3]) {
      const shift = twice[row]! - alone[row]!;
      for (const column of [0, 1, 2]) expect(twice[row + column]! - alone[row + column]!).toBeCloseTo(shift, 3);
    }
  });

  test('has a digest of its own, which every member, weight, setting, order and way of averaging decides', async () => {
    const digestOf = (teacher: TeacherSource): Promise<string> => withTeacher(teacher, ({ digestHex }) => digestHex);
    const [nchw, nhwc] = [model('nchw'), model('nhwc')];
    const teachers = [
      source(nchw),
      source(nchw, ensemble([member('b', nhwc)])),
      source(nhwc, ensemble([member('b', nchw)])),
      source(nchw, ensemble([member('b', nhwc, 2)])),
      source(nchw, ensemble([member('b', nhwc)], { weight: 2 })),
      source(nchw, ensemble([member('b', { ...nhwc, input: { scale: 2 } })])),
      source(nchw, ensemble([member('b', nhwc), member('c', nhwc)])),
      source(nchw, ensemble([member('b', nhwc)], { mean: { of: 'Softmax', temperature: 1 } })),
      source(nchw, ensemble([member('b', nhwc)], { mean: { of: 'Softmax', temperature: 4 } })),
      { ...source(nchw, ensemble([member('b', nhwc)])), dataIdentity: 'other data' },
    ];
    const digests: string[] = [];
    for (const teacher of teachers) digests.push(await digestOf(teacher));
    expect(new Set(digests).size).toBe(teachers.length);
    expect(await digestOf(source(nchw, ensemble([member('renamed', nhwc)])))).toBe(digests[1]);
  });

  test('says what was recognized of each member', async () => {
    await withTeacher(source(model('nchw'), ensemble([member('soft', model('softmax'))])), (inference) => {
      expect(inference.notes).toEqual([
        'member soft: the teacher answers probabilities (the operator Softmax ends the model); their logarithm is distilled',
      ]);
      expect(inference.description).toMatch(/^ensemble of 2, mean of numbers: /);
      expect(inference.description.length).toBeLessThanOrEqual(200);
    });
  });

  test('is refused where its members differ in width or in kind, and names both', async () => {
    const two = model('nchw', { output: { columns: [0, 1] } });
    expect(await refusal(source(model('nchw'), ensemble([member('b', two)])))).toBe(
      `model ${two.path}: found 2 columns in the answers of member b, expected 3, as teacher.model has (${two.path}). ` +
        'Select the same columns of each model with output.columns, or leave this model out.',
    );
    const embedding = model('nhwc', { output: { kind: 'Embedding' } });
    expect(await refusal(source(model('nchw'), ensemble([member('b', embedding)])))).toContain(
      'found answers of kind Embedding, expected Logits, as teacher.model has',
    );
  });

  test('names the setting of the member that is wrong', async () => {
    const wrong = model('nchw', { output: { columns: [7] } });
    expect(await refusal(source(model('nchw'), ensemble([member('a', model('nhwc')), member('b', wrong)])))).toContain(
      'Correct teacher.ensemble.members[1].output.columns',
    );
  });

  test('names the member that answers no number', async () => {
    await withTeacher(source(model('nchw'), ensemble([member('b', model('log'))])), async (inference) => {
      const error = await inference.infer(images(2, -1)).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(LogitsError);
      expect((error as LogitsError).message).toMatch(/^logits of member b: found (NaN|-Infinity) in row/);
    });
  });

  test('does not pass the self-test with a member that answers the same for all samples', async () => {
    const flat = tinyModelFiles({ shape, kernel: new Float32Array(size * 3), bias });
    const split = {
      length: 4,
      spec: { inputs: imageInputs(shape) },
      read: (indices: readonly number[]) => Promise.resolve(images(indices.length)),
    };
    await withModelFolder(flat, async (path) => {
      const constant = model('', { format: 'tfjs-layers', path });
      const found = await withTeacher(source(model('nchw'), ensemble([member('b', constant)])), (inference) =>
        selfTestAnswers(inference, split as unknown as Split, 1e6),
      );
      expect(found.ok).toBe(false);
      expect(found.ok ? '' : sentenceOf(found.fault)).toContain(
        "self-test: the ensemble's member b gives the same answer for all of the first 4 training samples",
      );
      const alone = await withTeacher(source(model('nchw')), (inference) =>
        selfTestAnswers(inference, split as unknown as Split, 1e6),
      );
      expect(alone.ok).toBe(true);
    });
  });
});
