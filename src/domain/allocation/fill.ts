/**
 * Progressive filling on two levels: replicas are granted one by one. For each resource the namespace with the fewest slots
 * for its weight is next, and in it the job with the fewest slots for its weight, until no job wants or can have more. This
 * is max-min fairness (Bertsekas & Gallager, Data Networks, §6.5.2) in whole replicas, between namespaces and then within
 * each (docs/adr/0015).
 *
 * A replica counts at its middle: the lowest (slots + half a replica) ÷ weight is next, which rounds to the nearest as
 * Sainte-Laguë does. Largest remainders round so, too, but may take a slot from a job when the cluster gains one (the
 * Alabama paradox; Balinski & Young, Fair Representation); here a job's position depends on no other job.
 *
 * Invariants:
 *  fill/P1 A namespace's slots of a resource depend on what all its jobs together need and want of it, and not on the number
 *     of its jobs, their weights or which part of the need is a minimum.
 *  fill/P2 Within a namespace minimums come first, then what students need. Both are the namespace's need, and no namespace
 *     gets more than its need before the needs of all are met.
 *  fill/P3 Resources are independent: slots of one resource never reduce a job's or a namespace's share of another.
 */
import { type Filling, type JobFilling, takeTurns } from './turns.js';
import type { JobRequest, NamespaceWeights, PoolRequest, StopReason } from './types.js';

/**
 * Fills all jobs as far as they want and `assign` allows: first what each needs, minimums before the rest of it, then all
 * that is wanted. O(replicas × (log jobs + log namespaces)).
 *
 * @param jobs in the order that decides ties within a namespace; between namespaces their names decide
 * @param assign finds a node for one more replica, or returns why there is none; the answer holds for the whole filling
 */
export function fill<Needs, Pool extends Filling<Needs>>(
  jobs: readonly JobFilling<Needs, Pool>[],
  weights: NamespaceWeights,
  assign: (pool: Pool) => StopReason | null,
): void {
  const needs = jobs.map((job) => ({
    job,
    minimums: minimumsOf(job),
    rest: () => nextUpTo(Math.min(job.request.least ?? Infinity, job.request.wanted), job),
  }));
  takeTurns(needs, weights, assign);
  const wants = jobs.map((job) => ({ job, minimums: [], rest: () => nextUpTo(job.request.wanted, job) }));
  takeTurns(wants, weights, assign);
}

/** One function for each resource of which the job has a minimum. A job that wants no teacher at all keeps none. */
function minimumsOf<Needs, Pool extends Filling<Needs>>({
  request,
  pools,
}: JobFilling<Needs, Pool>): (() => Pool | null)[] {
  if (!wantsAny(request)) return [];
  const byResource = new Map<string, Pool[]>();
  for (const pool of pools) {
    if (pool.request.minReplicas === 0) continue;
    const { resource } = pool.request;
    const known = byResource.get(resource);
    if (known === undefined) byResource.set(resource, [pool]);
    else known.push(pool);
  }
  return Array.from(byResource.values(), (some) => () => firstBelow(some, ({ minReplicas }) => minReplicas));
}

function wantsAny<Needs>({ wanted, pools }: JobRequest<Needs>): boolean {
  return wanted > 0 || pools.some(({ keepReplicas }) => keepReplicas > 0);
}

/** The pool of the next replica: replicas to keep come first, then the cheapest pools until all provide this many units. */
function nextUpTo<Needs, Pool extends Filling<Needs>>(
  wanted: number,
  { request, pools }: JobFilling<Needs, Pool>,
): Pool | null {
  let replicas = 0;
  let units = 0;
  for (const pool of pools) {
    const { minReplicas, maxReplicas, unitsPerReplica } = pool.request;
    // A minimum that is still being filled counts as granted, so that it is not wanted twice.
    const counted =
      pool.stoppedBy === null ? Math.max(pool.replicas, Math.min(minReplicas, maxReplicas)) : pool.replicas;
    replicas += counted;
    units += counted * unitsPerReplica;
  }
  if (replicas >= request.maxReplicas) return null;
  const kept = firstBelow(pools, ({ keepReplicas }) => keepReplicas);
  if (kept !== null) return kept;
  return units >= wanted * almostOne ? null : firstBelow(pools, ({ maxReplicas }) => maxReplicas);
}

/** Sums of rates are never exact: a rounding error must not grant a teacher. */
const almostOne = 1 - 1e-9;

/** The first pool with fewer replicas than a bound of its own that may have more. */
function firstBelow<Needs, Pool extends Filling<Needs>>(
  pools: readonly Pool[],
  bound: (request: PoolRequest<Needs>) => number,
): Pool | null {
  for (const pool of pools) {
    const { request, replicas, stoppedBy } = pool;
    if (stoppedBy === null && replicas < request.maxReplicas && replicas < bound(request)) return pool;
  }
  return null;
}

/** What each pool of a job would get if there were room for all: the result of a filling, computed directly. */
export function wantedReplicas<Needs>(request: JobRequest<Needs>): number[] {
  if (!wantsAny(request)) return request.pools.map(() => 0);
  const replicas = request.pools.map(({ minReplicas, maxReplicas }) => Math.min(minReplicas, maxReplicas));
  let total = replicas.reduce((sum, count) => sum + count, 0);
  const raise = (index: number, bound: number): void => {
    const before = replicas[index] ?? 0;
    const after = Math.max(
      before,
      Math.min(bound, request.pools[index]?.maxReplicas ?? 0, before + request.maxReplicas - total),
    );
    total += after - before;
    replicas[index] = after;
  };
  for (const [index, { keepReplicas }] of request.pools.entries()) raise(index, keepReplicas);
  for (const [index, { unitsPerReplica }] of request.pools.entries()) {
    const units = request.pools.reduce((sum, pool, at) => sum + (replicas[at] ?? 0) * pool.unitsPerReplica, 0);
    const missing = request.wanted * almostOne - units;
    if (missing > 0) raise(index, (replicas[index] ?? 0) + Math.ceil(missing / unitsPerReplica));
  }
  return replicas;
}
