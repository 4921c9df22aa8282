/** What holds of every decision, whatever was observed (DESIGN I5, I6, §5.5). */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { decide, type Plan, type Snapshot } from '../../../src/domain/index.js';
import { type Reference, studentPhases, teacherPhases } from '../../../src/protocol/index.js';
import { JobMaker, labelling, noonMs, runningJob, training } from '../../kit/snapshots.js';

const poolNames = ['cpu', 'spot', 'dear'] as const;
const count = fc.nat({ max: 6 });
/** Both sides of `telemetryStaleMs` and of a stall. */
const ageMs = fc.constantFrom(0, 400, 5_000, 5_001, 70_000);
const rate = fc.oneof(fc.constant(0), fc.double({ min: 1, max: 5_000, noNaN: true }));
const lastError = fc.constantFrom(null, { exitCode: 65, message: 'no model' }, { exitCode: 1, message: 'no memory' });

const poolArbitrary = fc.record({
  resource: fc.constantFrom(undefined, 'nvidia.com/gpu'),
  minReplicas: fc.nat({ max: 2 }),
  moreThanMin: fc.nat({ max: 4 }),
  running: count,
  stopping: fc.nat({ max: 2 }),
  freeSlots: count,
  disruptions: count,
  failuresInARow: count,
  lastError,
});

const studentArbitrary = fc
  .record({
    attempt: fc.integer({ min: 1, max: 4 }),
    phase: fc.constantFrom(...studentPhases),
    step: fc.nat({ max: 200 }),
    samplesPerSecond: rate,
    unstarvedSamplesPerSecond: rate,
    waitFraction: fc.double({ min: 0, max: 1, noNaN: true }),
    loss: fc.constantFrom(null, 0.25),
    window: fc.nat({ max: 40 }),
    fedSteps: fc.nat({ max: 200 }),
    firstNeededSequence: fc.nat({ max: 60 }),
    ageMs,
  })
  .map(({ ageMs: age, ...facts }) => training({ ...facts, updatedAtMs: noonMs - age }));

const teachersArbitrary = fc
  .array(fc.record({ pool: fc.constantFrom(...poolNames), phase: fc.constantFrom(...teacherPhases), rate, ageMs }), {
    maxLength: 6,
  })
  .map((teachers) =>
    teachers.map(({ pool, phase, rate: capableSamplesPerSecond, ageMs: age }, index) =>
      labelling(`${pool}-${String(index)}`, { phase, capableSamplesPerSecond, updatedAtMs: noonMs - age }),
    ),
  );

const streamsArbitrary: fc.Arbitrary<Snapshot['streams']> = fc.oneof(
  fc.constant<Snapshot['streams']>({ state: 'Absent' }),
  fc.constant<Snapshot['streams']>({ state: 'Unreachable', reason: 'the connection to NATS is lost' }),
  {
    weight: 6,
    arbitrary: fc.record({
      state: fc.constant('Present' as const),
      missing: fc.constantFrom<string[]>([], [], ['DISTILL_u-1_WORK']),
      work: fc.constantFrom(0, 4).map((messages) => ({ messages, pending: messages, ackPending: 0 })),
      logits: fc.constantFrom(0, 10).map((messages) => ({ messages, bytes: 0, firstSequence: 41, lastSequence: 50 })),
      dead: fc.record({ messages: fc.nat({ max: 2 }) }),
      student: fc.option(studentArbitrary),
      teachers: teachersArbitrary,
      reference: fc.constantFrom<Reference | null>(null, {
        teacherDigest: '0123456789abcdef',
        columns: 1,
        indices: [0],
        logits: [[1]],
      }),
    }),
  },
);

const jobPhase = fc.constantFrom('Absent', 'Running', 'BackingOff', 'Succeeded', 'Failed');

/** Any snapshot of a job that was never decided on. */
const freshSnapshot: fc.Arbitrary<Snapshot> = fc
  .record({
    pools: fc.array(poolArbitrary, { minLength: 1, maxLength: 3 }),
    suspend: fc.boolean(),
    softWeight: fc.constantFrom(0.9, 0.9, 0.9, 0),
    format: fc.constantFrom('idx' as const, 'idx' as const, 'idx' as const, 'npy' as const),
    student: fc.record({ phase: jobPhase, failures: count, disruptions: count, lastError }),
    streams: streamsArbitrary,
    deadItem: fc.constantFrom(null, {
      shard: 0,
      step: 7,
      teacher: 'cpu-1',
      deliveries: 5,
      error: 'NaN logits',
      item: null,
    }),
  })
  .map(({ pools, suspend, softWeight, format, student, streams, deadItem }) => ({
    nowMs: noonMs,
    engine: 'cluster',
    job: new JobMaker()
      .suspended(suspend)
      .softWeight(softWeight)
      .pools(
        ...pools.map(({ resource, minReplicas, moreThanMin }, index) => ({
          name: poolNames[index]!,
          minReplicas,
          maxReplicas: minReplicas + moreThanMin,
          ...(resource === undefined ? {} : { resource }),
        })),
      )
      .change(({ spec }) => (spec.dataset.format = format)).job,
    cluster: {
      pools: pools.map(({ running, stopping, freeSlots, disruptions, failuresInARow, lastError: error }, index) => ({
        name: poolNames[index]!,
        freeSlots,
        disruptions,
        failuresInARow,
        lastError: error,
        pods: Array.from({ length: running + stopping }, (_, pod) => ({
          name: `${poolNames[index]!}-${String(pod)}`,
          terminating: pod >= running,
        })),
      })),
      student: { starts: 1, ...student },
      remains: student.phase === 'Running' || pools.some(({ running, stopping }) => running + stopping > 0),
      refusal: null,
      usage: { teacherSlotSeconds: 3, studentSlotSeconds: 2 },
    },
    streams,
    deadItem,
  }));

/** … and of one that was: the status is what an earlier decision on another snapshot of the same job left. */
const snapshotArbitrary = fc
  .tuple(freshSnapshot, fc.option(freshSnapshot))
  .map(([now, earlier]) => (earlier === null ? now : after(now, decide({ ...earlier, job: now.job }))));

function after(snapshot: Snapshot, { status }: Plan): Snapshot {
  return { ...snapshot, job: { ...snapshot.job, status } };
}

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

function holds(check: (snapshot: Snapshot, plan: Plan) => void): void {
  fc.assert(
    fc.property(snapshotArbitrary, (snapshot) => check(snapshot, decide(snapshot))),
    { numRuns: 400 },
  );
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

  test('is level-triggered: decided again on what it left, it changes nothing and tells nothing', () => {
    holds((snapshot, plan) => {
      const again = decide(after(snapshot, plan));
      expect(again.status).toStrictEqual(plan.status);
      expect(again.pools).toEqual(plan.pools);
      // Streams that are still missing are made again, and that is told again: it happened twice.
      expect(again.events.filter(({ reason }) => reason !== 'StreamsCreated')).toEqual([]);
    });
  });

  test('runs a student exactly for a job that may run', () => {
    holds(({ job, cluster }, { student, status, workers }) => {
      const over = status.phase === 'Succeeded' || status.phase === 'Failed';
      const finished = over || job.spec.suspend || workers === 'Remove' || cluster.student.phase === 'Failed';
      expect(student).toBe(finished ? 'Stop' : 'Run');
    });
  });
});

describe('the teachers of a decision', () => {
  test('stay within the bounds of their pools and the free slots', () => {
    holds((snapshot, { pools }) => {
      const growth = new Map<string, { grown: number; free: number }>();
      for (const [index, { name, replicas }] of pools.entries()) {
        const spec = snapshot.job.spec.teacher.pools[index]!;
        const { freeSlots } = snapshot.cluster.pools[index]!;
        const grown = Math.max(0, replicas - runningIn(snapshot, name));
        expect(replicas).toBeLessThanOrEqual(spec.maxReplicas);
        expect(grown).toBeLessThanOrEqual(freeSlots);
        const group = growth.get(spec.resource ?? '') ?? { grown: 0, free: 0 };
        growth.set(spec.resource ?? '', { grown: group.grown + grown, free: Math.max(group.free, freeSlots) });
      }
      for (const { grown, free } of growth.values()) expect(grown).toBeLessThanOrEqual(free);
    });
  });

  test('never fall below the minimums while any is wanted and slots allow it', () => {
    holds((snapshot, { pools, status }) => {
      const wanted = status.teachers?.pools[0]?.reason === 'MatchStudent';
      const needed = snapshot.job.spec.teacher.pools.reduce(
        (sum, { name, minReplicas }) => sum + Math.max(0, minReplicas - runningIn(snapshot, name)),
        0,
      );
      if (!wanted || snapshot.cluster.pools.some(({ freeSlots }) => freeSlots < needed)) return;
      for (const [index, { minReplicas }] of snapshot.job.spec.teacher.pools.entries()) {
        expect(pools[index]!.replicas).toBeGreaterThanOrEqual(minReplicas);
      }
    });
  });

  test('are none when the job is suspended, over or refused', () => {
    holds((_snapshot, { student, pools, streams }) => {
      if (student === 'Run') return;
      expect(pools.every(({ replicas }) => replicas === 0)).toBe(true);
      expect(streams.provision).toBe(false);
    });
  });

  test('are held in a telemetry gap: no pool is told anything new', () => {
    holds((snapshot, { pools, status }) => {
      if (status.teachers?.pools[0]?.reason !== 'TelemetryGap') return;
      for (const [index, { name, replicas }] of pools.entries()) {
        const told = snapshot.job.status?.teachers?.pools.find((pool) => pool.name === name)?.desired;
        const running = runningIn(snapshot, name);
        const held = told ?? running;
        const { maxReplicas } = snapshot.job.spec.teacher.pools[index]!;
        expect(replicas).toBeLessThanOrEqual(held);
        // Less only where a bound or a slot that is gone leaves no choice.
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
              .told(training({ unstarvedSamplesPerSecond: base * factor, window: 1_000 }))
              .teachers(...names.map((name) => labelling(name))).plan;
            expect(pools[0]!.replicas).toBeGreaterThanOrEqual(running);
            running = pools[0]!.replicas;
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
