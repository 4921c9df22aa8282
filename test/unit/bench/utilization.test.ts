/** What a CPU autoscaler is told of teachers that are no processes. */
import { expect, test } from '@jest/globals';

import type { Job } from '../../../src/simulate/index.js';
import { Utilization } from '../../bench/real/utilization.js';

type Counters = Pick<Job, 'busyTeacherSeconds' | 'readyTeacherSeconds'>;
const after = (readyTeacherSeconds: number, busyTeacherSeconds: number): Counters => {
  return { busyTeacherSeconds, readyTeacherSeconds };
};

test('idle teachers use 5 % of their request, busy ones all of it', () => {
  const utilization = new Utilization(15);
  expect(utilization.read(after(0, 0), 0)).toBeCloseTo(0.05);
  expect(utilization.read(after(5, 0), 5)).toBeCloseTo(0.05);
  expect(utilization.read(after(10, 5), 10)).toBeCloseTo(0.525);
});

test('only the time since the last scrape counts', () => {
  const utilization = new Utilization(15);
  for (let at = 0; at <= 30; at += 5) utilization.read(after(at, 0), at);
  for (let at = 35; at < 45; at += 5) utilization.read(after(at, at - 30), at);
  expect(utilization.read(after(45, 15), 45)).toBeCloseTo(1);
});
