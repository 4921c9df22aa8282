/** What a tokenizer keeps of a text, by letters and digits. */
import { expect, test } from '@jest/globals';

import { readBack } from '../../../workers/inputs/read-back.js';

/** A tokenizer whose tokens say `decoded`; id 1 is the unknown token. */
const saying = (decoded: string, maxTokens = 99): Parameters<typeof readBack>[2] => ({
  unknownId: 1,
  maxTokens,
  decode: () => decoded,
});
const tokens = (...ids: number[]): Parameters<typeof readBack>[1] => ({ ids, typeIds: ids.map(() => 0) });

test.each<[string, string, string, number[], number]>([
  ['all of it', 'A bird, sings!', 'a bird , sings !', [5, 6, 7], 0],
  ['all but case, accents, spaces and signs', 'Déjà vu – 3 cafés', 'deja vu 3 cafes', [5, 6], 0],
  ['half of the letters', 'bird word', 'bird', [5], 0.5],
  ['none of it', 'bird', 'lens', [5], 1],
  ['half of its tokens', 'ab cd', 'abcd', [5, 1], 0.5],
  ['nothing of nothing', ' – ', '', [], 0],
])('keeps %s', (_title, text, decoded, ids, lost) => {
  expect(readBack(text, tokens(...ids), saying(decoded))).toEqual({ decoded: ids.length === 0 ? '' : decoded, lost });
});

test('of a text that was cut, its end is not lost, and foreign letters are', () => {
  expect(readBack('bird word', tokens(5, 6), saying('bird', 2)).lost).toBe(0);
  expect(readBack('bird song', tokens(5, 6), saying('bill', 2)).lost).toBe(0.5);
});
