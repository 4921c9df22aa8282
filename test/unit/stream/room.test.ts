/** Whose limit keeps a stream from being made, by the account's own figures. */
import { describe, expect, test } from '@jest/globals';

import { limitOf } from '../../../src/stream/errors/room.js';

describe('a code that the server has for the account and for itself', () => {
  test.each([
    ['no limit', null, 0, 2 ** 40, 'server'],
    ['room to spare', 100, 50, 50, 'server'],
    ['too little left', 100, 51, 50, 'account'],
    ['nothing at all', 0, 0, 1, 'account'],
  ] as const)('means, with %s in the account, what its figures say', (_, limitBytes, reservedBytes, wanted, limit) => {
    expect(limitOf({ limitBytes, reservedBytes }, wanted)).toBe(limit);
  });
});
