/**
 * Progressive filling on two levels: replicas are given one by one. Of each resource the namespace that has the least for
 * its weight is next, and in it the job that has the least for its weight, until no job wants or can have more. That is
 * max-min fairness (Bertsekas & Gallager, Data Networks, §6.5.2) in whole replicas, between namespaces and then within
 * each (docs/adr/0015).
 *
 * A replica is worth its middle: the lowest (slots + half a replica) ÷ weight is next, which rounds to the nearest as
 * Sainte-Laguë does. Largest remainders do so too, but may take a slot from a job when the cluster gains one (the Alabama
 * paradox; Balinski & Young, Fair Representation); here a place in the order depends on no other job.
 *
 * Invariants:
 *  P1 What a namespace has of a resource follows from what all its jobs need and want of it, not from how many jobs it
 *     has, from their weights or from which part of the need is a minimum.
 *  P2 Within a namespace minimums come first, then what keeps students fed. Both are its need, and no namespace is given
 *     more than its need before the needs of all are met.
 *  P3 Slots of different resources are different goods: what a job or a namespace has of one takes nothing of its right to
 *     another.
 */
import type { JobClaim, NamespaceWeights, PoolClaim, Stop } from './types.js';
import type { Filling, JobFilling } from './filling.js';
import { takeTurns } from './turns.js';

/**
 * Fills all jobs as far as they want and `seat` allows: first what each needs, minimums before the rest of it, then all
 * that is wanted. O(replicas × (log jobs + log namespaces)).
 *
 * @param jobs in the order that decides ties within a namespace; between namespaces their names decide
 * @param seat finds a place for one more replica, or says why there is none; there will be none later in this filling
 */
export function fill<Needs, Pool extends Filling<Needs>>(
  jobs: readonly JobFilling<Needs, Pool>[],
  weights: NamespaceWeights,
  seat: (pool: Pool) => Stop | null,
): void {
  const needs = jobs.map((job) => ({
    job,
    first: minimumsOf(job),
    then: () => nextUpTo(Math.min(job.claim.least ?? Infinity, job.claim.wanted), job),
  }));
  takeTurns(needs, weights, seat);
  const wants = jobs.map((job) => ({ job, first: [], then: () => nextUpTo(job.claim.wanted, job) }));
  takeTurns(wants, weights, seat);
}

/** One for each resource of which the job has a minimum. A job that wants no teacher at all keeps none. */
function minimumsOf<Needs, Pool extends Filling<Needs>>({
  claim,
  pools,
}: JobFilling<Needs, Pool>): (() => Pool | null)[] {
  if (!wantsAny(claim)) return [];
  const byResource = new Map<string, Pool[]>();
  for (const pool of pools) {
    if (pool.claim.minReplicas === 0) continue;
    const { resource } = pool.claim;
    const known = byResource.get(resource);
    if (known === undefined) byResource.set(resource, [pool]);
    else known.push(pool);
  }
  return Array.from(byResource.values(), (some) => () => below(some, ({ minReplicas }) => minReplicas));
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
    const { minReplicas, maxReplicas, unitsPerReplica } = pool.claim;
    // A minimum that is still being given counts as given: it is not wanted twice.
    const counted =
      pool.stoppedBy === null ? Math.max(pool.replicas, Math.min(minReplicas, maxReplicas)) : pool.replicas;
    replicas += counted;
    units += counted * unitsPerReplica;
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
