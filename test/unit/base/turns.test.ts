/** Turns: so many at a time, in the order in which they came, whatever becomes of each. */
import { Turns } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

describe('turns', () => {
  test('let so many at a time work, none more, and every one of them in its order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.boolean(), { maxLength: 20 }),
        async (most, fates) => {
          const turns = new Turns(most);
          const begun: number[] = [];
          let working = 0;
          let peak = 0;
          const work = fates.map((succeeds, at) =>
            turns.run(async () => {
              begun.push(at);
              working += 1;
              peak = Math.max(peak, working);
              await new Promise((resolve) => setImmediate(resolve));
              working -= 1;
              if (!succeeds) throw new Error(String(at));
              return at;
            }),
          );
          const ends = await Promise.allSettled(work);
          expect(ends.map(({ status }) => status === 'fulfilled')).toEqual(fates);
          expect(begun).toEqual(fates.map((_, at) => at));
          expect(peak).toBe(Math.min(most, fates.length));
        },
      ),
    );
  });
});
