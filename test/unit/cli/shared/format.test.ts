/** Numbers as people read them. */
import { describe, expect, test } from '@jest/globals';

import { accuracy, bytes, duration } from '../../../../src/cli/shared/format.js';

describe('a figure', () => {
  test.each([
    [0, '0:00'],
    [0.4, '0:00'],
    [59.6, '1:00'],
    [61, '1:01'],
    [3_599.6, '1:00:00'],
    [3_661, '1:01:01'],
    [360_000, '100:00:00'],
    [-3, '0:00'],
  ])('of %d seconds is %s', (seconds, want) => {
    expect(duration(seconds)).toBe(want);
  });

  test.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KiB'],
    [10_240, '10 KiB'],
    [187_392, '183 KiB'],
    [5.5 * 1024 ** 2, '5.5 MiB'],
    [2 * 1024 ** 3, '2.0 GiB'],
    [3_000 * 1024 ** 4, '3000 TiB'],
  ])('of %d bytes is %s', (value, want) => {
    expect(bytes(value)).toBe(want);
  });

  test.each([
    [null, '–'],
    [0, '0.00 %'],
    [0.97314, '97.31 %'],
    [1, '100.00 %'],
  ])('of accuracy %p is %s', (value, want) => {
    expect(accuracy(value)).toBe(want);
  });
});
