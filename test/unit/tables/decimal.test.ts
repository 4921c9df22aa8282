import { expect, test } from '@jest/globals';

import { decimalOf, integerOf } from '../../../workers/tables/index.js';

test.each([
  ['1', 1],
  ['+1', 1],
  ['-0.5', -0.5],
  [' 3.25 ', 3.25],
  ['1.', 1],
  ['.5', 0.5],
  ['1e-3', 0.001],
  ['0.1', 0.1],
  ['9007199254740993', 9007199254740992],
  ['1e400', null],
  ['', null],
  [' ', null],
  ['0x10', null],
  ['Infinity', null],
  ['nan', null],
  ['1,5', null],
  ['1_000', null],
  ['--1', null],
  ['.', null],
  ['1e', null],
])('the text %j is the number %j', (text, want) => {
  expect(decimalOf(text)).toBe(want);
});

test.each([
  ['9007199254740993', 9007199254740993n],
  [' -5 ', -5n],
  ['+7', 7n],
  ['1.0', null],
  ['', null],
  ['1'.repeat(41), null],
])('the text %j is the integer %j', (text, want) => {
  expect(integerOf(text)).toBe(want);
});
