/** Bytes as fractions: the same bits whatever the way that they take. */
import { expect, test } from '@jest/globals';

import { writeFractions } from '../../../workers/data/fields/fractions.js';

/** All pairs of bytes. */
const bytes = Uint8Array.from({ length: 2 ** 17 }, (_, at) => (at % 2 === 0 ? at >> 9 : (at >> 1) & 255));

test.each([
  ['at even places', 0, 2, bytes.length],
  ['of an odd place in memory', 1, 2, 1_000],
  ['to an odd place in memory', 0, 3, 1_000],
  ['of an odd number', 0, 2, 999],
  ['none', 0, 2, 0],
])('bytes %s are divided by 255 and rounded once', (_, from, to, length) => {
  const part = bytes.subarray(from, from + length);
  const into = new Float32Array(to + length + 1).fill(7);
  writeFractions(part, into, to);
  expect(
    into.subarray(to, to + length).every((fraction, at) => Object.is(fraction, Math.fround((part[at] ?? -1) / 255))),
  ).toBe(true);
  expect([...into.subarray(0, to), into.at(-1)].every((value) => value === 7)).toBe(true);
});
