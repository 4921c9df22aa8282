/** The HorizontalPodAutoscaler's arithmetic against cases computed by hand from its documentation. */
import { describe, expect, test } from '@jest/globals';

import {
  type Recommendation,
  replicasByAverageValue,
  replicasByUtilization,
  stabilized,
} from '../../../src/simulate/policies/hpa-algorithm.js';
import { hpaPolicy } from '../../../src/simulate/policies/hpa.js';
import { jobView, viewAt } from './views.js';

describe('replicas by utilization', () => {
  test.each([
    ['doubles when the metric is twice the target (200m against 100m)', 3, 2, 1, 3, 0, 6],
    ['halves when it is half of it (50m against 100m)', 4, 0.5, 1, 4, 0, 2],
    ['rounds up', 3, 0.5, 1, 3, 0, 2],
    ['stays within the tolerance of a tenth above', 10, 1.1, 1, 10, 0, 10],
    ['… and below', 10, 0.9, 1, 10, 0, 10],
    ['grows beyond the tolerance', 10, 1.11, 1, 10, 0, 12],
    ['holds while nothing is ready', 3, 2, 1, 0, 3, 3],
    ['counts unready pods as idle before it grows: 4 × 2 of 6 pods is 1.33', 6, 2, 1, 4, 2, 8],
    ['holds when they make up for it', 6, 1.2, 1, 3, 3, 6],
    ['leaves unready pods out when it shrinks', 6, 0.5, 1, 4, 2, 2],
  ])('%s', (_, currentReplicas, utilization, target, readyPods, unreadyPods, want) => {
    expect(replicasByUtilization({ currentReplicas, utilization, target, readyPods, unreadyPods })).toBe(want);
  });
});

describe('replicas by an average value', () => {
  test.each([
    ['is the total by the target, rounded up', 2, 45, 10, 5],
    ['stays within the tolerance', 4, 43, 10, 4],
    ['goes to zero with the total', 4, 0, 10, 0],
    ['needs no present replica', 0, 11, 10, 2],
  ])('%s', (_, current, total, target, want) => {
    expect(replicasByAverageValue(current, total, target)).toBe(want);
  });
});

describe('the default behavior', () => {
  const bounds = { currentReplicas: 10, least: 1, most: 100 };
  const at = (atSeconds: number, replicas: number): Recommendation => ({ atSeconds, replicas });

  test.each([
    ['adds at most four to a few', 1, 50, 5],
    ['… doubles many', 8, 50, 16],
    ['… which is more than four from five on', 4, 50, 8],
    ['stays within the bounds', 80, 500, 100],
  ])('%s', (_, currentReplicas, wanted, want) => {
    expect(stabilized(at(0, wanted), [], { ...bounds, currentReplicas }).replicas).toBe(want);
  });

  test('goes down to the highest recommendation of the last 300 s', () => {
    const earlier = [at(0, 9), at(100, 7), at(200, 6)];
    const now = stabilized(at(299, 2), earlier, bounds);
    expect(now.replicas).toBe(9);
    const later = stabilized(at(301, 2), now.recommendations, { ...bounds, currentReplicas: 9 });
    expect(later.replicas).toBe(7);
    expect(later.recommendations).not.toContainEqual(at(0, 9));
  });

  test('never grows for what was recommended before', () => {
    expect(stabilized(at(100, 12), [at(0, 50)], bounds).replicas).toBe(12);
  });
});

describe('an HPA on CPU', () => {
  test('acts on what was scraped one period ago, and holds until there is something', () => {
    const hpa = hpaPolicy();
    const looks = [
      jobView({ desired: 4, readyTeachers: 0, startingTeachers: 4 }),
      jobView({ desired: 4, readyTeachers: 4, readyTeacherSeconds: 60, busyTeacherSeconds: 60 }),
      jobView({ desired: 4, readyTeachers: 4, readyTeacherSeconds: 120, busyTeacherSeconds: 60 }),
      jobView({ desired: 6, readyTeachers: 6, readyTeacherSeconds: 210, busyTeacherSeconds: 60 }),
    ];
    const decided = looks.map((job, index) => hpa.decide(viewAt(index * 15, [job])).map(({ replicas }) => replicas));
    // Nothing; nothing scraped yet; 100 % of the first scrape against 70 %; idle, but the window of 300 s still holds.
    expect(decided).toEqual([[], [], [6], [6]]);
  });

  test('starts with one: it never goes to zero', () => {
    expect(hpaPolicy().initialReplicas(jobView({ minReplicas: 0 }))).toBe(1);
    expect(hpaPolicy().initialReplicas(jobView({ minReplicas: 3 }))).toBe(3);
  });
});
