/** Small traces of round numbers, so that what comes of them can be said beforehand. */
import type { Outcome } from '../../../src/simulate/measures.js';
import type { Policy } from '../../../src/simulate/policies/policy.js';
import { simulation } from '../../../src/simulate/simulation.js';
import type { Trace, TraceJob, TraceNeighbor } from '../../../src/simulate/trace.js';

/** A student of 10 steps a second, whose teachers do 5 each: 100 s if it never waits. */
export function traceJob(changes: Partial<TraceJob> = {}): TraceJob {
  return {
    uid: 'job-1',
    submittedAtSeconds: 0,
    weight: 1,
    steps: 1_000,
    batchSize: 100,
    studentStepsPerSecond: 10,
    teacherStepsPerSecond: 5,
    windowSteps: 50,
    bufferTargetSeconds: 5,
    minReplicas: 0,
    maxReplicas: 4,
    ...changes,
  };
}

export function traceNeighbor(changes: Partial<TraceNeighbor> = {}): TraceNeighbor {
  return { name: 'n', arrivesAtSeconds: 50, runsSeconds: 20, slots: 1, milli: 1_000, models: null, ...changes };
}

export function traceOf(changes: Partial<Trace> = {}): Trace {
  return {
    nodes: [{ name: 'a', model: 'any', slots: 4 }],
    neighbors: [],
    jobs: [traceJob()],
    speeds: {},
    timings: { teacherStartSeconds: 10, teacherDrainSeconds: 3, graceSeconds: 30, studentStartSeconds: 5 },
    ...changes,
  };
}

export function outcomeOf(trace: Trace, policy: Policy | null, cutOffSeconds = 1e6): Outcome {
  const running = simulation(trace, policy, cutOffSeconds);
  while (running.proceed(1_000));
  return running.outcome();
}
