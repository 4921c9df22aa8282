/** What `npm run bench -- --compare` says. */
import { describe, expect, test } from '@jest/globals';

import { comparisonText, type SavedTable, slowerThan } from '../../bench/compare.js';
import { slopeOf } from '../../bench/native/endurance.js';
import { possibleSpeedup } from '../../bench/speedup.js';
import { rateOf } from '../../bench/steps.js';

const machine = { cores: 2, cpu: 'A', node: 'v24.0.0', load: 0.5 };

/** Two runtimes of one model, and another model. */
function tableOf(speeds: readonly (number | string)[], more: Partial<SavedTable> = {}): SavedTable {
  const rows = ['wasm', 'native', 'wasm'].map((runtime, at) => ({
    model: at === 2 ? 'large' : 'small',
    runtime,
    'samples/s': speeds[at] ?? '',
    'ms/step': 10,
  }));
  return { name: 'trainer', goal: '', better: { 'samples/s': 'more', 'ms/step': 'less' }, rows, machine, ...more };
}

describe('a comparison', () => {
  test('names the figures that got worse by more than the tolerance, the worst first', () => {
    expect(slowerThan(tableOf([100, '1,000', 50]), tableOf([96, '500', 40]), 0.05)).toEqual([
      { row: 'small, native', column: 'samples/s', before: 1_000, now: 500, worse: 0.5 },
      { row: 'large, wasm', column: 'samples/s', before: 50, now: 40, worse: 0.2 },
    ]);
  });

  test('leaves out what got better, and what only one run has', () => {
    const before = tableOf([100, 1_000, 50]);
    expect(slowerThan(before, tableOf([200, 2_000, '']), 0.05)).toEqual([]);
    expect(slowerThan({ ...before, rows: [] }, tableOf([1, 1, 1]), 0.05)).toEqual([]);
  });

  test('says so when the machine is another one or was busy', () => {
    const now = tableOf([100, 1_000, 50], { machine: { ...machine, node: 'v25.0.0', load: 30 } });
    expect(comparisonText(tableOf([100, 1_000, 50]), now, 0.05)).toBe(
      'trainer: nothing got slower [another machine (node v24.0.0, now v25.0.0); this run had a load of 30.0 on 2 cores]',
    );
    expect(comparisonText(null, now, 0.05)).toContain('no baseline');
    expect(comparisonText(tableOf([100, 2_000, 50], { machine }), tableOf([100, 1_000, 50]), 0.05)).toBe(
      'trainer: 1 figure got worse\n  small, native: samples/s 2000, now 1000 (50 % worse)',
    );
  });
});

test.each([
  { ratio: 1, teachers: 1, want: 2 },
  { ratio: 4, teachers: 64, want: 5 },
  { ratio: 4, teachers: 1, want: 1.25 },
  { ratio: 8, teachers: 4, want: 4.5 },
])('a teacher of cost $ratio, $teachers times, gives at most $want', ({ ratio, teachers, want }) => {
  expect(possibleSpeedup(ratio, teachers)).toBe(want);
});

test('growth is the slope of all values, not the difference of two', () => {
  expect(slopeOf([5, 5, 5, 5])).toBe(0);
  expect(slopeOf([1, 3, 5, 7])).toBe(2);
  expect(slopeOf([1, 9, 1, 9])).toBeCloseTo(1.6, 9);
});

test('a rate is that of the steps after the first ones', () => {
  const steps = Array.from({ length: 11 }, (_, step) => ({ step, atMs: 100 * step, busyMs: 80, idleMs: 20 }));
  expect(rateOf(steps, 1, 9)).toEqual({ stepsPerSecond: 10, waited: expect.closeTo(0.2, 9) });
  expect(() => rateOf(steps, 5, 9)).toThrow('found 11 steps');
});
