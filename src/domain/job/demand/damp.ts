/**
 * Turns demand into a request, with hysteresis against the current fleet, so that noise moves no teacher (design §5.5).
 * Pure, and without memory: it reads the running fleet and the ages of its pods, so a restarted operator decides the same
 * (I6). Pending pods, the reserve, other jobs and lost nodes are not noise: the allocation reacts to them at once.
 *
 * Invariants:
 *  damp/M1 A hold requests exactly the previous replicas of every pool.
 *  damp/M2 A fleet within the band of its demand stays as it is, except for a cheaper pool that has room, and for jobs that
 *     lack teachers while it has some to spare.
 *  damp/M3 A started teacher is wanted for `minimumRunMs`, unless there is nothing left for it to do.
 */
import type { TeacherPool } from '../../../api/index.js';
import { type JobRequest, type PoolRequest, type Teacher, wantedReplicas } from '../../allocation/index.js';
import type { JobDemand, RateDemand } from './demand.js';
import { defaultPolicy } from '../shapes/index.js';

/** No teacher is started for work that the running ones finish within this time. */
const worthStartingSeconds = 10;
/** The window follows the student's noisy rate: this many times the teachers that it has work for may stay. */
const windowSlack = 1.4;

/**
 * Teachers beyond `least` go to jobs that lack some, except for this margin: where slots are scarce, noise of that size
 * must not make a fleet shrink and grow in turn. Keeping the whole band would starve large jobs next to small ones with
 * teachers to spare (docs/simulator.md).
 */
const scarceSlack = 1.05;

/** The current state of a pool. */
export interface PoolState<Needs> {
  readonly spec: Pick<TeacherPool, 'name' | 'minReplicas' | 'maxReplicas' | 'slotsPerReplica'>;
  readonly needs: Needs;
  /** The resource that is counted in slots. */
  readonly resource: string;
  /** The replicas that it was given last; null when it was given none yet. */
  readonly previousReplicas: number | null;
  readonly teachers: readonly Teacher<Needs>[];
}

/**
 * @param job its uid, namespace and weight
 * @param pools cheapest first
 * @param minimumRunMs how long a started teacher is kept (damp/M3)
 */
export function dampedRequest<Needs>(
  { uid, namespace, weight }: Job,
  demand: JobDemand,
  pools: readonly PoolState<Needs>[],
  nowMs: number,
  minimumRunMs = defaultPolicy.minimumRunMs,
): JobRequest<Needs> {
  const keptSinceMs = nowMs - minimumRunMs;
  const job = { uid, namespace, weight };
  switch (demand.kind) {
    case 'None':
      return { ...job, wanted: 0, maxReplicas: 0, pools: pools.map((pool) => poolRequest(pool, { maxReplicas: 0 })) };
    case 'Hold':
      return held(job, pools);
    case 'Teachers':
      return {
        ...job,
        wanted: demand.teachers,
        maxReplicas: demand.teachers,
        pools: pools.map((pool) => poolRequest(pool, { keepReplicas: young(pool, keptSinceMs) })),
      };
    case 'Rate':
      return matching(job, demand, pools, keptSinceMs);
  }
}

type Job = Pick<JobRequest<unknown>, 'uid' | 'namespace' | 'weight'>;

/** damp/M1. */
function held<Needs>(job: Job, pools: readonly PoolState<Needs>[]): JobRequest<Needs> {
  const requests = pools.map((pool) => {
    const replicas = Math.min(fleetOf(pool), pool.spec.maxReplicas);
    const minReplicas = Math.min(pool.spec.minReplicas, replicas);
    return poolRequest(pool, { minReplicas, keepReplicas: replicas, maxReplicas: replicas });
  });
  const wanted = requests.reduce((sum, { keepReplicas }) => sum + keepReplicas, 0);
  return { ...job, wanted, maxReplicas: wanted, pools: requests };
}

function matching<Needs>(
  job: Job,
  demand: RateDemand,
  pools: readonly PoolState<Needs>[],
  keptSinceMs: number,
): JobRequest<Needs> {
  const { least, most, samplesPerSecond, forWindow, itemsLeft, samplesLeft } = demand;
  const fleet = pools.reduce((sum, pool) => sum + fleetOf(pool), 0);
  const rate = pools.reduce((sum, pool) => sum + fleetOf(pool) * samplesPerSecond(pool.spec.name), 0);
  const mayGrow = rate === 0 || samplesLeft / rate >= worthStartingSeconds;
  const inWindow = Math.max(forWindow, Math.min(fleet, Math.floor(forWindow * windowSlack)));
  const bare = pools.map((pool) =>
    poolRequest(pool, { unitsPerReplica: samplesPerSecond(pool.spec.name), teachers: [] }),
  );
  const maxReplicas = Math.min(forWindow, itemsLeft);
  return {
    ...job,
    // Without the current teachers: otherwise it would change from one reconcile to the next.
    needed: wantedReplicas({ ...job, wanted: least, maxReplicas, pools: bare }),
    // damp/M2, where slots are scarce.
    least: Math.max(least, Math.min(rate, least * scarceSlack)),
    // damp/M2.
    wanted: Math.max(least, Math.min(rate, most)),
    maxReplicas: Math.min(inWindow, itemsLeft),
    pools: pools.map((pool) =>
      poolRequest(pool, {
        keepReplicas: young(pool, keptSinceMs),
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

/** The replicas that a pool is scaling to: they include a teacher that is being replaced, and no teacher that is leaving. */
function fleetOf<Needs>({ previousReplicas, teachers }: PoolState<Needs>): number {
  return previousReplicas ?? teachers.length;
}

/** damp/M3. */
function young<Needs>({ teachers }: PoolState<Needs>, keptSinceMs: number): number {
  return teachers.filter(({ createdAtMs }) => createdAtMs > keptSinceMs).length;
}

function poolRequest<Needs>(
  { spec, needs, resource, teachers }: PoolState<Needs>,
  changes: Partial<PoolRequest<Needs>>,
): PoolRequest<Needs> {
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
    ...changes,
  };
}
