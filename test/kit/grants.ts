/** Snapshots of a job that is alone in its cluster: it is granted all that is free. */
import {
  jobRequestOf,
  Ledger,
  type PodNeeds,
  type PoolObservation,
  type PoolState,
  allocate,
  type Snapshot,
} from '../../src/domain/index.js';

type Facts = Partial<Omit<PoolObservation, 'name' | 'pods' | 'needs' | 'node'>>;

/** Age of the teachers: none counts as young. */
const startedAgoMs = 3_600_000;
const ofAll = (resource: string): string => `all ${resource}`;
const plenty = 1_000_000;

function oneOf(resource: string): PodNeeds {
  return { requests: { [resource]: 1_000 }, nodeSelector: {}, requiredTerms: null, tolerations: [] };
}

/** @param pods names; a trailing `!` marks a pod that is stopping, `?` one without a node */
export function observedPool(name: string, pods: readonly string[], nowMs: number, facts: Facts = {}): PoolObservation {
  const { resource = 'cpu' } = facts;
  const needs = oneOf(resource);
  return {
    name,
    resource,
    needs,
    unplacedSinceMs: null,
    disruptions: 0,
    failuresInARow: 0,
    lastError: null,
    ...facts,
    pods: pods.map((pod) => ({
      name: pod.replace(/[!?]/, ''),
      node: pod.endsWith('?') ? null : ofAll(resource),
      terminating: pod.endsWith('!'),
      ready: !pod.endsWith('?'),
      createdAtMs: nowMs - startedAgoMs,
    })),
  };
}

/** @param free free slots by resource */
export function granted(snapshot: Snapshot, free: Readonly<Record<string, number>>): Snapshot {
  const ledger = new Ledger();
  const pods = snapshot.cluster.pools.flatMap((pool) =>
    pool.pods.map((pod) => ({ ...pod, resource: pool.resource, needs: pool.needs })),
  );
  for (const [
    index,
    {
      node,
      needs: { requests },
    },
  ] of pods.entries()) {
    const uid = String(index);
    ledger.setPod({ uid, node, nominated: null, priority: 0, ended: false, requests, claimsDevices: false });
  }
  const resources = new Set([...pods.map(({ resource }) => resource), ...Object.keys(free)]);
  for (const resource of resources) {
    // A teacher that waits for quota holds nothing.
    const held = pods.filter((pod) => pod.resource === resource && pod.gated !== true).length;
    ledger.setNode({
      name: ofAll(resource),
      labels: {},
      taints: [],
      takesPods: true,
      allocatable: { [resource]: 1_000 * (held + (free[resource] ?? 0)), pods: plenty },
    });
  }
  const request = jobRequestOf(snapshot);
  const leaving = pods.flatMap(({ node, needs, resource, terminating }) =>
    terminating && node !== null ? [{ node, needs, resource, slots: 1 }] : [],
  );
  const { grants } = allocate({ jobs: [request], pendingPods: [], leaving, supply: {}, placement: ledger.placement() });
  return { ...snapshot, grants: grants.get(request.uid) ?? [] };
}

/**
 * The pools of a snapshot as part of a request; all teachers are on one node.
 * @param previous the replicas that each pool was granted last; absent = none
 */
export function poolStates(
  { job, cluster, nowMs }: Snapshot,
  previous: readonly (number | null)[],
  ageMs: number,
): PoolState<null>[] {
  return job.spec.teacher.pools.map((spec, index) => ({
    spec,
    needs: null,
    resource: spec.resource ?? 'cpu',
    previousReplicas: previous[index] ?? null,
    teachers: (cluster.pools.find(({ name }) => name === spec.name)?.pods ?? [])
      .filter(({ terminating }) => !terminating)
      .map(({ name }) => ({
        name,
        node: 'n',
        needs: null,
        ready: true,
        coLocatedSlots: 0,
        samplesPerSecond: 0,
        createdAtMs: nowMs - ageMs,
      })),
  }));
}
