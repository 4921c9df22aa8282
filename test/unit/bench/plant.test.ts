/** The account that the bench keeps of a real run: the simulator's, at the times that a cluster tells. */
import { expect, test } from '@jest/globals';

import type { Trace, TraceJob } from '../../../src/simulate/index.js';
import { Plant, type SeenTeacher } from '../../bench/real/plant.js';

/** One teacher labels what the student trains: 2 steps a second, 20 steps, at most 4 ahead. */
const job: TraceJob = {
  uid: 'job-0',
  submittedAtSeconds: 1,
  weight: 1,
  steps: 20,
  batchSize: 8,
  studentStepsPerSecond: 2,
  teacherStepsPerSecond: 2,
  windowSteps: 4,
  bufferTargetSeconds: 2,
  minReplicas: 0,
  maxReplicas: 4,
};
const trace: Trace = {
  nodes: [{ name: 'node-0', model: 'any', slots: 4 }],
  neighbors: [
    { name: 'neighbor-0', arrivesAtSeconds: 2, runsSeconds: 5, slots: 2, milli: 1_000, models: null },
    { name: 'neighbor-1', arrivesAtSeconds: 3, runsSeconds: 5, slots: 1, milli: 1_000, models: null },
  ],
  jobs: [job],
  speeds: {},
  timings: { teacherStartSeconds: 1, teacherDrainSeconds: 1, graceSeconds: 30, studentStartSeconds: 1 },
};

function teacher(phase: SeenTeacher['phase'], changes: Partial<SeenTeacher> = {}): SeenTeacher {
  return { uid: 'pod-0', job: job.uid, phase, preempted: false, ...changes };
}

/** Submitted and trained by one teacher that is ready at 3 s. */
function atWork(): Plant {
  const plant = new Plant(trace);
  plant.submit(0, 1);
  plant.teacherSeen(teacher('Pending'), 1);
  plant.teacherSeen(teacher('Starting'), 1.5);
  plant.studentUp(job.uid, 2);
  plant.teacherSeen(teacher('Ready'), 3);
  return plant;
}

test('a job is done when its last step is trained, though nobody looked just then', () => {
  const plant = atWork();
  plant.proceed(12.9);
  expect(plant.jobs[0]).toMatchObject({ phase: 'Training', trainedSteps: expect.closeTo(19.8) });
  plant.proceed(40);
  expect(plant.jobs[0]).toMatchObject({ phase: 'Done', trainedSteps: 20 });
  expect(plant.outcome('any').completionSeconds).toEqual([expect.closeTo(12)]);
});

test("a teacher's seconds are each counted once, as what it did in them", () => {
  const plant = atWork();
  plant.teacherSeen(teacher('Leaving'), 15);
  plant.teacherSeen(teacher('Leaving'), 16);
  plant.teacherSeen(teacher('Gone'), 17);
  const outcome = plant.outcome('any');
  expect(outcome.teacherStarts).toBe(1);
  expect(outcome.startingSeconds).toBeCloseTo(1.5);
  expect(outcome.busySeconds).toBeCloseTo(10);
  expect(outcome.waitingSeconds).toBeCloseTo(2);
  expect(outcome.drainingSeconds).toBeCloseTo(2);
});

test('a teacher that never had a node is no start', () => {
  const plant = new Plant(trace);
  plant.submit(0, 1);
  plant.teacherSeen(teacher('Pending'), 1);
  plant.teacherSeen(teacher('Gone'), 4);
  expect(plant.outcome('any')).toMatchObject({ teacherStarts: 0, startingSeconds: 0, drainingSeconds: 0 });
  expect(plant.jobs[0]?.pending.size).toBe(0);
});

test('a preemption is counted once, and the work that was handed back is done by the next teacher', () => {
  const plant = atWork();
  plant.teacherSeen(teacher('Ready', { preempted: true }), 5);
  plant.teacherSeen(teacher('Leaving', { preempted: true }), 5);
  plant.teacherSeen(teacher('Ready', { uid: 'pod-1' }), 8);
  plant.proceed(40);
  const outcome = plant.outcome('any');
  expect(outcome).toMatchObject({ preemptions: 1, teacherStarts: 2, trainedSteps: 20 });
  expect(outcome.completionSeconds).toEqual([expect.closeTo(15)]);
});

test('neighbors wait from their arrival until they are bound, and their slots are nobody else’s until they end', () => {
  const plant = new Plant(trace);
  plant.submit(0, 1);
  expect(plant.neighborBound(0, 2.5)).toBe(true);
  expect(plant.neighborBound(0, 2.6)).toBe(false);
  expect(plant.waitingNeighbors(4)).toBe(1);
  plant.neighborBound(1, 7);
  plant.neighborGone(0, 8);
  plant.proceed(10);
  const outcome = plant.outcome('any');
  expect(outcome.waitSeconds).toEqual([0.5, 4]);
  // One teacher would do, and a slot was free all the time.
  expect(outcome.usableSlotSeconds).toBeCloseTo(9);
  expect(outcome.usedSlotSeconds).toBe(0);
});

test('a run is over when all jobs are done and all neighbors were bound', () => {
  const plant = atWork();
  plant.proceed(40);
  plant.neighborBound(0, 41);
  expect(plant.isOver).toBe(false);
  plant.neighborBound(1, 42);
  expect(plant.isOver).toBe(true);
});
