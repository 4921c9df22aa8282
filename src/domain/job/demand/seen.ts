/** What several parts of a decision derive from its snapshot, computed once. Pure. */
import type { TeacherCounts } from '../../../api/index.js';
import { demandUnder, type JobDemand } from './demand.js';
import { type PoolPlan, readyTeachers, type ReadyTeachers, type Snapshot } from '../shapes/index.js';
import { inQueue, quotaOf, wantsMore } from './quota.js';
import { type Verdict, verdictOf } from './verdict.js';

export interface Seen {
  readonly snapshot: Snapshot;
  readonly ready: ReadyTeachers;
  readonly verdict: Verdict;
  readonly demand: JobDemand;
  readonly pools: readonly PoolPlan[];
  /** Over all pools. */
  readonly counts: TeacherCounts;
}

export function see(snapshot: Snapshot): Seen {
  const ready = readyTeachers(snapshot);
  const verdict = verdictOf(snapshot, ready);
  const demand = demandUnder(verdict, snapshot);
  const pools = poolPlans(demand, snapshot);
  const counts = {
    desired: pools.reduce((sum, { replicas }) => sum + replicas, 0),
    ready: pools.reduce((sum, { name }) => sum + (ready.get(name)?.length ?? 0), 0),
  };
  return { snapshot, ready, verdict, demand, pools, counts };
}

/**
 * The grants, in the order of the job's pools. Grants may be a moment older than the demand: a job without demand gets
 * nothing, and a job that no allocation has seen yet keeps what it has. A teacher that waits for quota is beyond its grant.
 */
function poolPlans(demand: JobDemand, { job, cluster, grants, nowMs }: Snapshot): PoolPlan[] {
  const quotas = cluster.pools.map((pool) => ({ name: pool.name, ...quotaOf(pool, nowMs) }));
  const wanted = wantsMore(demand, quotas);
  return job.spec.teacher.pools.map(({ name, maxReplicas }) => {
    if (demand.kind === 'None') return { name, replicas: 0, leave: [] };
    const grant = grants.find(({ pool }) => pool === name);
    const quota = quotas.find((pool) => pool.name === name);
    if (grant !== undefined) {
      const replicas = Math.min(grant.replicas, maxReplicas);
      const queued = quota === undefined ? 0 : inQueue(quota, replicas, maxReplicas, wanted);
      return { name, replicas: replicas + queued, leave: grant.leave };
    }
    const pods = cluster.pools.find((pool) => pool.name === name)?.pods ?? [];
    return { name, replicas: pods.filter(({ terminating }) => !terminating).length, leave: [] };
  });
}
