/** Properties of requests for any telemetry (design §5.5): no flapping, no scaling on a guess. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { wantedReplicas } from '../../../../src/domain/allocation/index.js';
import {
  dampedRequest,
  type JobDemand,
  jobDemandOf,
  defaultPolicy,
  type PoolState,
} from '../../../../src/domain/job/index.js';
import { poolStates } from '../../../kit/grants.js';
import { labeling, noonMs, runningJob, training } from '../../../kit/snapshots.js';
import { snapshotArbitrary } from './snapshots.js';

const job = { uid: 'u', namespace: 'default', weight: 1 };
const { minimumRunMs } = defaultPolicy;
const matureMs = 10 * minimumRunMs;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** One reading of a job's telemetry; measured rates are off by these factors. */
interface Reading {
  readonly student: number;
  readonly teacher: number;
  /** Filled part of the buffer target. */
  readonly buffered: number;
}

const rate = 1_000;
const batchSize = 100;

/** What a job with these previous replicas wants after a reading. */
function wantedBy({ student, teacher, buffered }: Reading, perTeacher: number, previous: number): number {
  const unstarved = rate * student;
  const maker = runningJob()
    .job((maker) => maker.pools({ name: 'cpu', maxReplicas: 1_000 }))
    .reported(
      training({
        unstarvedSamplesPerSecond: unstarved,
        window: 1_000,
        steps: 100_000,
        buffer: { frames: Math.round((buffered * 5 * unstarved) / batchSize), bytes: 0 },
      }),
    )
    .teachers(labeling('cpu-0', { capableSamplesPerSecond: perTeacher * teacher }));
  const { snapshot } = maker;
  const [wanted = 0] = wantedReplicas(
    dampedRequest(job, jobDemandOf(snapshot), poolStates(snapshot, [previous], matureMs), noonMs),
  );
  return wanted;
}

const noise = fc.double({ min: 0.85, max: 1.15, noNaN: true });
const studentNoise: fc.Arbitrary<Reading> = fc.record({
  student: noise,
  teacher: fc.constant(1),
  buffered: fc.double({ min: 0, max: 1.5, noNaN: true }),
});
const readings = fc.array(studentNoise, { minLength: 1, maxLength: 20 });
const perTeacherArbitrary = fc.double({ min: 5, max: 900, noNaN: true });

describe('rates measured up to 15 % off, and any buffer', () => {
  test('never change a fleet that fits the true rate', () => {
    fc.assert(
      fc.property(
        readings,
        perTeacherArbitrary,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (noisy, perTeacher, at) => {
          // Fleets that no such reading finds too small or too large.
          const least = Math.ceil((rate * (1.05 + 1 / 12) * 1.15) / perTeacher);
          const most = Math.max(least, Math.floor((rate * 1.55 * 0.85) / perTeacher));
          const fleet = least + Math.round(at * (most - least));
          for (const reading of noisy) expect(wantedBy(reading, perTeacher, fleet)).toBe(fleet);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('never shrink a fleet that they have grown', () => {
    fc.assert(
      fc.property(readings, perTeacherArbitrary, (noisy, perTeacher) => {
        let fleet = 1;
        for (const reading of noisy) {
          const wanted = wantedBy(reading, perTeacher, fleet);
          expect(wanted).toBeGreaterThanOrEqual(fleet);
          fleet = wanted;
        }
      }),
      { numRuns: 500 },
    );
  });

  test('change nothing when they are read again', () => {
    const any = fc.record({
      student: fc.double({ min: 0.01, max: 20, noNaN: true }),
      teacher: noise,
      buffered: fc.double({ min: 0, max: 1.5, noNaN: true }),
    });
    fc.assert(
      fc.property(any, perTeacherArbitrary, fc.integer({ min: 1, max: 500 }), (reading, perTeacher, before) => {
        const fleet = wantedBy(reading, perTeacher, before);
        expect(wantedBy(reading, perTeacher, fleet)).toBe(fleet);
      }),
      { numRuns: 1_000 },
    );
  });
});

const previousArbitrary = fc.array(fc.option(fc.nat({ max: 8 })), { minLength: 3, maxLength: 3 });
const ageArbitrary = fc.constantFrom(0, minimumRunMs - 1, minimumRunMs, matureMs);

function holds(check: (demand: JobDemand, pools: readonly PoolState<null>[], wanted: readonly number[]) => void): void {
  fc.assert(
    fc.property(snapshotArbitrary, previousArbitrary, ageArbitrary, (snapshot, previous, ageMs) => {
      const pools = poolStates(snapshot, previous, ageMs);
      const demand = jobDemandOf(snapshot);
      check(demand, pools, wantedReplicas(dampedRequest(job, demand, pools, noonMs)));
    }),
    { numRuns: 1_000 },
  );
}

describe('any request', () => {
  test('that holds asks for the previous replicas of each pool', () => {
    holds(({ kind }, pools, wanted) => {
      if (kind !== 'Hold') return;
      expect(wanted).toEqual(
        pools.map(({ spec, previousReplicas, teachers }) =>
          Math.min(spec.maxReplicas, previousReplicas ?? teachers.length),
        ),
      );
    });
  });

  test('is empty when nothing is left, and otherwise covers the minimums', () => {
    holds(({ kind }, pools, wanted) => {
      if (kind === 'None') expect(sum(wanted)).toBe(0);
      if (kind !== 'Rate' && kind !== 'Teachers') return;
      for (const [index, { spec }] of pools.entries()) expect(wanted[index]).toBeGreaterThanOrEqual(spec.minReplicas);
    });
  });

  test('stays within the bounds of the pools', () => {
    holds((_demand, pools, wanted) => {
      for (const [index, { spec }] of pools.entries()) expect(wanted[index]).toBeLessThanOrEqual(spec.maxReplicas);
    });
  });

  test('is for no more teachers than items, or the minimums', () => {
    holds((demand, pools, wanted) => {
      if (demand.kind !== 'Rate') return;
      expect(sum(wanted)).toBeLessThanOrEqual(
        Math.max(demand.itemsLeft, sum(pools.map(({ spec }) => spec.minReplicas))),
      );
    });
  });

  test('keeps a new teacher while there is work for it', () => {
    holds((demand, pools, wanted) => {
      if (demand.kind !== 'Rate') return;
      const young = pools.map(({ spec, teachers }) =>
        Math.min(spec.maxReplicas, teachers.filter(({ createdAtMs }) => noonMs - createdAtMs < minimumRunMs).length),
      );
      const room = Math.min(demand.itemsLeft, demand.forWindow);
      if (sum(young.map((count, index) => Math.max(count, pools[index]!.spec.minReplicas))) > room) return;
      for (const [index, count] of young.entries()) {
        const { spec, previousReplicas, teachers } = pools[index]!;
        if ((previousReplicas ?? teachers.length) < count) continue;
        expect(wanted[index]).toBeGreaterThanOrEqual(Math.min(count, spec.maxReplicas));
      }
    });
  });
});
