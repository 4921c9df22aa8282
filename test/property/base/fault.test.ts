/** Any fault as a sentence, and any error on its way between threads. */
import { describe, expect, test } from '@jest/globals';
import { crossingOf, DistilleryError, type Fault, type Retry, revived, sentenceOf, within } from '@distillery/base';
import fc from 'fast-check';
import { anyCharacter } from '../../kit/characters.js';

const text = fc.string({ unit: anyCharacter });
const single: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ about: text, found: text, expected: text, remedy: text }),
  fc.record({ about: text, problem: text, remedy: text }),
);
const fault: fc.Arbitrary<Fault> = fc.oneof(single, fc.record({ faults: fc.array(single), remedy: text }));

class Sample extends DistilleryError {
  override readonly name = 'Sample';
  readonly kind = 'Sample';
  constructor(
    about: Fault,
    readonly retry: Retry,
    readonly row: number | null,
    readonly word: string,
  ) {
    super(about);
  }
}

describe('a sentence', () => {
  test('holds no character that a terminal acts on, and one line for each fault', () => {
    fc.assert(
      fc.property(fault, (any) => {
        const lines = sentenceOf(any).split('\n');
        expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/u);
        const most = 'faults' in any ? any.faults.length + 1 : 1;
        expect(lines.length).toBeLessThanOrEqual(Math.max(1, most));
      }),
    );
  });

  test('names the place that the fault was put into', () => {
    fc.assert(
      fc.property(single, (any) => {
        expect(sentenceOf(within('the place', any))).toMatch(/^the place: /);
      }),
    );
  });
});

describe('an error that crosses a thread', () => {
  test('is the same afterwards', () => {
    const retries = fc.constantFrom<Retry>('Never', 'Later', 'AfterSomebodyActs');
    fc.assert(
      fc.property(fault, retries, fc.option(fc.integer()), text, (about, retry, row, word) => {
        const error = new Sample(about, retry, row, word);
        const there = revived(structuredClone(crossingOf(error)));
        expect(there).toBeInstanceOf(DistilleryError);
        expect(there).toMatchObject({ name: 'Sample', kind: 'Sample', retry, row, word, fault: about });
        expect(there.message).toBe(error.message);
        expect(there.stack).toBe(error.stack);
      }),
    );
  });
});
