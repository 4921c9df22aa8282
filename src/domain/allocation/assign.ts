/** From fair numbers to seats: which teachers stay where they are, and how many come new. Pure. */
import { boundIn, type Budget, type Purse, purseOf } from './quota.js';
import type { Board, JobClaim, NamespaceWeights, PoolClaim, Stop, Teacher } from './types.js';
import { fill } from './fill.js';
import { emptyFilling, type Filling, type JobFilling } from './filling.js';
import { inOrderOfLeaving } from './victims.js';

/** A pool of a job in a cluster without teachers: what it would have, and where. */
interface FairPool<Needs> extends Filling<Needs> {
  readonly nodes: string[];
}

export type Seated<Needs> = Teacher<Needs> & { readonly node: string };

export interface SeatedPool<Needs> extends Filling<Needs> {
  readonly stay: Set<Teacher<Needs>>;
  /** Bound teachers that were not tried yet, the best last. */
  readonly untried: Seated<Needs>[];
}

export interface Seats<Needs> {
  readonly jobs: readonly JobFilling<Needs, SeatedPool<Needs>>[];
  /** Teachers that come new, in the order in which they were given. */
  readonly fresh: readonly FreshSeat<Needs>[];
  /** With everybody in the place that is theirs. */
  readonly board: Board<Needs>;
}

export interface FreshSeat<Needs> {
  readonly pool: SeatedPool<Needs>;
  readonly node: string;
}

/**
 * @param jobs in the order that decides ties
 * @param weights of namespaces
 * @param board without any teacher
 * @param needed nodes where teachers have to make room
 */
export function seatTeachers<Needs>(
  jobs: readonly JobClaim<Needs>[],
  weights: NamespaceWeights,
  board: Board<Needs>,
  budget: Budget,
  needed: ReadonlySet<string>,
): Seats<Needs> {
  const fair = fairNumbers(jobs, weights, board.fork(), purseOf(budget));
  const leaving: Leaving<Needs> = ({ teachers }, replicas) => {
    const seated = teachers.filter(isSeated);
    // Where all may stay, nobody comes before another.
    const allStay = seated.length <= replicas && !seated.some(({ node }) => needed.has(node));
    return allStay ? seated : inOrderOfLeaving(seated, needed);
  };
  const seatedFrom = (numbers: readonly JobFilling<Needs>[], order: Leaving<Needs>): Seats<Needs> =>
    seatsFor(numbers, weights, board.fork(), purseOf(budget), order);
  const first = seatedFrom(fair, leaving);
  // With the numbers that came out of it, teachers stay that would only have moved.
  const calm = first.jobs.some(({ pools }) => pools.some(moves)) ? seatedFrom(first.jobs, leaving) : first;
  const seats = shortage(fair, calm) <= shortage(fair, first) ? calm : first;
  if (shortage(fair, seats) === 0) return seats;
  // Teachers that stay where the fair numbers were found leave whole nodes to pools that need them.
  const nodes = new Map(fair.flatMap(({ pools }) => pools.map((pool) => [pool.claim, pool.nodes])));
  const gathered = seatedFrom(fair, (claim, replicas) => gatheredOn(nodes.get(claim) ?? [], leaving(claim, replicas)));
  return shortage(fair, gathered) < shortage(fair, seats) ? gathered : seats;
}

/** Teachers of a pool that have a node, in the order in which they should go when so many are due. */
type Leaving<Needs> = (claim: PoolClaim<Needs>, replicas: number) => Seated<Needs>[];

/** Whether a pool loses a teacher here to get one there. */
function moves<Needs>({ claim, stay, replicas }: SeatedPool<Needs>): boolean {
  return replicas > stay.size && boundIn(claim) > stay.size;
}

function fairNumbers<Needs>(
  claims: readonly JobClaim<Needs>[],
  weights: NamespaceWeights,
  board: Board<Needs>,
  purse: Purse,
): JobFilling<Needs, FairPool<Needs>>[] {
  const jobs = claims.map((claim) => emptyFilling(claim, (filling): FairPool<Needs> => ({ ...filling, nodes: [] })));
  fill(jobs, weights, (pool) => {
    const node = placeWithin(purse, board, pool);
    if (node === null) return purse.holds(pool.claim.resource, pool.claim.slotsPerReplica) ? 'Nodes' : 'Reserve';
    pool.nodes.push(node);
    return null;
  });
  return jobs;
}

function placeWithin<Needs>(purse: Purse, board: Board<Needs>, { claim }: Filling<Needs>): string | null {
  const { resource, slotsPerReplica, needs } = claim;
  if (!purse.holds(resource, slotsPerReplica)) return null;
  const node = board.place(needs);
  if (node !== null) purse.spend(resource, slotsPerReplica);
  return node;
}

/** As many teachers as are due stay, then all is filled up from there. */
function seatsFor<Needs>(
  numbers: readonly JobFilling<Needs>[],
  weights: NamespaceWeights,
  board: Board<Needs>,
  purse: Purse,
  leaving: Leaving<Needs>,
): Seats<Needs> {
  const fresh: FreshSeat<Needs>[] = [];
  const jobs = numbers.map(({ claim, pools }) => ({
    claim,
    pools: pools.map((pool): SeatedPool<Needs> => {
      const untried = leaving(pool.claim, pool.replicas);
      const seated: SeatedPool<Needs> = { claim: pool.claim, replicas: 0, stoppedBy: null, stay: new Set(), untried };
      while (seated.replicas < pool.replicas && staysAnother(seated, board, purse)) seated.replicas++;
      return seated;
    }),
  }));
  fill(jobs, weights, (pool): Stop | null => {
    if (!purse.holds(pool.claim.resource, pool.claim.slotsPerReplica)) return 'Reserve';
    if (staysAnother(pool, board, purse)) return null;
    const node = placeWithin(purse, board, pool);
    if (node === null) return 'Nodes';
    fresh.push({ pool, node });
    return null;
  });
  return { jobs, fresh, board };
}

function isSeated<Needs>(teacher: Teacher<Needs>): teacher is Seated<Needs> {
  return teacher.node !== null;
}

/** Keeps the best teacher whose place is nobody else's. */
function staysAnother<Needs>({ claim, stay, untried }: SeatedPool<Needs>, board: Board<Needs>, purse: Purse): boolean {
  for (let teacher = untried.pop(); teacher !== undefined; teacher = untried.pop()) {
    if (!board.placeOn(teacher.node, teacher.needs)) continue;
    purse.spend(claim.resource, claim.slotsPerReplica);
    stay.add(teacher);
    return true;
  }
  return false;
}

/** Slots that are due and found no seat. */
function shortage<Needs>(fair: readonly JobFilling<Needs>[], { jobs }: Seats<Needs>): number {
  let slots = 0;
  for (const [index, { pools }] of fair.entries()) {
    for (const [at, { replicas, claim }] of pools.entries()) {
      const seated = jobs[index]?.pools[at]?.replicas ?? 0;
      slots += Math.max(0, replicas - seated) * claim.slotsPerReplica;
    }
  }
  return slots;
}

/** In the order of leaving, those last that are on these nodes: one for each time that a node is named. */
function gatheredOn<Needs>(nodes: readonly string[], teachers: readonly Seated<Needs>[]): Seated<Needs>[] {
  const seats = new Map<string, number>();
  for (const node of nodes) seats.set(node, (seats.get(node) ?? 0) + 1);
  const gathered: Seated<Needs>[] = [];
  const others: Seated<Needs>[] = [];
  for (const teacher of teachers.toReversed()) {
    const left = seats.get(teacher.node) ?? 0;
    seats.set(teacher.node, left - 1);
    (left > 0 ? gathered : others).unshift(teacher);
  }
  return [...others, ...gathered];
}
