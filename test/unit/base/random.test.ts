/** The generator: against published values of its parts, and the promises that the schedule is built on. */
import { mix32, randomFrom, seedOf } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

describe('mix32', () => {
  test.each([
    [0, 0],
    [1, 0x514e_28b7],
    [0xffff_ffff, 0x81f1_6f39],
  ])('is the published finalizer of MurmurHash3: %p', (value, want) => {
    expect(mix32(value)).toBe(want);
  });

  test('takes its input modulo 2^32', () => {
    expect(mix32(2 ** 32 + 1)).toBe(mix32(1));
    expect(mix32(-1)).toBe(mix32(0xffff_ffff));
  });
});

describe('seedOf', () => {
  test('gives an unsigned 32-bit integer that depends on the order and on every part', () => {
    const seeds = [seedOf(), seedOf(0), seedOf(0, 0), seedOf(1, 2), seedOf(2, 1), seedOf(1, 2, 3)];
    expect(new Set(seeds).size).toBe(seeds.length);
    for (const seed of seeds) expect(seed).toBe(seed >>> 0);
  });
});

describe('a stream of random numbers', () => {
  test('is the generator sfc32 written in plain 64-bit arithmetic', () => {
    const mask = 0xffff_ffffn;
    const first = BigInt(mix32(99));
    const second = BigInt(mix32(Number((first + 0x9e37_79b9n) & mask)));
    const state = { a: first, b: second, c: BigInt(mix32(Number((second + 0x9e37_79b9n) & mask))), counter: 1n };
    const next = (): bigint => {
      const out = (state.a + state.b + state.counter) & mask;
      state.counter = (state.counter + 1n) & mask;
      state.a = state.b ^ (state.b >> 9n);
      state.b = (state.c + (state.c << 3n)) & mask;
      state.c = ((((state.c << 21n) & mask) | (state.c >> 11n)) + out) & mask;
      return out;
    };
    for (let round = 0; round < 12; round++) next();
    const random = randomFrom(99);
    for (let draw = 0; draw < 10_000; draw++) expect(random.uint32()).toBe(Number(next()));
  });

  test('repeats its numbers for an equal seed and differs for another', () => {
    const draws = (seed: number): number[] => {
      const random = randomFrom(seed);
      return Array.from({ length: 4 }, () => random.uint32());
    };
    expect(draws(7)).toEqual(draws(7));
    expect(draws(7)).not.toEqual(draws(8));
  });

  test('unit() stays in [0, 1) with the mean of a uniform', () => {
    const random = randomFrom(3);
    let sum = 0;
    for (let draw = 0; draw < 100_000; draw++) {
      const value = random.unit();
      expect(value >= 0 && value < 1).toBe(true);
      sum += value;
    }
    // Five standard deviations of the mean of 100,000 uniforms: the seed is fixed, so this never flickers.
    expect(Math.abs(sum / 100_000 - 0.5)).toBeLessThan((5 * Math.sqrt(1 / 12)) / Math.sqrt(100_000));
  });

  test.each([2, 3, 10, 97])('below(%p) draws every result about equally often', (bound) => {
    const random = randomFrom(bound);
    const draws = 20_000;
    const counts = new Array<number>(bound).fill(0);
    for (let draw = 0; draw < draws; draw++) counts[random.below(bound)]! += 1;
    const expected = draws / bound;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // Mean bound − 1, variance 2 (bound − 1): six standard deviations.
    expect(chiSquare).toBeLessThan(bound - 1 + 6 * Math.sqrt(2 * (bound - 1)));
  });

  test('below() of two thirds of the range does not favor small results, as a bare remainder would', () => {
    const bound = 0xaaaa_aaab;
    const random = randomFrom(1);
    let low = 0;
    for (let draw = 0; draw < 20_000; draw++) if (random.below(bound) < bound / 2) low++;
    // A bare remainder gives the lower half two thirds of the draws.
    expect(Math.abs(low / 20_000 - 0.5)).toBeLessThan(0.02);
  });

  test.each([0, -1, 1.5, NaN, Infinity, 2 ** 32 + 1])(
    'below(%p) is refused instead of drawing without end',
    (bound) => {
      expect(() => randomFrom(1).below(bound)).toThrow(RangeError);
    },
  );
});
