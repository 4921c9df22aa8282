/** Figures that `npm run bench kill` computes from a student's steps. */
import { describe, expect, test } from '@jest/globals';

import { longestPauseMs, repeatedOrLost, waitShare } from '../../bench/steps.js';

/** Steps of 100 ms that end at 100, 200, 900 and 1,000: the third waited for 600 ms. */
const steps = [
  { step: 0, atMs: 100, busyMs: 100, idleMs: 0 },
  { step: 1, atMs: 200, busyMs: 100, idleMs: 0 },
  { step: 2, atMs: 900, busyMs: 100, idleMs: 600 },
  { step: 3, atMs: 1_000, busyMs: 100, idleMs: 0 },
];

describe('a period', () => {
  test.each([
    { what: 'without a wait', fromMs: 0, toMs: 200, share: 0, pauseMs: 100 },
    { what: 'with a whole one', fromMs: 0, toMs: 1_000, share: 0.6, pauseMs: 700 },
    { what: 'that a wait begins in', fromMs: 0, toMs: 400, share: 0.5, pauseMs: 700 },
    { what: 'within a wait', fromMs: 300, toMs: 500, share: 1, pauseMs: 700 },
    { what: 'that a wait ends in', fromMs: 700, toMs: 1_000, share: 1 / 3, pauseMs: 700 },
    { what: 'after it', fromMs: 900, toMs: 1_000, share: 0, pauseMs: 100 },
  ])('$what', ({ fromMs, toMs, share, pauseMs }) => {
    expect(waitShare(steps, { fromMs, toMs })).toBeCloseTo(share, 9);
    expect(longestPauseMs(steps, { fromMs, toMs })).toBe(pauseMs);
  });
});

test.each([
  { what: 'each once', trained: [0, 1, 2], end: 3, want: 0 },
  { what: 'one lost', trained: [0, 2], end: 3, want: 1 },
  { what: 'one twice', trained: [0, 1, 1], end: 2, want: 1 },
  { what: 'fewer than the end', trained: [0, 1], end: 3, want: 1 },
])('$what', ({ trained, end, want }) => {
  const reports = trained.map((step) => ({ step, atMs: step, busyMs: 1, idleMs: 0 }));
  expect(repeatedOrLost(reports, end)).toBe(want);
});
