/** From fair numbers to assignments: which teachers stay where they are, and on which nodes new ones are expected. Pure. */
import type { Placement } from '../ledger/index.js';
import { fill } from './fill.js';
import { boundTeachers, Quota, type Slots } from './quota.js';
import { emptyFilling, type Filling, type JobFilling } from './turns.js';
import type { JobRequest, NamespaceWeights, StopReason, Teacher } from './types.js';
import { type BoundTeacher, keepingOn, type VictimOrder } from './victims.js';

/** The number of replicas that a pool would get on a cluster without teachers, and their nodes. */
interface FairPool<Needs> extends Filling<Needs> {
  readonly nodes: string[];
}

/** A job with its fair numbers. */
export type FairJob<Needs> = JobFilling<Needs, FairPool<Needs>>;

export interface AssignedPool<Needs> extends Filling<Needs> {
  readonly stay: Set<Teacher<Needs>>;
  /** Bound teachers that were not tried yet; the last one is tried next. */
  readonly untried: BoundTeacher<Needs>[];
}

export interface Assignment<Needs> {
  readonly jobs: readonly JobFilling<Needs, AssignedPool<Needs>>[];
  /** New teachers, in the order in which they were granted. */
  readonly added: readonly AddedTeacher<Needs>[];
  /** With every pending pod and teacher on its expected node. */
  readonly placement: Placement<Needs>;
}

export interface AddedTeacher<Needs> {
  readonly pool: AssignedPool<Needs>;
  readonly node: string;
}

/** What every filling of one allocation shares. */
interface Ground<Needs> {
  readonly weights: NamespaceWeights;
  /** Without any teacher. */
  readonly empty: Placement<Needs>;
  readonly quota: Slots;
}

/** Fair numbers: what each pool would get if no teacher ran. @param jobs in the order that decides ties */
export function fairShares<Needs>(
  jobs: readonly JobRequest<Needs>[],
  { weights, empty, quota: slots }: Ground<Needs>,
): FairJob<Needs>[] {
  const placement = empty.fork();
  const quota = new Quota(slots);
  const fair = jobs.map((job) => emptyFilling(job, (filling): FairPool<Needs> => ({ ...filling, nodes: [] })));
  fill(fair, weights, (pool) => {
    if (!quota.has(pool.request)) return 'Reserve';
    const node = placement.place(pool.request.needs);
    if (node === null) return 'Nodes';
    quota.use(pool.request);
    pool.nodes.push(node);
    return null;
  });
  return fair;
}

/**
 * Keeps as many running teachers as the fair numbers allow, and adds the rest. Of up to three attempts it takes the one
 * with the least shortage, and the earlier one of two that are equal.
 */
export function assign<Needs>(
  fair: readonly FairJob<Needs>[],
  order: VictimOrder<Needs>,
  ground: Ground<Needs>,
): Assignment<Needs> {
  const first = attempt(fair, order, ground);
  // Starting from the numbers that came out of it, teachers stay that would only have moved.
  const calm = first.jobs.some(({ pools }) => pools.some(moves)) ? attempt(first.jobs, order, ground) : first;
  const best = shortage(fair, calm) <= shortage(fair, first) ? calm : first;
  if (shortage(fair, best) === 0) return best;
  // Teachers that stay on the nodes of the fair numbers leave whole nodes to pools that need them.
  const nodes = new Map(fair.flatMap(({ pools }) => pools.map((pool) => [pool.request, pool.nodes])));
  const compact = attempt(fair, (pool, replicas) => keepingOn(nodes.get(pool) ?? [], order(pool, replicas)), ground);
  return shortage(fair, compact) < shortage(fair, best) ? compact : best;
}

/** Keeps teachers up to the given numbers, and then fills all jobs from there. */
function attempt<Needs>(
  numbers: readonly JobFilling<Needs>[],
  order: VictimOrder<Needs>,
  { weights, empty, quota: slots }: Ground<Needs>,
): Assignment<Needs> {
  const placement = empty.fork();
  const quota = new Quota(slots);
  const added: AddedTeacher<Needs>[] = [];
  const jobs = numbers.map(({ request, pools }) => ({
    request,
    pools: pools.map((pool): AssignedPool<Needs> => {
      const untried = order(pool.request, pool.replicas);
      const kept: AssignedPool<Needs> = {
        request: pool.request,
        replicas: 0,
        stoppedBy: null,
        stay: new Set(),
        untried,
      };
      while (kept.replicas < pool.replicas && keepNext(kept, placement, quota)) kept.replicas++;
      return kept;
    }),
  }));
  fill(jobs, weights, (pool): StopReason | null => {
    if (!quota.has(pool.request)) return 'Reserve';
    if (keepNext(pool, placement, quota)) return null;
    const node = placement.place(pool.request.needs);
    if (node === null) return 'Nodes';
    quota.use(pool.request);
    added.push({ pool, node });
    return null;
  });
  return { jobs, added, placement };
}

/** Keeps the best untried teacher whose place is still free. @returns false when there is none */
function keepNext<Needs>(
  { request, stay, untried }: AssignedPool<Needs>,
  placement: Placement<Needs>,
  quota: Quota,
): boolean {
  for (let teacher = untried.pop(); teacher !== undefined; teacher = untried.pop()) {
    if (!placement.placeOn(teacher.node, teacher.needs)) continue;
    quota.use(request);
    stay.add(teacher);
    return true;
  }
  return false;
}

/** Whether the pool loses a teacher on one node and gets one on another. */
function moves<Needs>({ request, stay, replicas }: AssignedPool<Needs>): boolean {
  return replicas > stay.size && boundTeachers(request) > stay.size;
}

/** Slots of the fair numbers that were not assigned. */
function shortage<Needs>(fair: readonly FairJob<Needs>[], { jobs }: Assignment<Needs>): number {
  let slots = 0;
  for (const [index, { pools }] of fair.entries()) {
    for (const [at, { replicas, request }] of pools.entries()) {
      const assigned = jobs[index]?.pools[at]?.replicas ?? 0;
      slots += Math.max(0, replicas - assigned) * request.slotsPerReplica;
    }
  }
  return slots;
}
