/** Text of others on its way to a terminal: whatever it is, no character of it moves a cursor or forges a line. */
import { printable, printableJson, printableLines } from '@distillery/base';
import { deadItemSchema } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { conditions, events } from '../../../src/api/index.js';

/** What terminals act on, or what turns the text beside it around. */
const acting = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff\p{Cs}]/u;
const actingInLines = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff\p{Cs}]/u;

const hostile = fc.string({
  unit: fc.oneof(
    { weight: 3, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 0xa0 }).map((code) => String.fromCharCode(code)) },
    fc.integer({ min: 0xd800, max: 0xdfff }).map((code) => String.fromCharCode(code)),
    fc.constantFrom(
      '\u2028',
      '\u2029',
      '\u202e',
      '\u2066',
      '\ufeff',
      '\u001b[2J',
      '\u009b31m',
      '\u001b]0;x\u0007',
      '\r\n',
    ),
  ),
});

describe('any text', () => {
  test('becomes one line without a character that a terminal acts on', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(printable(text)).not.toMatch(acting);
        expect(printable(printable(text))).toBe(printable(text));
      }),
    );
  });

  test('of several lines keeps its line feeds and nothing else of the kind', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = printableLines(text);
        expect(shown).not.toMatch(actingInLines);
        expect(shown.split('\n')).toHaveLength(text.split('\n').length);
      }),
    );
  });

  test('in JSON stays the same value', () => {
    fc.assert(
      fc.property(fc.record({ text: hostile, ['k\u009b']: hostile }), (value) => {
        const json = printableJson(JSON.stringify(value));
        expect(json).not.toMatch(acting);
        expect(JSON.parse(json)).toEqual(value);
      }),
    );
  });

  test('as the last words of a worker is one harmless line of a status, an event and the telemetry', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const item = { shard: 0, step: 0, teacher: 't', deliveries: 1, error: text.slice(0, 2_000), item: null };
        for (const line of [
          conditions.failed.studentError(text).message,
          events.studentFailed(1, 6, text).message,
          events.workItemDead(1, text, text).message,
          deadItemSchema.parse(item).error,
        ]) {
          expect(line).not.toMatch(acting);
        }
      }),
    );
  });
});

test.each([
  ['a plain text', 'Äpfel für 3 € 👩\u200d🚀 – fertig', 'Äpfel für 3 € 👩\u200d🚀 – fertig'],
  ['a clearing of the screen', 'a\u001b[2Jb', 'a\\u001b[2Jb'],
  ['lines', 'a\r\nb\tc', 'a b c'],
  ['a text turned around', 'x\u202egpj.exe', 'x\\u202egpj.exe'],
])('%s is shown as a person can read it', (_, text, shown) => {
  expect(printable(text)).toBe(shown);
});
