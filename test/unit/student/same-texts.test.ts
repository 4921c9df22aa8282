/** The student compares the texts of its data set with those of the reference answers. */
import { omit } from '@distillery/base';
import type { Reference } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import type { Samples, Split } from '../../../workers/samples/index.js';
import { readTexts } from '../../../workers/models/training.js';
import { checkSameTexts } from '../../../workers/student/same-texts.js';

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
const referenceOf = (texts: readonly string[], indices: readonly number[]): Reference => ({
  teacherDigest: '0123456789abcdef',
  columns: 1,
  indices: [...indices],
  logits: indices.map(() => [0]),
  texts: readTexts(textsOf(texts))!.map((read) => ({ read, decoded: read })),
});

describe('a student of texts', () => {
  test('trains with the texts of the teacher', async () => {
    const reference = referenceOf(['three', 'one'], [2, 0]);
    await expect(checkSameTexts(splitOf(['one', 'two', 'three']), reference)).resolves.toBeUndefined();
  });

  test.each<[string, readonly string[], string]>([
    ['another text', ['one', 'two', 'threE'], 'data set, sample 2: the text is not the one that the job'],
    ['fewer samples', ['one'], 'found 1 training samples, expected sample 2, which the job'],
  ])('does not train with %s than the teacher', async (_title, own, sentence) => {
    await expect(checkSameTexts(splitOf(own), referenceOf(['three', 'one'], [2, 0]))).rejects.toThrow(sentence);
  });

  test('trains where the teacher wrote no texts, and without a reference', async () => {
    const older = omit(referenceOf(['x'], [0]), 'texts');
    for (const found of [older, null]) {
      await expect(checkSameTexts(splitOf(['one']), found)).resolves.toBeUndefined();
    }
  });
});
