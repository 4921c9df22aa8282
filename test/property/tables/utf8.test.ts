/** Any bytes: where they stop being UTF-8, as the decoder of the platform sees it. */
import { isUtf8 } from 'node:buffer';

import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { firstInvalid, wholeCharacters } from '../../../workers/tables/text/utf8.js';
import { anyCharacter } from '../../kit/characters.js';

/** Bytes of letters of all lengths, and bytes that belong to none. */
const bytes = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', 'é', '日', '😀', '\n').map((text) => [...Buffer.from(text)]),
      fc.constantFrom(0x80, 0xbf, 0xc0, 0xc3, 0xe0, 0xed, 0xf0, 0xf4, 0xff).map((byte) => [byte]),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Uint8Array.from(parts.flat()));

test('the first invalid byte is the one before which all is text, and with which nothing is', () => {
  fc.assert(
    fc.property(bytes, (any) => {
      const place = firstInvalid(any);
      expect(place === null).toBe(isUtf8(any));
      if (place === null) return;
      expect(isUtf8(any.subarray(0, place))).toBe(true);
      // The decoder gives one replacement character for the bad byte or the longest bad start there, after what is sound.
      const sound = Buffer.from(any.subarray(0, place)).toString();
      expect(Buffer.from(any).toString().startsWith(`${sound}\ufffd`)).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});

test('a piece of text that ends within a character ends before it', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: anyCharacter }).filter((text) => text.isWellFormed()),
      fc.nat(),
      (text, cut) => {
        const all = Buffer.from(text);
        const piece = all.subarray(0, cut % (all.length + 1));
        const whole = wholeCharacters(piece);
        expect(isUtf8(piece.subarray(0, whole))).toBe(true);
        expect(piece.length - whole).toBeLessThan(4);
        expect(isUtf8(all.subarray(whole))).toBe(true);
      },
    ),
  );
});
