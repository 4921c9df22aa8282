/** A map that keeps what was used last. */
import { RecentMap } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

type Step = readonly [does: 'get' | 'set' | 'delete', key: number];

const steps = fc.array(fc.tuple(fc.constantFrom('get', 'set', 'delete'), fc.integer({ min: 0, max: 6 })));

/** The same map as a list, the key that was used last at the end. */
function used(limit: number, all: readonly Step[]): number[] {
  let order: number[] = [];
  for (const [does, key] of all) {
    const known = order.includes(key);
    if (does === 'get' && !known) continue;
    order = order.filter((other) => other !== key);
    if (does !== 'delete') order.push(key);
    order = order.slice(-limit);
  }
  return order;
}

describe('a map with a limit', () => {
  test('holds the keys that were read or set last, and no more than the limit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), steps, (limit, all) => {
        const map = new RecentMap<number, string>(limit);
        for (const [does, key] of all) {
          if (does === 'get') map.get(key);
          else if (does === 'set') map.set(key, `value ${String(key)}`);
          else map.delete(key);
        }
        const expected = used(limit, all);
        expect(map.size).toBe(expected.length);
        for (let key = 0; key <= 6; key++) {
          expect(map.get(key)).toBe(expected.includes(key) ? `value ${String(key)}` : undefined);
        }
      }),
    );
  });

  test('replaces the value of a key that it holds', () => {
    const map = new RecentMap<string, number>(2);
    map.set('a', 1);
    map.set('a', 2);
    expect([map.size, map.get('a')]).toEqual([1, 2]);
  });
});
