/** What a reader of results checks: the list of result files, and the digest of a student's weights. */
import { createHash } from 'node:crypto';

import { type NamedWeights, readResultSums, resultSumsText, weightsDigestParts } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { digestOf } from '../../../workers/checkpoint/index.js';

const sum = 'ab'.repeat(32);

describe('a list of result files', () => {
  test('is read as it was written', () => {
    const sums = new Map([
      ['model.json', sum],
      ['weights.bin', 'cd'.repeat(32)],
    ]);
    expect(readResultSums(resultSumsText(sums))).toEqual(sums);
    expect(readResultSums(`${sum} *model.json\n`)).toEqual(new Map([['model.json', sum]]));
  });

  test.each([
    ['without its last line end', `${sum}  model.json`],
    ['with a sum that is too short', `${sum.slice(1)}  model.json\n`],
    ['with a name that leads out of the folder', `${sum}  ../model.json\n`],
    ['with a file twice', `${sum}  model.json\n${sum}  model.json\n`],
    ['with a line of something else', `${sum}  model.json\nhello\n`],
  ])('%s is none', (_, text) => {
    expect(readResultSums(text)).toBeNull();
  });
});

describe('the digest of a student', () => {
  const weights: readonly NamedWeights[] = [
    { name: 'b', shape: [2], data: Float32Array.of(1, -2) },
    { name: 'a', shape: [1, 1], data: Float32Array.of(0.5) },
  ];

  test('is made of names, shapes and bits in the order of the names', () => {
    const parts = [...weightsDigestParts(weights)];
    expect(parts).toEqual([
      '["a",[1,1]]',
      Uint8Array.of(0, 0, 0, 0x3f),
      '["b",[2]]',
      Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0),
    ]);
  });

  test('is the SHA-256 of these in hex, whatever the order of the list', () => {
    const hash = createHash('sha256')
      .update('["a",[1,1]]')
      .update(Uint8Array.of(0, 0, 0, 0x3f));
    const wanted = hash
      .update('["b",[2]]')
      .update(Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0))
      .digest('hex');
    expect(digestOf(weights)).toBe(wanted);
    expect(digestOf([...weights].reverse())).toBe(wanted);
  });

  test('tells a renamed tensor and another shape of the same bits apart', () => {
    const [b, a] = weights;
    if (a === undefined || b === undefined) throw new Error('there are two');
    const digests = [weights, [b, { ...a, name: 'c' }], [{ ...b, shape: [1, 2] }, a], [b]].map((each) =>
      digestOf(each),
    );
    expect(new Set(digests).size).toBe(4);
  });
});
