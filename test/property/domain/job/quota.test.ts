/** What holds for every job in a queue of Kueue, and for every pool of teachers that needs quota. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { decide, type ObservedTeacher, type Snapshot } from '../../../../src/domain/index.js';
import { quotaOf } from '../../../../src/domain/job/demand/quota.js';
import { granted, observedPool } from '../../../kit/grants.js';
import { clusterJob, noonMs } from '../../../kit/snapshots.js';
import { snapshotArbitrary } from './snapshots.js';

const runs = { numRuns: 400 };

describe('a job whose student waits in its queue', () => {
  test('wants no teachers, keeps its Job for Kueue, and says Queued, in every state', () => {
    fc.assert(
      fc.property(snapshotArbitrary, (snapshot) => {
        const { status, pools, student } = decide(snapshot);
        // A job that is being deleted keeps its phase.
        fc.pre(snapshot.job.metadata.deletionTimestamp === undefined);
        if (status.phase !== 'Queued') return;
        expect(pools.every(({ replicas }) => replicas === 0)).toBe(true);
        expect(student).toBe('Run');
        expect(status.conditions?.find(({ type }) => type === 'Queued')?.status).toBe('True');
      }),
      runs,
    );
  });

  test('is never one that runs, was suspended by its user, or is over', () => {
    fc.assert(
      fc.property(snapshotArbitrary, (snapshot) => {
        const { status } = decide(snapshot);
        const mayWait =
          snapshot.engine === 'cluster' && !snapshot.job.spec.suspend && snapshot.cluster.student.phase === 'Absent';
        if (!mayWait && snapshot.job.status?.phase !== 'Queued') expect(status.phase).not.toBe('Queued');
      }),
      runs,
    );
  });
});

test('without a queue, what the cluster serves of Kueue changes nothing', () => {
  fc.assert(
    fc.property(snapshotArbitrary, fc.constantFrom('Served' as const, 'NotServed' as const), (any, kueue) => {
      const { queue, ...student } = any.cluster.student;
      const snapshot: Snapshot = { ...any, cluster: { ...any.cluster, student } };
      fc.pre(queue !== undefined && any.job.spec.queueName === undefined);
      expect(decide({ ...snapshot, cluster: { ...snapshot.cluster, kueue } })).toEqual(decide(snapshot));
    }),
    runs,
  );
});

/** A pool under a Kueue that admits the oldest teachers as long as there is quota, second by second. */
class Pool {
  #pods: ObservedTeacher[] = [];
  #made = 0;
  #desired: number | undefined;

  constructor(
    readonly nowMs: number,
    readonly wanted: number,
    readonly free: number,
  ) {}

  step(nowMs: number, quota: number): { gated: number; running: number } {
    let admitted = this.#pods.filter(({ gated }) => gated !== true).length;
    // The lender takes quota back: Kueue deletes the youngest pods.
    this.#pods = this.#pods.filter(({ gated }, at) => gated === true || at < quota);
    this.#pods = this.#pods.map((pod) => {
      if (pod.gated !== true || admitted >= quota) return pod;
      admitted++;
      return { ...pod, gated: false, node: 'all nvidia.com/gpu', ready: true };
    });
    const replicas = this.#decide(nowMs);
    while (this.#pods.length < replicas) this.#pods.push(this.#newPod(nowMs));
    while (this.#pods.length > replicas) this.#removeOne();
    const running = this.#pods.filter(({ gated }) => gated !== true).length;
    return { gated: this.#pods.length - running, running };
  }

  #newPod(nowMs: number): ObservedTeacher {
    const name = `gpu-${String(this.#made++)}`;
    return { name, node: null, terminating: false, ready: false, createdAtMs: nowMs, gated: true };
  }

  /** As a ReplicaSet: pods without a node first. */
  #removeOne(): void {
    const held = this.#pods.findLastIndex(({ gated }) => gated === true);
    this.#pods.splice(held < 0 ? this.#pods.length - 1 : held, 1);
  }

  #decide(nowMs: number): number {
    const maker = clusterJob()
      .at(nowMs)
      .job((job) =>
        job
          .pools({ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: this.wanted })
          .change(({ spec }) => (spec.teacher.queueName = 'spare'))
          .status({
            phase: 'Running',
            ...(this.#desired === undefined
              ? {}
              : {
                  teachers: {
                    desired: this.#desired,
                    ready: 0,
                    samplesPerSecond: 0,
                    pools: [{ name: 'gpu', desired: this.#desired, ready: 0, reason: 'MatchStudent' as const }],
                  },
                }),
          }),
      );
    const { snapshot } = maker;
    const pool = {
      ...observedPool('gpu', [], nowMs, { resource: 'nvidia.com/gpu' }),
      queue: 'spare',
      pods: this.#pods,
    };
    const streams =
      snapshot.streams.state === 'Present' && snapshot.streams.student !== null
        ? {
            ...snapshot.streams,
            student: {
              ...snapshot.streams.student,
              updatedAtMs: nowMs,
              samplesPerSecond: 1e6,
              unstarvedSamplesPerSecond: 1e6,
              window: 1_000,
              steps: 1_000_000,
              fedSteps: 1_040,
            },
            teachers: snapshot.streams.teachers.map((teacher) => ({ ...teacher, pool: 'gpu', updatedAtMs: nowMs })),
          }
        : snapshot.streams;
    const now: Snapshot = { ...snapshot, streams, cluster: { ...snapshot.cluster, pools: [pool] } };
    const plan = decide(granted(now, { 'nvidia.com/gpu': this.free }));
    this.#desired = plan.pools[0]?.replicas ?? 0;
    return this.#desired;
  }
}

describe('teachers that need quota', () => {
  test('fill it within its growth, leave one in the queue, and never make a herd', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 20 }),
        fc.nat({ max: 20 }),
        fc.integer({ min: 1, max: 24 }),
        (first, second, wanted) => {
          const pool = new Pool(noonMs, wanted, 100);
          const seen: string[] = [];
          for (let second_ = 0; second_ < 120; second_++) {
            const quota = second_ < 60 ? first : second;
            const { gated, running } = pool.step(noonMs + second_ * 1_000, quota);
            seen.push(`${String(running)}+${String(gated)}`);
            expect(running).toBeLessThanOrEqual(Math.max(quota, 0));
            // Those of a moment ago may still be counted as running when the lender takes them.
            if (second_ !== 60) expect(gated).toBeLessThanOrEqual(Math.max(1, running));
            if (second_ % 60 > 30) {
              expect([running, gated]).toEqual([Math.min(quota, wanted), quota < wanted ? 1 : 0]);
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('count as none for the allocation', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 5 }),
        fc.nat({ max: 5 }),
        fc.constantFrom(0, 5_000, 5_001, 60_000),
        (running, held, age) => {
          const pods = [
            ...observedPool(
              'gpu',
              Array.from({ length: running }, (_, at) => `gpu-${String(at)}`),
              noonMs,
            ).pods,
            ...Array.from({ length: held }, (_, at) => ({
              name: `held-${String(at)}`,
              node: null,
              terminating: false,
              ready: false,
              createdAtMs: noonMs - age,
              gated: true,
            })),
          ];
          const pool = { ...observedPool('gpu', [], noonMs), queue: 'spare', pods };
          const quota = quotaOf(pool, noonMs);
          expect(quota).toMatchObject({ running, gated: held, waits: held > 0 && age > 5_000 });
          expect(quota.mostReplicas).toBe(
            quota.waits ? running : held > 0 ? running + held : running + Math.max(1, running),
          );
        },
      ),
      runs,
    );
  });
});
