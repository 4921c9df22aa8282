/** No slot is held twice, whatever comes and goes (cluster/C1, cluster/C2, pods/T1). */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { type Cluster, clusterOf } from '../../../src/simulate/cluster.js';
import { startedJob, type Teacher } from '../../../src/simulate/job.js';
import { type Neighbor, Pods } from '../../../src/simulate/pods.js';
import { traceJob, traceNeighbor } from '../../unit/simulate/traces.js';

/** A cluster to which things happen, and the pods that are on it. */
function world(slots: readonly number[], placement: 'Packed' | 'Apart') {
  const cluster = clusterOf<Teacher>(slots.map((count, index) => ({ name: `${index}`, model: 'any', slots: count })));
  const jobs = [traceJob({ uid: 'a' }), traceJob({ uid: 'b' })].map(startedJob);
  const bound: Neighbor[] = [];
  const starting: Teacher[] = [];
  const leaving: Teacher[] = [];
  const pods = new Pods(
    cluster,
    { speeds: {}, preemptible: true, placement, leaving: placement === 'Apart' ? 'BesideNeighbors' : 'Youngest' },
    {
      neighborBound: (neighbor) => bound.push(neighbor),
      teacherBound: (teacher) => starting.push(teacher),
      teacherLeaving: (teacher) => leaving.push(teacher),
      jobChanged: () => undefined,
    },
  );
  return { cluster, jobs, bound, starting, leaving, pods };
}

function expectConserved(cluster: Cluster<Teacher>, pods: Pods): void {
  for (const { slots, free, neighbors, teachers, leaving, promised } of cluster.nodes) {
    expect(free + neighbors + teachers.size + leaving).toBe(slots);
    for (const count of [free, neighbors, leaving, promised]) expect(count).toBeGreaterThanOrEqual(0);
  }
  const sum = (of: (node: (typeof cluster.nodes)[number]) => number): number =>
    cluster.nodes.reduce((total, node) => total + of(node), 0);
  expect(cluster.free).toBe(sum(({ free }) => free));
  expect(pods.idleSlots).toBe(sum(({ slots, neighbors }) => slots - neighbors));
  expect(pods.promisedSlots).toBe(sum(({ promised }) => promised));
}

const stepArbitrary = fc.record({
  kind: fc.constantFrom('arrive', 'end', 'scale', 'ready', 'gone'),
  which: fc.nat(5),
  count: fc.nat(8),
});

test('slots of every node add up after every change', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 5 }),
      fc.constantFrom('Packed', 'Apart'),
      fc.array(stepArbitrary, { maxLength: 80 }),
      (slots, placement, steps) => {
        const { cluster, jobs, bound, starting, leaving, pods } = world(slots, placement);
        const taken = <Item>(from: Item[], which: number): Item | undefined => from.splice(which % from.length, 1)[0];
        for (const [now, { kind, which, count }] of steps.entries()) {
          if (kind === 'arrive') {
            const pod = traceNeighbor({ slots: 1 + count, milli: count === 0 && which > 2 ? 400 : 1_000 });
            pods.neighborArrives({ pod, node: null, promised: null, release: () => undefined }, now);
          } else if (kind === 'end' && bound.length > 0) {
            pods.neighborEnds(taken(bound, which)!, now);
          } else if (kind === 'scale') {
            const job = jobs[which % 2]!;
            pods.scale(job, count, now);
            expect(job.pending.size + job.starting.size + job.ready.size).toBe(count);
          } else if (kind === 'ready' && starting.length > 0) {
            pods.teacherReady(taken(starting, which)!, now);
          } else if (kind === 'gone' && leaving.length > 0) {
            pods.teacherGone(taken(leaving, which)!, now);
          }
          expectConserved(cluster, pods);
        }
      },
    ),
    { numRuns: 500, seed: 20_261_124 },
  );
});
