/** Small days whose every second can be told beforehand. */
import { describe, expect, test } from '@jest/globals';

import { rowOf } from '../../../src/simulate/measures.js';
import { fixedPolicy } from '../../../src/simulate/policies/fixed.js';
import { policies } from '../../../src/simulate/policies/index.js';
import { outcomeOf, traceJob, traceNeighbor, traceOf } from './traces.js';

describe('a job alone', () => {
  test('takes its teachers’ start and then what its student needs', () => {
    const { completionSeconds, trainedSteps, ...rest } = outcomeOf(traceOf(), fixedPolicy(2));
    expect(completionSeconds).toEqual([110]);
    expect(trainedSteps).toBe(1_000);
    expect(rest).toMatchObject({ teacherStarts: 2, startingSeconds: 20, busySeconds: 200, preemptions: 0 });
    expect(rest.waitingSeconds).toBeCloseTo(0, 6);
  });

  test('takes as long as one teacher needs for all steps if it has no other', () => {
    expect(outcomeOf(traceOf(), fixedPolicy(1)).completionSeconds).toEqual([210]);
  });

  test('lets teachers wait when the buffer is full, and gains nothing from them', () => {
    const { completionSeconds, busySeconds, waitingSeconds } = outcomeOf(traceOf(), fixedPolicy(4));
    // The last step is labeled when the student has a window to go: 5 s in which four teachers stand still.
    expect(completionSeconds).toEqual([110]);
    expect(busySeconds).toBeCloseTo(200, 6);
    expect(waitingSeconds).toBeCloseTo(200, 6);
  });

  test('computes faster on a faster model', () => {
    const nodes = [{ name: 'a', model: 'V100', slots: 4 }];
    expect(outcomeOf(traceOf({ nodes, speeds: { V100: 2 } }), fixedPolicy(1)).completionSeconds).toEqual([110]);
  });

  test('counts as not done when it is cut off', () => {
    const outcome = outcomeOf(traceOf(), fixedPolicy(2), 60);
    expect(outcome.completionSeconds).toEqual([null]);
    expect(outcome.trainedSteps).toBeLessThan(1_000);
  });
});

describe('a neighbor', () => {
  const trace = traceOf({ neighbors: [traceNeighbor({ slots: 3 })] });

  test('waits as long as the teachers that must go take to end', () => {
    const outcome = outcomeOf(trace, fixedPolicy(2));
    expect(outcome.waitSeconds).toEqual([3]);
    expect(outcome).toMatchObject({ preemptions: 1, drainingSeconds: 3, teacherStarts: 3 });
    // One teacher less from 50 s until the neighbor is gone at 73 s and a new one has started at 83 s: 165 steps late.
    expect(outcome.completionSeconds).toEqual([110 + 165 / 10]);
  });

  test('waits until the job is done without a PriorityClass', () => {
    const outcome = outcomeOf(trace, fixedPolicy(2, 'Equal'));
    expect(outcome.completionSeconds).toEqual([110]);
    // Arrived at 50 s; the teachers' slots are free at 113 s.
    expect(outcome.waitSeconds).toEqual([63]);
  });

  test('waits for nobody where there is room', () => {
    const roomy = traceOf({ neighbors: [traceNeighbor({ slots: 2 })] });
    expect(outcomeOf(roomy, fixedPolicy(2)).waitSeconds).toEqual([0]);
  });

  test('that fits nowhere moves no teacher', () => {
    const outcome = outcomeOf(traceOf({ neighbors: [traceNeighbor({ slots: 5 })] }), fixedPolicy(4));
    expect(outcome.waitSeconds).toEqual([null]);
    expect(outcome.preemptions).toBe(0);
  });
});

describe('a row', () => {
  test('says what neighbors wait beyond what they wait alone, and how much of the idle slots was used', () => {
    const trace = traceOf({
      neighbors: [traceNeighbor({ slots: 4, runsSeconds: 30 }), traceNeighbor({ slots: 3 })],
    });
    const alone = outcomeOf(trace, null);
    expect(alone.waitSeconds).toEqual([0, 30]);
    const row = rowOf(outcomeOf(trace, fixedPolicy(2)), alone);
    expect(row).toMatchObject({ jobs: 1, jobsDone: 1, addedWaitMean: 3, addedWaitP99: 3, addedWaitMax: 3 });
    // Two teachers are of use while steps are to be labeled; 26 s of that belong to neighbors, or to teachers that go.
    expect(row.idleUsed).toBeGreaterThan(0.9);
    expect(row.idleUsed).toBeLessThan(1);
  });
});

test.each(Object.entries(policies))('the day of the golden trace under %s', (_, policy) => {
  const job = (index: number): ReturnType<typeof traceJob> =>
    traceJob({ uid: `job-${index}`, submittedAtSeconds: index * 40, steps: 2_000 + index * 700, maxReplicas: 6 });
  const trace = traceOf({
    nodes: ['a', 'b', 'c'].map((name) => ({ name, model: 'any', slots: 4 })),
    jobs: Array.from({ length: 5 }, (_, index) => job(index)),
    neighbors: Array.from({ length: 12 }, (_, index) =>
      traceNeighbor({ name: `n-${index}`, arrivesAtSeconds: index * 37, runsSeconds: 90, slots: 1 + (index % 4) }),
    ),
  });
  const row = rowOf(outcomeOf(trace, policy()), outcomeOf(trace, null));
  const rounded = Object.entries(row).map(([name, value]): [string, unknown] => {
    return [name, typeof value === 'number' ? Number(value.toPrecision(6)) : value];
  });
  expect(Object.fromEntries(rounded)).toMatchSnapshot();
});
