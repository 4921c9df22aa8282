/** Waits between attempts. */
import { randomFrom } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { Backoff } from '../../../../../src/cluster/kubernetes/watch/backoff.js';

describe('a backoff', () => {
  const backoff = (): Backoff =>
    new Backoff({ firstMs: 100, longestMs: 1_000, healthyMs: 5_000, random: randomFrom(1) });

  test('doubles up to its limit, each wait spread over its upper half', () => {
    const waits = backoff();
    let nowMs = 1_000;
    for (const step of [100, 200, 400, 800, 1_000, 1_000, 1_000]) {
      const waitMs = waits.next(nowMs);
      expect(waitMs).toBeGreaterThanOrEqual(step / 2);
      expect(waitMs).toBeLessThanOrEqual(step);
      nowMs += waitMs + 10;
    }
  });

  test('starts over after a time without failures, counted from the end of the last wait', () => {
    const waits = backoff();
    let nowMs = 1_000;
    for (let time = 0; time < 5; time++) nowMs += waits.next(nowMs);
    expect(waits.next(nowMs + 4_999)).toBeGreaterThanOrEqual(500);
    nowMs += 4_999 + 1_000;
    expect(waits.next(nowMs + 5_000)).toBeLessThanOrEqual(100);
  });
});
