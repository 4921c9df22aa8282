/**
 * From what a job needs to what it claims, beside what it has: so that noise moves nobody (DESIGN §5.5). Pure, and without
 * a memory: what it goes by is the fleet that runs and the ages of its pods, so that an operator that starts anew decides
 * the same (DESIGN I6). Neighbours, the reserve, other jobs and lost nodes are no noise: the share takes for them at once.
 *
 * Invariants:
 *  M1 A hold asks for exactly what every pool was told before.
 *  M2 A fleet within the band of its demand stays as it is, but for a cheaper pool that has room, and for jobs that lack
 *     teachers while it has some to spare.
 *  M3 A teacher that was started is wanted for `minimumRunMs`, unless there is nothing left for it to do.
 */
import type { TeacherPool } from '../../api/index.js';

import type { JobClaim, PoolClaim, Teacher } from '../allocation/types.js';
import type { JobDemand, RateDemand } from './demand.js';
import { wantedOf } from '../allocation/fill.js';

/** A teacher loads its model for some ten seconds: one that is stopped sooner was hardly worth its start. */
export const minimumRunMs = 60_000;
/** No teacher is started for work that those at work do within this time. */
const worthStartingSeconds = 10;
/** The window follows the student's rate, noise and all: so many more teachers than it has work for may stay. */
const windowSlack = 1.4;

/**
 * Teachers beyond the least are for whoever lacks some; of these so many stay, so that where slots are scarce no noise of
 * that size makes a fleet smaller and larger in turn. All of the band would leave large jobs starving beside small ones
 * with teachers to spare (docs/simulator.md).
 */
const scarceSlack = 1.05;

/** A pool as it is. */
export interface PoolState<Needs> {
  readonly spec: Pick<TeacherPool, 'name' | 'minReplicas' | 'maxReplicas' | 'slotsPerReplica'>;
  readonly needs: Needs;
  /** What a slot is. */
  readonly resource: string;
  /** What it was last told to be; null when it was told nothing. */
  readonly told: number | null;
  readonly teachers: readonly Teacher<Needs>[];
}

/**
 * @param job its uid, namespace and weight
 * @param pools cheapest first
 */
export function claimOf<Needs>(
  { uid, namespace, weight }: Job,
  demand: JobDemand,
  pools: readonly PoolState<Needs>[],
  nowMs: number,
): JobClaim<Needs> {
  const job = { uid, namespace, weight };
  switch (demand.kind) {
    case 'None':
      return { ...job, wanted: 0, maxReplicas: 0, pools: pools.map((pool) => poolClaim(pool, { maxReplicas: 0 })) };
    case 'Hold':
      return held(job, pools);
    case 'Teachers':
      return {
        ...job,
        wanted: demand.teachers,
        maxReplicas: demand.teachers,
        pools: pools.map((pool) => poolClaim(pool, { keepReplicas: young(pool, nowMs) })),
      };
    case 'Rate':
      return matching(job, demand, pools, nowMs);
  }
}

type Job = Pick<JobClaim<unknown>, 'uid' | 'namespace' | 'weight'>;

/** M1. */
function held<Needs>(job: Job, pools: readonly PoolState<Needs>[]): JobClaim<Needs> {
  const claims = pools.map((pool) => {
    const replicas = Math.min(fleetOf(pool), pool.spec.maxReplicas);
    const minReplicas = Math.min(pool.spec.minReplicas, replicas);
    return poolClaim(pool, { minReplicas, keepReplicas: replicas, maxReplicas: replicas });
  });
  const wanted = claims.reduce((sum, { keepReplicas }) => sum + keepReplicas, 0);
  return { ...job, wanted, maxReplicas: wanted, pools: claims };
}

function matching<Needs>(
  job: Job,
  demand: RateDemand,
  pools: readonly PoolState<Needs>[],
  nowMs: number,
): JobClaim<Needs> {
  const { least, most, samplesPerSecond, forWindow, itemsLeft, samplesLeft } = demand;
  const fleet = pools.reduce((sum, pool) => sum + fleetOf(pool), 0);
  const rate = pools.reduce((sum, pool) => sum + fleetOf(pool) * samplesPerSecond(pool.spec.name), 0);
  const mayGrow = rate === 0 || samplesLeft / rate >= worthStartingSeconds;
  const inWindow = Math.max(forWindow, Math.min(fleet, Math.floor(forWindow * windowSlack)));
  const bare = pools.map((pool) =>
    poolClaim(pool, { unitsPerReplica: samplesPerSecond(pool.spec.name), teachers: [] }),
  );
  const maxReplicas = Math.min(forWindow, itemsLeft);
  return {
    ...job,
    // What is there would change it from one look to the next.
    needed: wantedOf({ ...job, wanted: least, maxReplicas, pools: bare }),
    // M2, where slots are scarce.
    least: Math.max(least, Math.min(rate, least * scarceSlack)),
    // M2.
    wanted: Math.max(least, Math.min(rate, most)),
    maxReplicas: Math.min(inWindow, itemsLeft),
    pools: pools.map((pool) =>
      poolClaim(pool, {
        keepReplicas: young(pool, nowMs),
        unitsPerReplica: samplesPerSecond(pool.spec.name),
        ...(mayGrow ? {} : { maxReplicas: withoutGrowth(pool) }),
      }),
    ),
  };
}

function withoutGrowth<Needs>(pool: PoolState<Needs>): number {
  const { minReplicas, maxReplicas } = pool.spec;
  return Math.min(maxReplicas, Math.max(minReplicas, fleetOf(pool)));
}

/** What a pool is on its way to: one that is just being replaced is not given up, one that is just going is not counted. */
function fleetOf<Needs>({ told, teachers }: PoolState<Needs>): number {
  return told ?? teachers.length;
}

/** M3. */
function young<Needs>({ teachers }: PoolState<Needs>, nowMs: number): number {
  return teachers.filter(({ createdAtMs }) => nowMs - createdAtMs < minimumRunMs).length;
}

function poolClaim<Needs>(
  { spec, needs, resource, teachers }: PoolState<Needs>,
  claim: Partial<PoolClaim<Needs>>,
): PoolClaim<Needs> {
  const { name, slotsPerReplica, minReplicas, maxReplicas } = spec;
  return {
    name,
    needs,
    resource,
    slotsPerReplica,
    minReplicas,
    maxReplicas,
    keepReplicas: 0,
    unitsPerReplica: 1,
    teachers,
    ...claim,
  };
}
