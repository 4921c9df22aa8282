/** The student compares the texts of its data set with those of the reference answers, once, at the first logits. */
import { omit } from '@distillery/base';
import type { Reference } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import type { Samples, Split } from '../../../workers/data/index.js';
import { readTexts } from '../../../workers/models/training.js';
import { checkingTexts } from '../../../workers/student/same-texts.js';
import { labelsAlone, type LogitsSupply, type TakenLogits } from '../../../workers/student/supply.js';

const textsOf = (data: readonly string[]): Samples => ({
  count: data.length,
  inputs: { body: { dtype: 'text', shape: [data.length], data }, title: { dtype: 'text', shape: [data.length], data } },
});
const splitOf = (texts: readonly string[], dtype = 'text'): Split =>
  ({
    length: texts.length,
    spec: { inputs: { body: { dtype, shape: [] }, title: { dtype, shape: [] } } },
    read: (indices: readonly number[]) => Promise.resolve(textsOf(indices.map((at) => texts[at] ?? ''))),
  }) as unknown as Split;
const supplyOf = (...taken: TakenLogits[]): LogitsSupply => ({
  ...labelsAlone(),
  take: () => Promise.resolve(taken.shift() ?? 'stopped'),
});
const logits: TakenLogits = { logits: Float32Array.of(1), bytes: 4, isSkipped: false };
const skipped: TakenLogits = { logits: null, bytes: 0, isSkipped: true };
const referenceOf = (texts: readonly string[], indices: readonly number[]): Reference => ({
  teacherDigest: '0123456789abcdef',
  columns: 1,
  indices: [...indices],
  logits: indices.map(() => [0]),
  texts: readTexts(textsOf(texts))!.map((read) => ({ read, decoded: read })),
});

describe('a student of texts', () => {
  test('asks for the reference once, and not for a step without logits', async () => {
    let asked = 0;
    const supply = checkingTexts(supplyOf(skipped, logits, logits), splitOf(['one', 'two', 'three']), () => {
      asked += 1;
      return Promise.resolve(referenceOf(['three', 'one'], [2, 0]));
    });
    expect(await supply.take(0)).toBe(skipped);
    expect(asked).toBe(0);
    expect(await supply.take(1)).toBe(logits);
    expect(await supply.take(2)).toBe(logits);
    expect(await supply.take(3)).toBe('stopped');
    expect(asked).toBe(1);
  });

  test.each<[string, readonly string[], string]>([
    ['another text', ['one', 'two', 'threE'], 'data set, sample 2: the text is not the one that the job'],
    ['fewer samples', ['one'], 'found 1 training samples, expected sample 2, which the job'],
  ])('does not train with %s than the teacher', async (_title, own, sentence) => {
    const supply = checkingTexts(supplyOf(logits, logits), splitOf(own), () =>
      Promise.resolve(referenceOf(['three', 'one'], [2, 0])),
    );
    await expect(supply.take(0)).rejects.toThrow(sentence);
    await expect(supply.take(1)).rejects.toThrow(sentence);
  });

  test('trains where the teacher wrote no texts, and without a reference', async () => {
    const older = omit(referenceOf(['x'], [0]), 'texts');
    for (const found of [older, null]) {
      const supply = checkingTexts(supplyOf(logits), splitOf(['one']), () => Promise.resolve(found));
      expect(await supply.take(0)).toBe(logits);
    }
  });

  test('is the only one that compares', () => {
    const supply = supplyOf(logits);
    expect(checkingTexts(supply, splitOf([], 'float32'), () => Promise.reject(new Error('asked')))).toBe(supply);
  });
});
