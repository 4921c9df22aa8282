/** Properties of every decision (I5, I6, §5.5). */
import { omit } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { DistillJobStatus } from '../../../../src/api/index.js';
import { decide, type Plan, type PoolObservation, type Snapshot } from '../../../../src/domain/index.js';
import { labeling, runningJob, training } from '../../../kit/snapshots.js';
import { after, snapshotArbitrary, type SnapshotOfFree } from './snapshots.js';

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const runningIn = (snapshot: Snapshot, name: string): number =>
  snapshot.cluster.pools.find((pool) => pool.name === name)!.pods.filter(({ terminating }) => !terminating).length;

const explaining: readonly string[] = ['TeachersAvailable', 'Reconciling'];

/** The status without the numbers that explain grants. */
function withoutExplanations({ conditions, teachers, summary, ...rest }: DistillJobStatus): unknown {
  return {
    ...rest,
    summary: omit(summary ?? {}, 'message'),
    conditions: conditions?.map((one) => (explaining.includes(one.type) ? omit(one, 'message') : one)),
    teachers: teachers && { ...teachers, pools: teachers.pools.map((pool) => omit(pool, 'wanted', 'why')) },
  };
}

function holds(check: (snapshot: SnapshotOfFree, plan: Plan) => void): void {
  fc.assert(
    fc.property(snapshotArbitrary, (snapshot) => check(snapshot, decide(snapshot))),
    { numRuns: 400 },
  );
}

/** Of jobs whose teachers wait for no quota; quota.test.ts has those that do. */
function holdsWithoutQuota(check: (snapshot: SnapshotOfFree, plan: Plan) => void): void {
  const waits = ({ queue = null, pods }: PoolObservation): boolean =>
    queue !== null || pods.some(({ gated }) => gated === true);
  holds((snapshot, plan) => {
    fc.pre(!snapshot.cluster.pools.some(waits));
    check(snapshot, plan);
  });
}

describe('a decision', () => {
  test('is a pure function of its snapshot', () => {
    holds((snapshot, plan) => expect(decide(frozen(structuredClone(snapshot)))).toEqual(plan));
  });

  test('survives being logged and replayed as JSON', () => {
    holds((snapshot, plan) => {
      expect(decide(asJson(snapshot))).toEqual(plan);
      expect(asJson(plan)).toStrictEqual(plan);
    });
  });

  test('is level-triggered: repeated on its own result, it changes nothing and reports nothing', () => {
    holds((snapshot, plan) => {
      const again = decide(after(snapshot, plan));
      // While part of a grant waits for its slots, the explanation may change: with the fleet that is starting now, the
      // rest may no longer be worth it.
      const isSettled = snapshot.grants.every(({ replicas, due }) => replicas === due);
      const shown = isSettled ? (status: DistillJobStatus) => status : withoutExplanations;
      expect(shown(again.status)).toStrictEqual(shown(plan.status));
      expect(again.pools).toEqual(plan.pools);
      // Actions that are still needed are repeated and reported again: they happen twice.
      const acts = ['StreamsCreated', 'StreamsAbandoned', 'Expired'];
      expect(again.events.filter(({ reason }) => !acts.includes(reason))).toEqual([]);
    });
  });

  test('runs a student only for a job that may run', () => {
    holds(({ job, cluster }, { student, status, workers }) => {
      const over = status.phase === 'Succeeded' || status.phase === 'Failed';
      const finished = over || job.spec.suspend || workers === 'Remove' || cluster.student.phase === 'Failed';
      expect(student).toBe(finished ? 'Stop' : 'Run');
    });
  });
});

describe('the teachers of a decision', () => {
  test('stay within the bounds of their pools and the free slots', () => {
    holdsWithoutQuota((snapshot, { pools }) => {
      const growth = new Map<string, number>();
      for (const [index, { name, replicas }] of pools.entries()) {
        const spec = snapshot.job.spec.teacher.pools[index]!;
        const grown = Math.max(0, replicas - runningIn(snapshot, name));
        expect(replicas).toBeLessThanOrEqual(spec.maxReplicas);
        const resource = spec.resource ?? 'cpu';
        growth.set(resource, (growth.get(resource) ?? 0) + grown);
      }
      for (const [resource, grown] of growth) expect(grown).toBeLessThanOrEqual(snapshot.free[resource] ?? 0);
    });
  });

  test('never fall below the minimums while any is wanted and slots allow it', () => {
    holdsWithoutQuota((snapshot, { pools, status }) => {
      const wanted = status.teachers?.pools[0]?.reason === 'MatchStudent';
      const needed = snapshot.job.spec.teacher.pools.reduce(
        (sum, { name, minReplicas }) => sum + Math.max(0, minReplicas - runningIn(snapshot, name)),
        0,
      );
      if (!wanted || Object.values(snapshot.free).some((slots) => slots < needed)) return;
      for (const [index, { minReplicas }] of snapshot.job.spec.teacher.pools.entries()) {
        expect(pools[index]!.replicas).toBeGreaterThanOrEqual(minReplicas);
      }
    });
  });

  test('are 0 when the job is suspended, ended or refused', () => {
    holds((_snapshot, { student, pools, streams }) => {
      if (student === 'Run') return;
      expect(pools.every(({ replicas }) => replicas === 0)).toBe(true);
      expect(streams.provision).toBe(false);
    });
  });

  test('are held in a telemetry gap', () => {
    holdsWithoutQuota((snapshot, { pools, status }) => {
      if (status.teachers?.pools[0]?.reason !== 'TelemetryGap') return;
      for (const [index, { name, replicas }] of pools.entries()) {
        const previous = snapshot.job.status?.teachers?.pools.find((pool) => pool.name === name)?.desired;
        const running = runningIn(snapshot, name);
        const held = previous ?? running;
        const { maxReplicas } = snapshot.job.spec.teacher.pools[index]!;
        expect(replicas).toBeLessThanOrEqual(held);
        // Less only where a maximum or a lost slot requires it.
        expect(replicas).toBeGreaterThanOrEqual(Math.min(held, running, maxReplicas));
      }
    });
  });

  test('do not flap with a rate that varies by a quarter', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 100, max: 3_000, noNaN: true }),
        fc.array(fc.double({ min: 1, max: 1.25, noNaN: true }), { minLength: 2, maxLength: 12 }),
        (base, factors) => {
          let running = 1;
          for (const factor of factors) {
            const names = Array.from({ length: running }, (_, index) => `cpu-${String(index)}`);
            const { pools } = runningJob()
              .job((job) => job.pools({ name: 'cpu', maxReplicas: 100 }))
              .pool('cpu', { pods: names.join(' '), freeSlots: 100 })
              .reported(training({ unstarvedSamplesPerSecond: base * factor, window: 1_000 }))
              .teachers(...names.map((name) => labeling(name))).plan;
            expect(pools[0]!.replicas).toBeGreaterThanOrEqual(running);
            running = pools[0]!.replicas;
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
