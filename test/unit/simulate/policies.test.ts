/** The other policies: what each asks for, look by look. */
import { describe, expect, test } from '@jest/globals';

import { distilleryPolicy } from '../../../src/simulate/policies/distillery.js';
import { fixedPolicy } from '../../../src/simulate/policies/fixed.js';
import { kedaPolicy } from '../../../src/simulate/policies/keda.js';
import type { JobView } from '../../../src/simulate/policies/policy.js';
import { jobView, viewAt } from './views.js';

describe('a fixed fleet', () => {
  test('stays within the bounds of the job', () => {
    expect(fixedPolicy(16).initialReplicas(jobView({ maxReplicas: 8 }))).toBe(8);
    expect(fixedPolicy(1).initialReplicas(jobView({ minReplicas: 2 }))).toBe(2);
    expect(fixedPolicy('Needed').initialReplicas(jobView({ teachersNeeded: 7 }))).toBe(7);
  });
});

describe('KEDA', () => {
  const lag = (messages: number, desired: number): JobView =>
    jobView({ desired, fedSteps: 1_000 + messages, labeledSteps: 1_000, inFlightSteps: 0 });
  const decisions = (looks: readonly (readonly [number, JobView])[]): number[] => {
    const keda = kedaPolicy(10);
    return looks.map(([at, job]) => keda.decide(viewAt(at, [job]))[0]?.replicas ?? -1);
  };

  test('wakes a job from zero at its own look every 30 s, to one', () => {
    expect(
      decisions([
        [15, lag(90, 0)],
        [30, lag(90, 0)],
      ]),
    ).toEqual([0, 1]);
  });

  test('then holds ten messages a teacher, as fast as an HPA grows', () => {
    expect(
      decisions([
        [30, lag(90, 0)],
        [45, lag(90, 1)],
        [60, lag(90, 5)],
      ]),
    ).toEqual([1, 5, 9]);
  });

  test('lets a job that has had no work for 300 s sleep', () => {
    const looks = Array.from({ length: 24 }, (_, index) => [30 + index * 15, lag(index === 0 ? 20 : 0, 2)] as const);
    const replicas = decisions(looks);
    expect(replicas.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 2));
    expect(replicas.slice(21)).toEqual([0, 0, 0]);
  });

  test('counts what is being computed as lag, as num_ack_pending is', () => {
    const fed = jobView({ desired: 4, fedSteps: 1_000, labeledSteps: 1_000, inFlightSteps: 61 });
    expect(decisions([[30, fed]])).toEqual([7]);
  });
});

describe('the operator in a simulation', () => {
  test('shares what neighbors leave, a reserve held back', () => {
    const jobs = ['a', 'b'].map((uid) => jobView({ uid, desired: 0, readyTeachers: 0, teacherStepsPerSecond: null }));
    const policy = distilleryPolicy({ reserveShare: 0.1 });
    const decided = policy.decide(viewAt(0, jobs, { slots: 100, slotsForTeachers: 16, freeSlots: 16 }));
    expect(decided).toEqual([
      { uid: 'a', replicas: 3 },
      { uid: 'b', replicas: 3 },
    ]);
  });

  test('asks for no teacher once every step is labeled', () => {
    const job = jobView({ fedSteps: 10_000, labeledSteps: 10_000 });
    expect(distilleryPolicy().decide(viewAt(0, [job]))).toEqual([{ uid: 'job-1', replicas: 0 }]);
  });
});
