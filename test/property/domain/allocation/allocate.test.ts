/** Properties of every allocation (design §5.4, I5, I6): fair, work conserving, and never in the way of a pending pod. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  type JobRequest,
  type Allocation,
  allocate,
  type AllocationInput,
  wantedReplicas,
} from '../../../../src/domain/allocation/index.js';
import { type TestNeeds, type TestNode, placementOn } from '../../../kit/placement.js';
import { jobRequest, pendingPod, allocationInput } from '../../../kit/allocation.js';
import { evenWorldArbitrary, inputOf, isSettled, stepOf, type World, worldArbitrary } from './world.js';

const replicasOf = ({ grants }: Allocation): number[] =>
  [...grants.values()].map((pools) => pools.reduce((sum, { replicas }) => sum + replicas, 0));
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

interface Wish {
  readonly namespace: string;
  readonly weight: number;
  readonly wanted: number;
  readonly minReplicas: number;
  /** The part that it needs. */
  readonly least: number;
}

const wishArbitrary: fc.Arbitrary<Wish> = fc.record({
  namespace: fc.constantFrom('red', 'green', 'blue'),
  weight: fc.integer({ min: 1, max: 10 }),
  wanted: fc.nat({ max: 30 }),
  minReplicas: fc.constantFrom(0, 0, 0, 1, 3),
  least: fc.oneof(fc.constant(Infinity), fc.nat({ max: 30 })),
});
const wishes = fc.array(wishArbitrary, { minLength: 1, maxLength: 8 });
const slotsArbitrary = fc.nat({ max: 60 });

const claimOf = ({ namespace, weight, wanted, minReplicas, least }: Wish, index: number): JobRequest<TestNeeds> => ({
  ...jobRequest(`j${String(index).padStart(3, '0')}`, wanted, { namespace, weight, minReplicas, maxReplicas: 10_000 }),
  ...(least === Infinity ? {} : { least }),
});
/** Jobs of one namespace. */
const together = (jobs: readonly Wish[]): Wish[] => jobs.map((job) => ({ ...job, namespace: 'red' }));
/** Jobs that need all that they want. */
const needing = (jobs: readonly Wish[]): Wish[] => jobs.map((job) => ({ ...job, least: Infinity }));
/** This many slots on nodes of up to 8, and one job for each wish. */
const oneResource = (
  jobs: readonly Wish[],
  slots: number,
  input: Partial<AllocationInput<TestNeeds>> = {},
): Allocation => allocate(allocationInput(evenNodes(slots), { ...input, jobs: jobs.map(claimOf) }));
const evenNodes = (slots: number): TestNode[] =>
  Array.from({ length: Math.ceil(slots / 8) }, (_, index) => ({
    name: `n${String(index).padStart(2, '0')}`,
    gpu: Math.min(8, slots - index * 8),
    cpu: 1_000,
  }));
const served = ({ wanted, minReplicas }: Wish): number => (wanted === 0 ? 0 : Math.max(wanted, minReplicas));

/** Shares if slots could be divided: min(wanted, weight × level), with the highest level that the slots allow. */
function exactShares(jobs: readonly Wish[], slots: number): number[] {
  const at = (level: number): number[] => jobs.map(({ weight, wanted }) => Math.min(wanted, weight * level));
  let [low, high] = [0, 100];
  for (let round = 0; round < 100; round++) {
    const middle = (low + high) / 2;
    if (sum(at(middle)) <= slots) low = middle;
    else high = middle;
  }
  return at(low);
}

describe('slots of one kind', () => {
  test('are never idle while a job wants them, and no job gets more than it wants', () => {
    fc.assert(
      fc.property(wishes, slotsArbitrary, (jobs, slots) => {
        const replicas = replicasOf(oneResource(jobs, slots));
        expect(sum(replicas)).toBe(Math.min(slots, sum(jobs.map(served))));
        for (const [index, job] of jobs.entries()) expect(replicas[index]).toBeLessThanOrEqual(served(job));
      }),
      { numRuns: 1_000 },
    );
  });

  test('are shared equally: with equal weights each job is within one slot of its exact share', () => {
    fc.assert(
      fc.property(wishes, fc.integer({ min: 1, max: 10 }), slotsArbitrary, (wanting, weight, slots) => {
        const jobs = together(needing(wanting)).map((job) => ({ ...job, weight, minReplicas: 0 }));
        const replicas = replicasOf(oneResource(jobs, slots));
        for (const [index, exact] of exactShares(jobs, slots).entries()) {
          expect(Math.abs(replicas[index]! - exact)).toBeLessThan(1);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('are shared by weight: one level fits all, each job is within half a slot of weight × level', () => {
    fc.assert(
      fc.property(wishes, slotsArbitrary, (wanting, slots) => {
        const jobs = together(needing(wanting));
        const replicas = replicasOf(oneResource(jobs, slots));
        // A job above its minimum is at most half a slot above the level, a job that wants more at most half below.
        const least = jobs.map(({ weight, minReplicas }, index) =>
          replicas[index]! > minReplicas ? (replicas[index]! - 0.5) / weight : 0,
        );
        const most = jobs.map((job, index) =>
          replicas[index]! < served(job) ? (replicas[index]! + 0.5) / job.weight : Infinity,
        );
        expect(Math.max(...least)).toBeLessThanOrEqual(Math.min(...most));
      }),
      { numRuns: 1_000 },
    );
  });

  test('cover every minimum of a namespace before any of its jobs gets more', () => {
    fc.assert(
      fc.property(wishes, slotsArbitrary, (wanting, slots) => {
        const jobs = together(wanting);
        const replicas = replicasOf(oneResource(jobs, slots));
        const minimums = jobs.map(({ wanted, minReplicas }) => (wanted === 0 ? 0 : minReplicas));
        const enough = sum(minimums) <= slots;
        for (const [index, minimum] of minimums.entries()) {
          if (enough) expect(replicas[index]).toBeGreaterThanOrEqual(minimum);
          else expect(replicas[index]).toBeLessThanOrEqual(minimum);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('cover what all jobs need before any job gets more', () => {
    fc.assert(
      fc.property(wishes, slotsArbitrary, (jobs, slots) => {
        const replicas = replicasOf(oneResource(jobs, slots));
        const needs = jobs.map((job) => Math.min(served(job), Math.max(job.least, job.minReplicas)));
        const enough = sum(needs) <= slots;
        for (const [index, need] of needs.entries()) {
          if (enough) expect(replicas[index]).toBeGreaterThanOrEqual(need);
          else expect(replicas[index]).toBeLessThanOrEqual(need);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('one more slot reduces no share', () => {
    fc.assert(
      fc.property(wishes, slotsArbitrary, (jobs, slots) => {
        const before = replicasOf(oneResource(jobs, slots));
        const after = replicasOf(oneResource(jobs, slots + 1));
        for (const [index, replicas] of after.entries()) expect(replicas).toBeGreaterThanOrEqual(before[index]!);
      }),
      { numRuns: 1_000 },
    );
  });

  test('one more job raises no share', () => {
    fc.assert(
      fc.property(wishes, wishArbitrary, slotsArbitrary, (jobs, another, slots) => {
        const before = replicasOf(oneResource(jobs, slots));
        const after = replicasOf(oneResource([...jobs, another], slots));
        for (const [index, replicas] of before.entries()) expect(after[index]).toBeLessThanOrEqual(replicas);
      }),
      { numRuns: 1_000 },
    );
  });

  test('are held back for pending pods first, then for the reserve', () => {
    fc.assert(
      fc.property(wishes, slotsArbitrary, fc.nat({ max: 70 }), fc.nat({ max: 20 }), (jobs, slots, waiting, reserve) => {
        const share = oneResource(jobs, slots, {
          pendingPods: Array.from({ length: waiting }, (_, index) => pendingPod(`n${String(index)}`)),
          supply: { 'nvidia.com/gpu': { freeSlots: slots, reserveSlots: reserve } },
        });
        const nominated = [...share.nominations.values()].filter((node) => node !== null).length;
        expect(nominated).toBe(Math.min(waiting, slots));
        const left = Math.max(0, slots - waiting - reserve);
        expect(sum(replicasOf(share))).toBe(Math.min(left, sum(jobs.map(served))));
      }),
      { numRuns: 500 },
    );
  });
});

describe('slots of one kind between namespaces', () => {
  const names = ['red', 'green', 'blue'];
  const weightsArbitrary = fc.record({
    red: fc.integer({ min: 1, max: 5 }),
    green: fc.integer({ min: 1, max: 5 }),
    blue: fc.constant(1),
  });
  type Weights = Readonly<Record<string, number>>;
  const served = (job: Wish): number => (job.wanted === 0 ? 0 : Math.max(job.wanted, job.minReplicas));
  const needed = (job: Wish): number => Math.min(served(job), Math.max(job.least, job.minReplicas));
  const of = (namespace: string, jobs: readonly Wish[]): Wish[] => jobs.filter((job) => job.namespace === namespace);
  const totalsOf = (jobs: readonly Wish[], slots: number, namespaceWeights: Weights = {}): Record<string, number> => {
    const replicas = replicasOf(oneResource(jobs, slots, { namespaceWeights }));
    return Object.fromEntries(
      names.map((name) => [name, sum(replicas.filter((_, index) => jobs[index]!.namespace === name))]),
    );
  };
  /** A namespace that could use any number of slots. */
  const greedy: Wish = { namespace: 'red', weight: 1, wanted: 1_000, minReplicas: 0, least: Infinity };
  /** Jobs that ask for as much as the API allows. */
  const hostileArbitrary = fc.array(
    fc.record({
      namespace: fc.constant('red'),
      weight: fc.constantFrom(1, 1_000),
      wanted: fc.constantFrom(1, 30, 1_000),
      minReplicas: fc.constantFrom(0, 1, 10_000),
      least: fc.constantFrom(0, 30, Infinity),
    }),
    { minLength: 1, maxLength: 30 },
  );

  test('are shared by the weights of the namespaces: one level fits all of them', () => {
    fc.assert(
      fc.property(wishes, weightsArbitrary, slotsArbitrary, (wanting, weights: Weights, slots) => {
        const jobs = needing(wanting);
        const totals = totalsOf(jobs, slots, weights);
        const highest = names.map((name) => Math.max(0, (totals[name]! - 0.5) / weights[name]!));
        const lowest = names.map((name) =>
          totals[name]! < sum(of(name, jobs).map(served)) ? (totals[name]! + 0.5) / weights[name]! : Infinity,
        );
        expect(Math.max(...highest)).toBeLessThanOrEqual(Math.min(...lowest));
      }),
      { numRuns: 1_000 },
    );
  });

  test('depend on what a namespace needs and wants, and not on its number of jobs', () => {
    fc.assert(
      fc.property(wishes, weightsArbitrary, slotsArbitrary, (jobs, weights, slots) => {
        const merged = names.map((namespace): Wish => {
          const some = of(namespace, jobs);
          const wanted = sum(some.map(served));
          return { namespace, weight: 1, wanted, minReplicas: 0, least: sum(some.map(needed)) };
        });
        expect(totalsOf(jobs, slots, weights)).toEqual(totalsOf(merged, slots, weights));
      }),
      { numRuns: 1_000 },
    );
  });

  test('cannot be taken from other namespaces by minimums, weights or many jobs', () => {
    fc.assert(
      fc.property(hostileArbitrary, wishes, weightsArbitrary, slotsArbitrary, (hostile, jobs, weights, slots) => {
        const others = jobs.filter(({ namespace }) => namespace !== 'red');
        const totals = totalsOf([...hostile, ...others], slots, weights);
        const plain = totalsOf([greedy, ...others], slots, weights);
        expect(totals.red).toBeLessThanOrEqual(plain.red!);
        expect(totals.green).toBeGreaterThanOrEqual(plain.green!);
        expect(totals.blue).toBeGreaterThanOrEqual(plain.blue!);
      }),
      { numRuns: 300 },
    );
  });

  test('are guaranteed to a namespace up to its equal part, whatever the others request', () => {
    fc.assert(
      fc.property(hostileArbitrary, wishes, slotsArbitrary, (hostile, jobs, slots) => {
        const others = jobs.filter(({ namespace }) => namespace !== 'red');
        const totals = totalsOf([...hostile, ...others], slots);
        const part = Math.floor(slots / new Set(['red', ...others.map(({ namespace }) => namespace)]).size);
        for (const name of ['green', 'blue']) {
          expect(totals[name]).toBeGreaterThanOrEqual(Math.min(part, sum(of(name, others).map(needed))));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('cover the minimums of a namespace first, from its own share', () => {
    fc.assert(
      fc.property(wishes, weightsArbitrary, slotsArbitrary, (jobs, weights, slots) => {
        const replicas = replicasOf(oneResource(jobs, slots, { namespaceWeights: weights }));
        const minimumOf = ({ wanted, minReplicas }: Wish): number => (wanted === 0 ? 0 : minReplicas);
        for (const name of names) {
          const mine = jobs.flatMap((job, index) =>
            job.namespace === name ? [{ has: replicas[index]!, minimum: minimumOf(job) }] : [],
          );
          const enough = sum(mine.map(({ has }) => has)) >= sum(mine.map(({ minimum }) => minimum));
          for (const { has, minimum } of mine) {
            if (enough) expect(has).toBeGreaterThanOrEqual(minimum);
            else expect(has).toBeLessThanOrEqual(minimum);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** Allocates and carries out until nothing changes; null = the world never settles. */
function atRest(world: World): World | null {
  let now = world;
  for (let rounds = 0; rounds < 30; rounds++) {
    const share = allocate(inputOf(now));
    if (isSettled(now, share)) return now;
    now = stepOf(now, share);
  }
  return null;
}

const permuted = <T>(list: readonly T[], by: number): T[] =>
  list.map((_, index) => list[(index * 7 + by) % list.length]!).reverse();

describe('any cluster', () => {
  test('gives the same allocation in any order of the input, which it does not change', () => {
    fc.assert(
      fc.property(worldArbitrary, fc.nat({ max: 5 }), (world, by) => {
        fc.pre([world.jobs, world.pendingPods, world.nodes].every(({ length }) => length % 7 !== 0 || length === 0));
        const input = inputOf(world);
        const share = allocate(input);
        expect(allocate(input)).toEqual(share);
        const otherwise = inputOf({
          ...world,
          nodes: permuted(world.nodes, by),
          jobs: permuted(world.jobs, by),
          pendingPods: permuted(world.pendingPods, by),
        });
        const again = allocate({
          ...otherwise,
          jobs: otherwise.jobs.map((job) => ({
            ...job,
            pools: job.pools.map((pool) => ({ ...pool, teachers: pool.teachers.toReversed() })),
          })),
        });
        expect([...again.grants].sort()).toEqual([...share.grants].sort());
        expect(new Map([...again.nominations].sort())).toEqual(new Map([...share.nominations].sort()));
      }),
      { numRuns: 500 },
    );
  });

  test('settles: no teacher is evicted and started again forever', () => {
    fc.assert(
      fc.property(evenWorldArbitrary, (world) => {
        expect(atRest(world)).not.toBeNull();
      }),
      { numRuns: 1_000 },
    );
  });

  /** The scheduler may pack teachers of several sizes so badly that a small one moves for a large one again and again. */
  test('nearly always settles with teachers of several sizes on full nodes', () => {
    const worlds = fc.sample(worldArbitrary, { numRuns: 1_000, seed: 6 });
    expect(worlds.filter((world) => atRest(world) === null).length).toBeLessThanOrEqual(5);
  });

  test('once settled, has no idle slot that a job wants, beyond the reserve', () => {
    fc.assert(
      fc.property(fc.oneof(evenWorldArbitrary, worldArbitrary), (start) => {
        const world = atRest({ ...start, reserveSlots: 0 });
        if (world === null) return;
        const { jobs, placement } = inputOf(world);
        const share = allocate(inputOf(world));
        for (const job of jobs) {
          const grants = share.grants.get(job.uid)!;
          const replicas = sum(grants.map(({ due }) => due));
          const units = sum(grants.map(({ due }, index) => due * job.pools[index]!.unitsPerReplica));
          if (units >= job.wanted || replicas >= job.maxReplicas) continue;
          for (const [index, pool] of job.pools.entries()) {
            if (grants[index]!.due >= pool.maxReplicas) continue;
            expect(placement.fork().place(pool.needs)).toBeNull();
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('nominates every pending pod that would fit without teachers', () => {
    fc.assert(
      fc.property(worldArbitrary, (world) => {
        const without = { ...world, jobs: world.jobs.map((job) => ({ ...job, pools: [] })), leaving: [] };
        const alone = allocate(inputOf(without)).nominations;
        const together = allocate(inputOf(world)).nominations;
        for (const [uid, node] of alone) if (node !== null) expect(together.get(uid)).not.toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  test('binds as many pending pods of one kind as would fit without teachers', () => {
    fc.assert(
      fc.property(evenWorldArbitrary, (world) => {
        const [{ needs, slots } = pendingPod('none')] = world.pendingPods;
        const uniform = { ...world, pendingPods: world.pendingPods.map((pod) => ({ ...pod, needs, slots })) };
        const empty = placementOn(world.nodes);
        const fitting = uniform.pendingPods.filter(() => empty.place(needs) !== null).length;
        expect(atRest(uniform)?.bound).toHaveLength(fitting);
      }),
      { numRuns: 500 },
    );
  });

  test('never grants a slot that is not free yet', () => {
    fc.assert(
      fc.property(worldArbitrary, (world) => {
        const input = inputOf(world);
        const { grants } = allocate(input);
        for (const { uid, pools } of input.jobs) {
          for (const [index, { replicas, due, leave }] of grants.get(uid)!.entries()) {
            const { teachers, needs } = pools[index]!;
            const bound = teachers.filter(({ node }) => node !== null).length;
            expect(replicas).toBeLessThanOrEqual(due);
            expect(leave.length).toBe(Math.max(0, teachers.length - replicas));
            if (replicas > bound) expect(input.placement.fork().place(needs)).not.toBeNull();
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('keeps its reserve: no teacher is added that would reduce it', () => {
    fc.assert(
      fc.property(worldArbitrary, (world) => {
        const input = inputOf(world);
        const { grants, nominations } = allocate(input);
        const { freeSlots, reserveSlots } = input.supply['nvidia.com/gpu']!;
        const given = sum(
          world.pendingPods.map(({ uid, slots }) => (nominations.get(uid) === null ? 0 : slots['nvidia.com/gpu']!)),
        );
        const due = sum([...grants.values()].flat().map(({ slots }) => slots));
        expect(due).toBeLessThanOrEqual(Math.max(0, freeSlots - reserveSlots - given));
      }),
      { numRuns: 500 },
    );
  });

  test('evicts no teacher of a single job that wants it', () => {
    fc.assert(
      fc.property(worldArbitrary, (world) => {
        const input = inputOf({ ...world, jobs: world.jobs.slice(0, 1), pendingPods: [], reserveSlots: 0 });
        for (const job of input.jobs) {
          const wanting = { ...job, wanted: 1_000, maxReplicas: 1_000, pools: job.pools.slice(0, 1) };
          const [grants = []] = allocate({ ...input, jobs: [wanting] }).grants.values();
          for (const [index, { leave }] of grants.entries()) {
            const { teachers, maxReplicas } = job.pools[index]!;
            const bound = teachers.filter(({ node }) => node !== null).map(({ name }) => name);
            if (bound.length <= maxReplicas) expect(leave.filter((name) => bound.includes(name))).toEqual([]);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('wanted replicas are what an endless cluster would give', () => {
  fc.assert(
    fc.property(worldArbitrary, ({ jobs }) => {
      const endless = [
        { name: 'x', zone: 'x', gpu: 10_000, cpu: 10_000 },
        { name: 'y', zone: 'y', gpu: 10_000, cpu: 10_000 },
      ];
      const bare = jobs.map((job) => ({ ...job, pools: job.pools.map((pool) => ({ ...pool, teachers: [] })) }));
      const { grants } = allocate({
        jobs: bare,
        pendingPods: [],
        leaving: [],
        supply: {},
        placement: placementOn(endless),
      });
      for (const job of bare) expect(grants.get(job.uid)!.map(({ due }) => due)).toEqual(wantedReplicas(job));
    }),
    { numRuns: 200 },
  );
});
