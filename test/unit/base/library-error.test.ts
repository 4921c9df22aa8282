import { expect, it } from '@jest/globals';
import fc from 'fast-check';

import { framesOf, librarySentence } from '../../../workers/base/library-error.js';
import { anyCharacter } from '../../kit/characters.js';

it.each([
  ['keeps the first line', new Error('No such op: Foo.\n  at somewhere'), 'No such op: Foo'],
  [
    'does not quote a model',
    new TypeError(`Improper config format: ${JSON.stringify({ className: 'x' })}.`),
    'Improper config format',
  ],
  ['does not quote a list of layers', new Error(`layers [["a",0,0]] are wrong`), 'layers'],
  ['keeps shapes', new Error('expected [null,2,3], got {1}'), 'expected [null,2,3], got {1}'],
  ['takes what is no error', 'a text', 'a text'],
  ['has words for an empty one', new Error(''), 'an error without a message'],
])('%s', (_, error, want) => {
  expect(librarySentence(error)).toBe(want);
});

it('is one line of at most 200 characters without control characters, whatever the library says', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter, maxLength: 2_000 }), (message) => {
      const sentence = librarySentence(new Error(message));
      expect(sentence.length).toBeLessThanOrEqual(200);
      expect(sentence).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      expect(sentence).not.toBe('');
    }),
  );
});

it('takes a message of megabytes without reading it all', () => {
  const message = `Improper config format: {"a":"${'x'.repeat(20_000_000)}"}`;
  expect(librarySentence(new Error(message))).toBe('Improper config format');
});

it('keeps of a stack the places alone', () => {
  const { stack = '' } = new Error('a message\nof two lines');
  expect(framesOf(stack)).not.toContain('message');
  expect(framesOf(stack)).toMatch(/^\s+at .*library-error/);
});
