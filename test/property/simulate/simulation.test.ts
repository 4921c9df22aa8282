/** What holds of every simulated day, under whatever policy. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { rowOf } from '../../../src/simulate/measures.js';
import { policies, type PolicyName } from '../../../src/simulate/policies/index.js';
import { simulation } from '../../../src/simulate/simulation.js';
import type { Trace, TraceJob, TraceNeighbor } from '../../../src/simulate/trace.js';
import { outcomeOf, traceJob, traceNeighbor, traceOf } from '../../unit/simulate/traces.js';

const whole = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

const jobArbitrary: fc.Arbitrary<Partial<TraceJob>> = fc.record({
  submittedAtSeconds: whole(0, 600),
  weight: whole(1, 3),
  steps: whole(1, 3_000),
  studentStepsPerSecond: whole(1, 40),
  windowSteps: whole(2, 200),
  minReplicas: whole(0, 1),
  maxReplicas: whole(1, 10),
});

const neighborArbitrary: fc.Arbitrary<TraceNeighbor> = fc
  .record({
    arrivesAtSeconds: whole(0, 900),
    runsSeconds: whole(1, 600),
    slots: whole(1, 5),
    milli: fc.constantFrom(1_000, 1_000, 250, 600),
    models: fc.constantFrom(null, null, ['T4']),
  })
  .map((pod) => traceNeighbor({ ...pod, milli: pod.slots === 1 ? pod.milli : 1_000 }));

const traceArbitrary: fc.Arbitrary<Trace> = fc
  .record({
    nodes: fc.array(fc.record({ model: fc.constantFrom('T4', 'V100'), slots: whole(1, 4) }), {
      minLength: 1,
      maxLength: 6,
    }),
    jobs: fc.array(jobArbitrary, { maxLength: 6 }),
    neighbors: fc.array(neighborArbitrary, { maxLength: 25 }),
  })
  .map(({ nodes, jobs, neighbors }) =>
    traceOf({
      nodes: nodes.map((node, index) => ({ name: `node-${index}`, ...node })),
      jobs: jobs
        .sort((one, other) => one.submittedAtSeconds! - other.submittedAtSeconds!)
        .map((job, index) => traceJob({ ...job, uid: `job-${index}` })),
      neighbors: neighbors.sort((one, other) => one.arrivesAtSeconds - other.arrivesAtSeconds),
    }),
  );

const policyArbitrary = fc.constantFrom(...(Object.keys(policies) as PolicyName[]));

function holds(check: (trace: Trace, name: PolicyName) => void): void {
  fc.assert(fc.property(traceArbitrary, policyArbitrary, check), { numRuns: 300, seed: 20_261_124 });
}

describe('a simulated day', () => {
  test('is the same every time', () => {
    holds((trace, name) => {
      expect(outcomeOf(trace, policies[name]())).toEqual(outcomeOf(trace, policies[name]()));
    });
  });

  test('is the same in slices of any length', () => {
    holds((trace, name) => {
      const running = simulation(trace, policies[name](), 1e6);
      while (running.proceed(1));
      expect(running.outcome()).toEqual(outcomeOf(trace, policies[name]()));
    });
  });

  test('trains and labels every step of every job exactly once, and ends it', () => {
    holds((trace, name) => {
      const outcome = outcomeOf(trace, policies[name]());
      expect(outcome.completionSeconds).not.toContain(null);
      const steps = trace.jobs.reduce((sum, job) => sum + job.steps, 0);
      expect(outcome.trainedSteps).toBeCloseTo(steps, 3);
      // Every teacher labels five steps a second: what they worked is what there was to do.
      expect(outcome.busySeconds * 5).toBeCloseTo(steps, 3);
    });
  });

  test('takes no job less time than its student needs', () => {
    holds((trace, name) => {
      outcomeOf(trace, policies[name]()).completionSeconds.forEach((seconds, index) => {
        const { steps, studentStepsPerSecond } = trace.jobs[index]!;
        expect(seconds).toBeGreaterThan(steps / studentStepsPerSecond);
      });
    });
  });

  test('binds every neighbor that some node could hold', () => {
    holds((trace, name) => {
      const { waitSeconds } = outcomeOf(trace, policies[name]());
      trace.neighbors.forEach(({ slots, models }, index) => {
        const fits = trace.nodes.some((node) => node.slots >= slots && (models?.includes(node.model) ?? true));
        if (fits) expect(waitSeconds[index]).toBeGreaterThanOrEqual(0);
        else expect(waitSeconds[index]).toBeNull();
      });
    });
  });

  test('uses no slot that is not there', () => {
    holds((trace, name) => {
      const outcome = outcomeOf(trace, policies[name]());
      expect(outcome.readySlotSeconds).toBeLessThanOrEqual(outcome.usedSlotSeconds);
      expect(outcome.usedSlotSeconds).toBeLessThanOrEqual(outcome.usableSlotSeconds);
      const { idleUsed, wastedShare } = rowOf(outcome, outcome);
      for (const share of [idleUsed, wastedShare]) {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }
    });
  });
});
