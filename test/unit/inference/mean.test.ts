/** Averages of several models' answers, against the definitions in float64. */
import { describe, expect, test } from '@jest/globals';

import { meanFor, meanOf, type Mean, type Weighed } from '../../../workers/models/inference/mean.js';

const columns = 3;
const first = Float32Array.of(2, -1, 0.5, 30, 0, -30);
const second = Float32Array.of(0, 1, 4, -3, 2, 5);
const members: readonly Weighed[] = [
  { weight: 1, logits: first },
  { weight: 3, logits: second },
];

const softmax = (row: readonly number[], temperature: number): number[] => {
  const powers = row.map((value) => Math.exp(value / temperature));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
};
const rowsOf = (values: Float32Array): number[][] => [0, columns].map((at) => [...values.subarray(at, at + columns)]);
const mixed = (of: (row: number[]) => number[]): number[][] => {
  const [one, other] = [rowsOf(first).map(of), rowsOf(second).map(of)];
  return one.map((row, at) => row.map((value, column) => 0.25 * value + 0.75 * (other[at]?.[column] ?? NaN)));
};
const closeRows = (found: number[][], wanted: number[][]): void => {
  found.flat().forEach((value, at) => expect(value).toBeCloseTo(wanted.flat()[at] ?? NaN, 5));
};

describe('the mean', () => {
  test.each([1, 4])('of probabilities is that of the soft targets at temperature %d', (temperature) => {
    const answer = meanOf({ of: 'Softmax', temperature }, members, columns);
    closeRows(
      rowsOf(answer).map((row) => softmax(row, temperature)),
      mixed((row) => softmax(row, temperature)),
    );
  });

  test.each([1, 4])('of sigmoids is that of the soft targets at temperature %d', (temperature) => {
    const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value / temperature));
    const answer = meanOf({ of: 'Sigmoid', temperature }, members, columns);
    closeRows(
      rowsOf(answer).map((row) => row.map(sigmoid)),
      mixed((row) => row.map(sigmoid)),
    );
  });

  test('of numbers is their weighted mean', () => {
    closeRows(
      rowsOf(meanOf({ of: 'Values' }, members, columns)),
      mixed((row) => row),
    );
  });

  test('of directions counts each vector with length 1, and a row of zeros not at all', () => {
    const unit = (row: number[]): number[] => row.map((value) => value / Math.hypot(...row));
    closeRows(rowsOf(meanOf({ of: 'Directions' }, members, columns)), mixed(unit));
    const zeros = { weight: 1, logits: new Float32Array(3) };
    const one = { weight: 1, logits: Float32Array.of(0, 3, 4) };
    [0, 0.3, 0.4].forEach((wanted, at) =>
      expect(meanOf({ of: 'Directions' }, [zeros, one], 3)[at]).toBeCloseTo(wanted, 6),
    );
  });

  test.each<Mean>([
    { of: 'Softmax', temperature: 0.5 },
    { of: 'Sigmoid', temperature: 0.5 },
  ])('by $of is finite for logits of any size, and depends on the ratio of the weights alone', (mean) => {
    const far = (sign: number): Float32Array => Float32Array.of(sign * 3e4, 0, -sign * 3e4);
    const answers = [1, 1e6].map((factor) =>
      meanOf(
        mean,
        [
          { weight: factor, logits: far(1) },
          { weight: 3 * factor, logits: far(-1) },
        ],
        3,
      ),
    );
    expect([...answers[0]!].every(Number.isFinite)).toBe(true);
    answers[0]!.forEach((value, at) => expect(value).toBeCloseTo(answers[1]![at]!, 3));
  });
});

test('what is averaged follows from the loss', () => {
  expect(meanFor('KL', 4)).toEqual({ of: 'Softmax', temperature: 4 });
  expect(meanFor('BinaryCrossEntropy', 2)).toEqual({ of: 'Sigmoid', temperature: 2 });
  expect(meanFor('MSE', 4)).toEqual({ of: 'Values' });
  expect(meanFor('Cosine', 4)).toEqual({ of: 'Directions' });
});
