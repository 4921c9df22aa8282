/**
 * How many teachers each pool of each job gets (DESIGN §5.4), over all jobs at once. Pure; read it from top to bottom:
 * neighbours → fair numbers and seats → what can be told now.
 *
 * Invariants:
 *  S1 Neighbours come first: a place that one of them waits for is no teacher's, and the reserve takes nothing from them.
 *  S2 Having a teacher is no right to keep it: fair numbers are those of a cluster without any teacher on it.
 *  S3 Teachers that stay keep their nodes, and one has to go only for a neighbour, for what is due to another job, for the
 *     reserve, or since its own job wants less of its pool: never to make room that nobody could use.
 *  S4 Work conserving: no slot that a wanted replica would fit stays idle, beyond the reserve.
 *  S5 No pool is told to have a teacher for which there is no room yet: slots of those that go are not free until they are
 *     gone (DESIGN I5).
 *  S6 Namespaces share first, then the jobs within each (fill.ts).
 *  S7 The order of jobs, neighbours and teachers in the input changes nothing.
 */
import { addSlots, boundIn, budgetOf } from './quota.js';
import type { Grant, JobClaim, Share, ShareInput } from './types.js';
import { comingNow } from './admit.js';
import { wantedOf } from './fill.js';
import type { Filling } from './filling.js';
import { seatNeighbours } from './nominate.js';
import { compareText } from './order.js';
import { type SeatedPool, type Seats, seatTeachers } from './assign.js';
import { inOrderOfLeaving } from './victims.js';

type Sums = ReadonlyMap<string, number>;

export function shareOut<Needs>(input: ShareInput<Needs>): Share {
  const jobs = [...input.jobs].sort((a, b) => compareText(a.uid, b.uid));
  const seating = seatNeighbours(input.neighbours, input.board, input.leaving, boundTeachers(jobs));
  const { boards, nodes, needed } = seating;
  const neighbours = neighbourSlots(input, nodes);
  const seats = seatTeachers(jobs, input.namespaceWeights ?? {}, boards.empty, budgetOf(input, neighbours), needed);
  const comers = comingNow(seats, input.board, seating, budgetOf(input, occupied(input, neighbours)));
  const grantOf = granting(input, { seats, comers, neighbours, needed });
  return {
    grants: new Map(
      seats.jobs.map(({ claim, pools }) => {
        const wanted = claim.needed ?? wantedOf(claim);
        return [claim.uid, pools.map((pool, index) => grantOf(claim, pool, wanted[index] ?? 0))];
      }),
    ),
    neighbours: nodes,
  };
}

function* boundTeachers<Needs>(jobs: readonly JobClaim<Needs>[]): Iterable<{ node: string; needs: Needs }> {
  for (const { pools } of jobs) {
    for (const { teachers } of pools) {
      for (const { node, needs } of teachers) if (node !== null) yield { node, needs };
    }
  }
}

/** Slots of the neighbours that have a place. */
function neighbourSlots<Needs>(input: ShareInput<Needs>, nodes: ReadonlyMap<string, string | null>): Sums {
  const sums = new Map<string, number>();
  for (const { uid, slots } of input.neighbours) {
    if (nodes.get(uid) === null) continue;
    for (const [resource, count] of Object.entries(slots)) addSlots(sums, resource, count);
  }
  return sums;
}

/** … and of all teachers that have a node, going or not. */
function occupied<Needs>({ jobs, leaving }: ShareInput<Needs>, neighbours: Sums): Sums {
  const sums = new Map(neighbours);
  for (const { resource, slots } of leaving) addSlots(sums, resource, slots);
  for (const { pools } of jobs) {
    for (const pool of pools) addSlots(sums, pool.resource, boundIn(pool) * pool.slotsPerReplica);
  }
  return sums;
}

interface Outcome<Needs> {
  readonly seats: Seats<Needs>;
  readonly comers: ReadonlyMap<SeatedPool<Needs>, number>;
  readonly neighbours: Sums;
  readonly needed: ReadonlySet<string>;
}

function granting<Needs>(
  { supply }: ShareInput<Needs>,
  { seats, comers, neighbours, needed }: Outcome<Needs>,
): (job: JobClaim<Needs>, pool: SeatedPool<Needs>, wanted: number) => Grant {
  const all = slotsIn(seats.jobs.flatMap(({ pools }) => pools));
  const own = new Map(seats.jobs.map(({ claim, pools }) => [claim, slotsIn(pools)]));
  const inNamespace = new Map(
    [...Map.groupBy(seats.jobs, ({ claim }) => claim.namespace)].map(([namespace, some]) => [
      namespace,
      slotsIn(some.flatMap(({ pools }) => pools)),
    ]),
  );
  return (job, pool, wanted) => {
    const { name, resource, slotsPerReplica, teachers } = pool.claim;
    const come = comers.get(pool) ?? 0;
    const going = inOrderOfLeaving(
      teachers.filter((teacher) => !pool.stay.has(teacher)),
      needed,
    );
    // New teachers are first those that wait for a node already, the oldest.
    const spared = new Set(
      going
        .toReversed()
        .filter(({ node }) => node === null)
        .slice(0, come),
    );
    const { freeSlots, reserveSlots = 0 } = supply[resource] ?? {};
    const given = neighbours.get(resource) ?? 0;
    const ownJob = own.get(job)?.get(resource) ?? 0;
    return {
      pool: name,
      replicas: pool.stay.size + come,
      due: pool.replicas,
      slots: pool.replicas * slotsPerReplica,
      leave: going.filter((teacher) => !spared.has(teacher)).map((teacher) => teacher.name),
      why: {
        // A pool may be due what another one lacks.
        wanted: Math.max(wanted, pool.replicas),
        free: freeSlots === undefined ? null : Math.max(0, freeSlots - given - reserveSlots),
        heldBack: reserveSlots,
        neighbours: given,
        otherJobs: (all.get(resource) ?? 0) - ownJob,
        otherNamespaces: (all.get(resource) ?? 0) - (inNamespace.get(job.namespace)?.get(resource) ?? 0),
        ownJob,
        stoppedBy: pool.stoppedBy,
      },
    };
  };
}

function slotsIn<Needs>(pools: readonly Filling<Needs>[]): Sums {
  const sums = new Map<string, number>();
  for (const { claim, replicas } of pools) addSlots(sums, claim.resource, replicas * claim.slotsPerReplica);
  return sums;
}
