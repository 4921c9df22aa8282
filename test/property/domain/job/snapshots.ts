/** Arbitrary snapshots of a job, in any state that can be observed, and some that cannot. */
import { type Reference, studentPhases, teacherPhases } from '@distillery/protocol';
import fc from 'fast-check';

import { forceDeleteAnnotation, streamsFinalizer } from '../../../../src/api/index.js';
import {
  decide,
  type KueueSupport,
  type ObservedTeacher,
  type Plan,
  type Snapshot,
} from '../../../../src/domain/index.js';
import { granted, observedPool } from '../../../kit/grants.js';
import { JobMaker, labeling, noonMs, training } from '../../../kit/snapshots.js';

const poolNames = ['cpu', 'spot', 'dear'] as const;
const count = fc.nat({ max: 6 });
const usually = <T>(common: T, rare: T): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(common) }, { weight: 1, arbitrary: fc.constant(rare) });
/** Both sides of `telemetryStaleMs` and of a stall. */
const ageMs = fc.constantFrom(0, 400, 5_000, 5_001, 70_000);
const rate = fc.oneof(fc.constant(0), fc.double({ min: 1, max: 5_000, noNaN: true }));
const lastError = fc.constantFrom(
  null,
  null,
  null,
  null,
  { exitCode: 65, message: 'no model' },
  { exitCode: 1, message: 'no memory' },
);

const poolArbitrary = fc.record({
  resource: fc.constantFrom(undefined, 'nvidia.com/gpu'),
  minReplicas: fc.nat({ max: 2 }),
  moreThanMin: fc.nat({ max: 4 }),
  running: count,
  stopping: fc.nat({ max: 2 }),
  /** Teachers that wait for quota, and for how long. */
  gated: usually(0, 2),
  gatedMs: fc.constantFrom(1_000, 60_000),
  queue: usually<string | null>(null, 'spare'),
  disruptions: count,
  failuresInARow: count,
  lastError,
});
/** The part of Kueue in the job: of its student, and whether it can be seen. */
const queueArbitrary = fc.record({
  named: fc.boolean(),
  kueue: fc.constantFrom<KueueSupport>('Served', 'Served', 'NotServed', 'TooOld', 'NotReadable', 'Unknown'),
  admitted: fc.boolean(),
  workload: fc.option(
    fc.record({
      name: fc.constant('job-mnist-student-1'),
      active: fc.boolean(),
      stoppedByUs: fc.boolean(),
      message: fc.constantFrom('', "couldn't assign flavors to pod set main"),
    }),
  ),
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
      labeling(`${pool}-${String(index)}`, { phase, capableSamplesPerSecond, updatedAtMs: noonMs - age }),
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
      readers: fc.array(fc.record({ id: fc.constant('student'), firstNeededSequence: fc.nat({ max: 60 }) }), {
        maxLength: 3,
      }),
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

/** The state of the job's own object. */
const lifeArbitrary = fc.record({
  engine: usually<Snapshot['engine']>('cluster', 'local'),
  finalizers: fc.constantFrom<string[]>([], [streamsFinalizer], [streamsFinalizer], ['example.com/theirs']),
  deleted: fc.constantFrom(false, false, false, true),
  /** All of its processes are gone. */
  gone: fc.constantFrom(false, false, true),
  forced: fc.constantFrom(false, false, true),
  ttl: fc.constantFrom(0, 60, 86_400),
});

const jobPhase = fc.oneof(
  { weight: 6, arbitrary: fc.constant('Running' as const) },
  { weight: 4, arbitrary: fc.constantFrom('Absent', 'BackingOff', 'Succeeded', 'Failed') },
);

/** With the free slots of each resource. */
export type SnapshotOfFree = Snapshot & { readonly free: Readonly<Record<string, number>> };

/** Any snapshot of a job that was never decided on. */
const freshSnapshot: fc.Arbitrary<SnapshotOfFree> = fc
  .record({
    pools: fc.array(poolArbitrary, { minLength: 1, maxLength: 3 }),
    free: fc.record({ cpu: count, 'nvidia.com/gpu': count }),
    suspend: usually(false, true),
    softWeight: fc.constantFrom(0.9, 0.9, 0.9, 0),
    delivery: usually('Reference' as const, 'Inline' as const),
    student: fc.record({ phase: jobPhase, failures: count, disruptions: fc.option(count), lastError }),
    refusal: usually(null, 'the claim does not exist'),
    queued: fc.option(queueArbitrary, { freq: 2 }),
    life: lifeArbitrary,
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
  .map(({ pools, free, suspend, softWeight, delivery, student, refusal, queued, life, streams, deadItem }) => ({
    nowMs: noonMs,
    engine: life.engine,
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
      .ttl(life.ttl)
      .change(({ spec, metadata }) => {
        spec.dataset.delivery = delivery;
        if (queued?.named === true) spec.queueName = 'team';
        metadata.finalizers = life.finalizers;
        if (life.deleted) metadata.deletionTimestamp = '2026-11-24T11:59:00Z';
        if (life.forced) metadata.annotations = { [forceDeleteAnnotation]: 'true' };
      }).job,
    cluster: {
      pools: pools.map(({ resource = 'cpu', running, stopping, gated, gatedMs, queue, ...facts }, index) => {
        const name = poolNames[index]!;
        const pods = Array.from({ length: life.gone ? 0 : running + stopping }, (_, pod) => {
          return `${name}-${String(pod)}${pod >= running ? '!' : ''}`;
        });
        const { disruptions, failuresInARow, lastError: error } = facts;
        const pool = observedPool(name, pods, noonMs, { resource, disruptions, failuresInARow, lastError: error });
        // On a laptop there is no Kueue.
        if (life.engine === 'local') return pool;
        return { ...pool, queue, pods: [...pool.pods, ...heldPods(name, life.gone ? 0 : gated, gatedMs)] };
      }),
      ...(queued === null ? {} : { kueue: queued.kueue }),
      student: {
        starts: 1,
        ...student,
        ...(queued === null ? {} : { queue: { name: 'team', admitted: queued.admitted, workload: queued.workload } }),
        ...(life.gone && student.phase === 'Running' ? { phase: 'Absent' } : {}),
      },
      remains:
        !life.gone &&
        (student.phase === 'Running' || pools.some(({ running, stopping, gated }) => running + stopping + gated > 0)),
      refusal,
      usage: { teacherSlotSeconds: 3, studentSlotSeconds: 2 },
    },
    streams,
    deadItem,
    grants: [],
    free,
  }));

function heldPods(pool: string, gated: number, ageMs: number): ObservedTeacher[] {
  return Array.from({ length: gated }, (_, at) => ({
    name: `${pool}-held-${String(at)}`,
    node: null,
    terminating: false,
    ready: false,
    createdAtMs: noonMs - ageMs,
    gated: true,
  }));
}

/** A snapshot whose status may come from an earlier decision on another snapshot of the same job. */
export const snapshotArbitrary: fc.Arbitrary<SnapshotOfFree> = fc
  .tuple(freshSnapshot, fc.option(freshSnapshot), fc.constantFrom(0, 0, 59_000, 3_600_000))
  .map(([now, earlier, sinceMs]) => {
    if (earlier === null) return regranted(now);
    const asItWas = new JobMaker(now.job).change(({ metadata }) => delete metadata.deletionTimestamp).job;
    return after(now, decide(regranted({ ...earlier, nowMs: noonMs - sinceMs, engine: now.engine, job: asItWas })));
  });

/** The same snapshot with the status of a decision; its request, and so its grants, may differ. */
export function after(snapshot: SnapshotOfFree, { status }: Plan): SnapshotOfFree {
  return regranted({ ...snapshot, job: { ...snapshot.job, status } });
}

function regranted(snapshot: SnapshotOfFree): SnapshotOfFree {
  return { ...granted(snapshot, snapshot.free), free: snapshot.free };
}
