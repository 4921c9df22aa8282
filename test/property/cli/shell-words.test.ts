/** Whatever a word holds, a POSIX shell reads it back from what is printed. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

import { printable } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { shellCommand, shellWord } from '../../../src/cli/shared/shell-words.js';
import { anyCharacter } from '../../kit/characters.js';

const special = [
  ...Array.from(' \t\n\r\'"`$\\!*?[]{}()<>|&;#~=%^-'),
  '\u001b',
  '\u202e',
  '\ufeff',
  '\u0085',
  'é',
  '🦜',
  'a',
  '7',
];
/** What an argument of a process can be: no NUL, no half of a surrogate pair. */
const word = fc.oneof(
  fc.string({ unit: fc.constantFrom(...special), maxLength: 12 }),
  fc
    .string({ unit: anyCharacter, maxLength: 12 })
    .filter((text) => !text.includes('\0') && Buffer.from(text).toString() === text),
);
const shells = ['/bin/sh', '/bin/bash', '/bin/dash'].filter((shell) => existsSync(shell));

/** The words that the shell makes of a text. */
function readBy(shell: string, text: string): string[] {
  return execFileSync(shell, ['-c', `printf '%s\\0' ${text}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);
}

describe.each(shells)('%s', (shell) => {
  test('reads back every word of a command', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
        expect(readBy(shell, shellCommand(words))).toEqual(words);
      }),
      { numRuns: 100 },
    );
  });
});

test('a command reaches a terminal as it is', () => {
  fc.assert(
    fc.property(word, (text) => {
      expect(printable(shellWord(text))).toBe(shellWord(text));
    }),
  );
});

test.each([
  ['/runs/mnist-20261124-101500', '/runs/mnist-20261124-101500'],
  ['/my runs/a', "'/my runs/a'"],
  ["it's", "'it'\\''s'"],
  ['', "''"],
  ['$HOME', "'$HOME'"],
  ['a\nb', '"$(printf \'a\\012b\')"'],
])('%j is written %s', (text, want) => {
  expect(shellWord(text)).toBe(want);
});
