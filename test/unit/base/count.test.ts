/** A number with its noun. */
import { count } from '@distillery/base';
import { expect, test } from '@jest/globals';

test.each([
  [0, '0 steps'],
  [1, '1 step'],
  [2, '2 steps'],
])('%i of a noun reads "%s"', (number, text) => {
  expect(count(number, 'step')).toBe(text);
});
