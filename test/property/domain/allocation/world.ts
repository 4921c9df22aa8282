/**
 * A small world that carries out allocations: leaving teachers are gone after one round, and new teachers and pending pods
 * take the first node with room, as the scheduler would.
 */
import fc from 'fast-check';

import type {
  JobRequest,
  LeavingTeacher,
  PendingPodRequest,
  PoolRequest,
  Allocation,
  AllocationInput,
  Teacher,
} from '../../../../src/domain/allocation/index.js';
import { type TestNeeds, type TestNode, placementOn } from '../../../kit/placement.js';
import { poolRequest } from '../../../kit/allocation.js';

export interface World {
  readonly nodes: readonly TestNode[];
  readonly jobs: readonly JobRequest<TestNeeds>[];
  readonly pendingPods: readonly PendingPodRequest<TestNeeds>[];
  readonly leaving: readonly LeavingTeacher<TestNeeds>[];
  /** Pending pods that were bound. */
  readonly bound: readonly { readonly node: string; readonly needs: TestNeeds }[];
  readonly reserveSlots: number;
  readonly namespaceWeights: Readonly<Record<string, number>>;
}

const gpu = 'nvidia.com/gpu';

/** Each kind of pod is one object, so that placements recognize it. */
const kinds: readonly TestNeeds[] = [
  { gpu: 1, cpu: 1 },
  { gpu: 1, cpu: 1 },
  { gpu: 1, cpu: 3 },
  { gpu: 2, cpu: 1 },
  { gpu: 4, cpu: 1 },
  { gpu: 1, cpu: 1, zone: 'x' },
  { gpu: 2, cpu: 2, zone: 'y' },
];
const kindArbitrary = fc.constantFrom(...kinds);
/** One GPU each, wherever it may be. */
const evenKinds: readonly TestNeeds[] = [
  { gpu: 1, cpu: 0 },
  { gpu: 1, cpu: 0, zone: 'x' },
  { gpu: 1, cpu: 0, zone: 'y' },
];

const nodeArbitrary = fc.record({
  gpu: fc.constantFrom(0, 1, 2, 4, 8),
  cpu: fc.constantFrom(2, 8, 32),
  zone: fc.constantFrom('x', 'y'),
});
const poolOf = (needs: fc.Arbitrary<TestNeeds>) =>
  fc.record({
    needs,
    minReplicas: fc.constantFrom(0, 0, 0, 1),
    keepReplicas: fc.constantFrom(0, 0, 1),
    maxReplicas: fc.nat({ max: 10 }),
    unitsPerReplica: fc.constantFrom(1, 1, 2.5),
    /** Teachers that run, as far as there is room. */
    running: fc.nat({ max: 6 }),
    waiting: fc.constantFrom(0, 0, 1),
    going: fc.constantFrom(0, 0, 2),
  });
const jobOf = (needs: fc.Arbitrary<TestNeeds>) =>
  fc.record({
    namespace: fc.constantFrom('red', 'red', 'blue'),
    weight: fc.integer({ min: 1, max: 4 }),
    wanted: fc.nat({ max: 15 }),
    least: fc.oneof(fc.constant(15), fc.nat({ max: 15 })),
    maxReplicas: fc.constantFrom(3, 100, 100),
    pools: fc.array(poolOf(needs), { minLength: 1, maxLength: 3 }),
  });
const pendingPodArbitrary = fc.record({
  needs: kindArbitrary,
  priority: fc.nat({ max: 2 }),
  createdAtMs: fc.nat({ max: 2 }),
});

/** Any world in which every bound pod has room. */
const worldOf = (needs: fc.Arbitrary<TestNeeds>): fc.Arbitrary<World> =>
  fc
    .record({
      nodes: fc.array(nodeArbitrary, { minLength: 1, maxLength: 6 }),
      jobs: fc.array(jobOf(needs), { minLength: 1, maxLength: 4 }),
      pendingPods: fc.array(pendingPodArbitrary, { maxLength: 4 }),
      reserveSlots: fc.constantFrom(0, 0, 1, 5),
      namespaceWeights: fc.constantFrom({}, {}, { blue: 3 }),
    })
    .map(({ nodes, jobs, pendingPods, reserveSlots, namespaceWeights }) => {
      const named = nodes.map((node, index) => ({ ...node, name: `n${String(index)}` }));
      const placement = placementOn(named);
      const leaving: LeavingTeacher<TestNeeds>[] = [];
      const requests = jobs.map(({ pools, ...job }, index): JobRequest<TestNeeds> => {
        const uid = `j${String(index)}`;
        return {
          ...job,
          uid,
          pools: pools.map(({ running, waiting, going, needs, ...pool }, at) => {
            const places = Array.from({ length: running }, () => placement.place(needs)).filter(
              (node) => node !== null,
            );
            for (let gone = 0; gone < going; gone++) {
              const node = placement.place(needs);
              if (node !== null) leaving.push({ node, needs, resource: gpu, slots: needs.gpu });
            }
            const name = `p${String(at)}`;
            const nodesOf = [...places, ...Array.from({ length: waiting }, () => null)];
            const teachers = nodesOf.map((node, number) => teacherOf(`${uid}-${name}-${String(number)}`, node, needs));
            return poolRequest({ ...pool, name, needs, slotsPerReplica: needs.gpu, teachers });
          }),
        };
      });
      const waiting = pendingPods.map((pod, index) => ({
        ...pod,
        uid: `w${String(index)}`,
        slots: { [gpu]: pod.needs.gpu },
      }));
      return { nodes: named, jobs: requests, pendingPods: waiting, leaving, bound: [], reserveSlots, namespaceWeights };
    });

export const worldArbitrary = worldOf(kindArbitrary);
/** All teachers take one GPU and are limited only by GPUs; pending pods have any size. */
export const evenWorldArbitrary = worldOf(fc.constantFrom(...evenKinds));

function teacherOf(name: string, node: string | null, needs: TestNeeds): Teacher<TestNeeds> {
  return { name, node, needs, ready: node !== null, coLocatedSlots: 0, samplesPerSecond: 1, createdAtMs: 0 };
}

export function inputOf({
  nodes,
  jobs,
  pendingPods,
  leaving,
  bound,
  reserveSlots,
  namespaceWeights,
}: World): AllocationInput<TestNeeds> & { supply: Record<string, { freeSlots: number; reserveSlots: number }> } {
  const placement = placementOn(nodes);
  const teachers = jobs.flatMap(({ pools }) => pools.flatMap((pool) => pool.teachers));
  for (const { node, needs } of [...leaving, ...bound, ...teachers]) if (node !== null) placement.add(node, needs);
  const all = nodes.reduce((sum, node) => sum + node.gpu, 0);
  const freeSlots = all - bound.reduce((sum, { needs }) => sum + needs.gpu, 0);
  return { jobs, pendingPods, leaving, supply: { [gpu]: { freeSlots, reserveSlots } }, namespaceWeights, placement };
}

/** No teacher leaves or starts, and no pending pod waits for room that may come. */
export function isSettled(world: World, { grants, nominations }: Allocation): boolean {
  return (
    world.leaving.length === 0 &&
    [...nominations.values()].every((node) => node === null) &&
    world.jobs.every(({ uid, pools }) =>
      pools.every(({ teachers }, index) => {
        const grant = grants.get(uid)?.[index];
        const bound = teachers.filter(({ node }) => node !== null).length;
        return grant?.leave.length === 0 && grant.replicas === grant.due && grant.due === bound;
      }),
    )
  );
}

export function stepOf(world: World, { grants }: Allocation): World {
  const { placement } = inputOf(world);
  const bound = [...world.bound];
  const pendingPods = [...world.pendingPods]
    .sort((a, b) => b.priority - a.priority || a.createdAtMs - b.createdAtMs || (a.uid < b.uid ? -1 : 1))
    .filter(({ needs }) => {
      const node = placement.place(needs);
      if (node !== null) bound.push({ node, needs });
      return node === null;
    });
  const leaving: LeavingTeacher<TestNeeds>[] = [];
  const carriedOut = (uid: string, pool: PoolRequest<TestNeeds>, index: number): PoolRequest<TestNeeds> => {
    const { replicas, leave } = grants.get(uid)![index]!;
    const { needs, slotsPerReplica: slots } = pool;
    const teachers: Teacher<TestNeeds>[] = [];
    for (const teacher of pool.teachers) {
      if (!leave.includes(teacher.name)) teachers.push(withNode(teacher, placement.place.bind(placement)));
      else if (teacher.node !== null) leaving.push({ node: teacher.node, needs, resource: gpu, slots });
    }
    for (let number = 0; teachers.length < replicas; number++) {
      const name = `${uid}-${pool.name}-${String(number)}`;
      if (pool.teachers.some((teacher) => teacher.name === name)) continue;
      teachers.push(withNode(teacherOf(name, null, needs), placement.place.bind(placement)));
    }
    return { ...pool, teachers };
  };
  const jobs = world.jobs.map((job) => ({
    ...job,
    pools: job.pools.map((pool, index) => carriedOut(job.uid, pool, index)),
  }));
  return { ...world, jobs, pendingPods, leaving, bound };
}

function withNode(teacher: Teacher<TestNeeds>, place: (needs: TestNeeds) => string | null): Teacher<TestNeeds> {
  if (teacher.node !== null) return teacher;
  const node = place(teacher.needs);
  return { ...teacher, node, ready: node !== null, coLocatedSlots: 0 };
}
