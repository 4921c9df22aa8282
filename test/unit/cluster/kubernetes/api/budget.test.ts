/** The client-side budget of requests. */
import { describe, expect, test } from '@jest/globals';

import { Budget } from '../../../../../src/cluster/kubernetes/api/budget.js';
import { FakeClock, settled } from '../../../../kit/clock.js';

describe('a budget of requests', () => {
  function bucket(qps: number, burst: number) {
    const clock = new FakeClock(1_000_000);
    const budget = new Budget({ qps, burst, clock });
    const taken: string[] = [];
    const take = (who: string, signal?: AbortSignal): void => {
      void budget.take(signal).then(() => taken.push(who));
    };
    return { clock, budget, taken, take };
  }

  test('lets a burst through at once, and then one after the other in order of arrival', async () => {
    const { clock, taken, take } = bucket(10, 2);
    for (const who of ['a', 'b', 'c', 'd']) take(who);
    await settled();
    expect(taken).toEqual(['a', 'b']);
    await clock.advance(99);
    expect(taken).toEqual(['a', 'b']);
    await clock.advance(1);
    expect(taken).toEqual(['a', 'b', 'c']);
    await clock.advance(100);
    expect(taken).toEqual(['a', 'b', 'c', 'd']);
  });

  test('never gives more than qps a second, besides the burst', async () => {
    const { clock, budget } = bucket(20, 5);
    let taken = 0;
    const loop = async (): Promise<void> => {
      for (;;) {
        await budget.take();
        taken += 1;
      }
    };
    for (let worker = 0; worker < 7; worker++) void loop();
    await settled();
    await clock.advance(10_000);
    expect(taken).toBeGreaterThanOrEqual(5 + 199);
    expect(taken).toBeLessThanOrEqual(5 + 200);
  });

  test('refills up to the burst', async () => {
    const { clock, taken, take } = bucket(10, 2);
    await clock.advance(3_600_000);
    for (const who of ['a', 'b', 'c']) take(who);
    await settled();
    expect(taken).toEqual(['a', 'b']);
  });

  test('returns the time waited', async () => {
    const { clock, budget } = bucket(4, 1);
    expect(await budget.take()).toBe(0);
    const waited = budget.take();
    await clock.advance(250);
    expect(await waited).toBe(250);
  });

  test('gives the token of an aborted wait to the next caller', async () => {
    const { clock, taken, take } = bucket(10, 1);
    const leaving = new AbortController();
    take('a');
    take('b', leaving.signal);
    await settled();
    leaving.abort();
    await settled();
    expect(taken).toEqual(['a', 'b']);
    take('c');
    await clock.advance(100);
    expect(taken).toEqual(['a', 'b', 'c']);
  });

  test('neither adds nor removes tokens when the clock of the machine is set back', async () => {
    let nowMs = 1_000_000;
    const clock = { now: () => nowMs, sleep: async () => Promise.resolve() };
    const budget = new Budget({ qps: 10, burst: 1, clock });
    expect(await budget.take()).toBe(0);
    nowMs -= 3_600_000;
    expect(await budget.take()).toBe(100);
  });

  test.each([
    [0, 5],
    [Number.NaN, 5],
    [10, 0],
  ])('is refused with qps %p and burst %p', (qps, burst) => {
    expect(() => new Budget({ qps, burst, clock: new FakeClock() })).toThrow(
      /qps must be above 0 and burst at least 1/,
    );
  });
});
