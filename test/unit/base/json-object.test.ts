/** What counts as an object of JSON. */
import { expect, test } from '@jest/globals';
import { isJsonObject } from '@distillery/base';

test.each([
  [{}, true],
  [{ a: [1] }, true],
  [[], false],
  [[{ a: 1 }], false],
  [null, false],
  [undefined, false],
  ['{}', false],
  [1, false],
])('%j: %j', (value, expected) => {
  expect(isJsonObject(value)).toBe(expected);
});
