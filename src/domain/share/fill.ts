/**
 * Progressive filling: replicas are given one by one, each to the job that has the least for its weight, until nobody
 * wants or can have more. That is max-min fairness (Bertsekas & Gallager, Data Networks, §6.5.2) in whole replicas.
 *
 * A replica is worth its middle: the job with the lowest (slots + half a replica) ÷ weight is next, which rounds to the
 * nearest as Sainte-Laguë does. Largest remainders do so too, but may take a slot from a job when the cluster gains one
 * (the Alabama paradox; Balinski & Young, Fair Representation); here a job's place in the order depends on nobody else.
 *
 * What keeps students fed comes first: beyond that a job is given only what nobody lacks.
 *
 * Slots of different resources are different goods: what a job has of one takes nothing of its right to another.
 */
import type { JobClaim, PoolClaim, Stop } from './claims.js';
import { queueOf } from './queue.js';

/** A pool while it is filled. */
export interface Filling<Needs> {
  readonly claim: PoolClaim<Needs>;
  replicas: number;
  stoppedBy: Stop | null;
}

export interface JobFilling<Needs, Pool extends Filling<Needs> = Filling<Needs>> {
  readonly claim: JobClaim<Needs>;
  readonly pools: readonly Pool[];
}

export function emptyFilling<Needs, Pool extends Filling<Needs>>(
  claim: JobClaim<Needs>,
  poolOf: (filling: Filling<Needs>) => Pool,
): JobFilling<Needs, Pool> {
  return { claim, pools: claim.pools.map((pool) => poolOf({ claim: pool, replicas: 0, stoppedBy: null })) };
}

/**
 * Fills all jobs as far as they want and `seat` allows: first minimums, then what each needs, then all that is wanted.
 * O(replicas × log jobs).
 *
 * @param jobs in the order that decides ties
 * @param seat finds a place for one more replica, or says why there is none; there will be none later in this filling
 */
export function fill<Needs, Pool extends Filling<Needs>>(
  jobs: readonly JobFilling<Needs, Pool>[],
  seat: (pool: Pool) => Stop | null,
): void {
  fillBy(jobs, nextMinimum, seat);
  fillBy(jobs, (job) => nextUpTo(Math.min(job.claim.least ?? Infinity, job.claim.wanted), job), seat);
  fillBy(jobs, (job) => nextUpTo(job.claim.wanted, job), seat);
}

function fillBy<Needs, Pool extends Filling<Needs>>(
  jobs: readonly JobFilling<Needs, Pool>[],
  next: (job: JobFilling<Needs, Pool>) => Pool | null,
  seat: (pool: Pool) => Stop | null,
): void {
  const queue = queueOf(jobs.length);
  const enqueue = (job: JobFilling<Needs, Pool>, index: number): void => {
    const pool = next(job);
    if (pool !== null) queue.push(index, levelWithOneMore(job, pool));
  };
  jobs.forEach(enqueue);
  for (let index = queue.pop(); index !== null; index = queue.pop()) {
    const job = jobs[index];
    const pool = job === undefined ? null : next(job);
    if (job === undefined || pool === null) continue;
    pool.stoppedBy = seat(pool);
    if (pool.stoppedBy === null) pool.replicas++;
    enqueue(job, index);
  }
}

/** How full a job would be in the middle of its next replica: slots of that resource for its weight. */
function levelWithOneMore<Needs>({ claim, pools }: JobFilling<Needs>, { claim: next }: Filling<Needs>): number {
  let slots = next.slotsPerReplica / 2;
  for (const pool of pools) {
    if (pool.claim.resource === next.resource) slots += pool.replicas * pool.claim.slotsPerReplica;
  }
  return slots / claim.weight;
}

/** A job that wants no teacher at all keeps no minimum. */
function nextMinimum<Needs, Pool extends Filling<Needs>>({ claim, pools }: JobFilling<Needs, Pool>): Pool | null {
  return wantsAny(claim) ? below(pools, ({ minReplicas }) => minReplicas) : null;
}

function wantsAny<Needs>({ wanted, pools }: JobClaim<Needs>): boolean {
  return wanted > 0 || pools.some(({ keepReplicas }) => keepReplicas > 0);
}

/** What is to be kept first, then the cheapest pools until all together give so many units. */
function nextUpTo<Needs, Pool extends Filling<Needs>>(
  wanted: number,
  { claim, pools }: JobFilling<Needs, Pool>,
): Pool | null {
  let replicas = 0;
  let units = 0;
  for (const pool of pools) {
    replicas += pool.replicas;
    units += pool.replicas * pool.claim.unitsPerReplica;
  }
  if (replicas >= claim.maxReplicas) return null;
  const kept = below(pools, ({ keepReplicas }) => keepReplicas);
  if (kept !== null) return kept;
  return units >= wanted * almostOne ? null : below(pools, ({ maxReplicas }) => maxReplicas);
}

/** Sums of rates are never exact: a job is not given a teacher for a rounding error. */
const almostOne = 1 - 1e-9;

/** The first pool that has less than a bound of its own, and may have more. */
function below<Needs, Pool extends Filling<Needs>>(
  pools: readonly Pool[],
  bound: (claim: PoolClaim<Needs>) => number,
): Pool | null {
  for (const pool of pools) {
    const { claim, replicas, stoppedBy } = pool;
    if (stoppedBy === null && replicas < claim.maxReplicas && replicas < bound(claim)) return pool;
  }
  return null;
}

/** What each pool of a job would have if there were room for all: a filling without steps. */
export function wantedOf<Needs>(claim: JobClaim<Needs>): number[] {
  if (!wantsAny(claim)) return claim.pools.map(() => 0);
  const replicas = claim.pools.map(({ minReplicas, maxReplicas }) => Math.min(minReplicas, maxReplicas));
  let total = replicas.reduce((sum, count) => sum + count, 0);
  const raise = (index: number, bound: number): void => {
    const before = replicas[index] ?? 0;
    const after = Math.max(
      before,
      Math.min(bound, claim.pools[index]?.maxReplicas ?? 0, before + claim.maxReplicas - total),
    );
    total += after - before;
    replicas[index] = after;
  };
  for (const [index, { keepReplicas }] of claim.pools.entries()) raise(index, keepReplicas);
  for (const [index, { unitsPerReplica }] of claim.pools.entries()) {
    const units = claim.pools.reduce((sum, pool, at) => sum + (replicas[at] ?? 0) * pool.unitsPerReplica, 0);
    const missing = claim.wanted * almostOne - units;
    if (missing > 0) raise(index, (replicas[index] ?? 0) + Math.ceil(missing / unitsPerReplica));
  }
  return replicas;
}
