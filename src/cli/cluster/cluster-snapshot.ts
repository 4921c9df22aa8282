/** Makes the snapshot of a plan from the objects of a cluster. Pure. */
import { type DistillJob, isManagedHere, wantedTeachers } from '../../api/index.js';
import {
  ClusterCache,
  type DeviceObjects,
  nodeView,
  observeDevices,
  podView,
  type StoredObject,
} from '../../cluster/kubernetes/index.js';
import {
  type AllocationRules,
  type FleetSnapshot,
  fleetSnapshotOf,
  type JobRequest,
  type Limits,
  type PodNeeds,
  slotResource,
  slotsPerReplicaOf,
  withinLimits,
} from '../../domain/index.js';

/** The objects that the API server returned. */
export interface SeenCluster {
  readonly nodes: readonly StoredObject[];
  readonly pods: readonly StoredObject[];
  readonly jobs: readonly DistillJob[];
  /** null = they cannot be listed. */
  readonly devices?: DeviceObjects | null;
}

/** @returns the snapshot that the operator would plan from, if each job wants as many teachers as its status says */
export function snapshotOf(
  { nodes, pods, jobs: all, devices = null }: SeenCluster,
  { rules, limits }: { readonly rules: AllocationRules; readonly limits: Limits },
  nowMs: number,
): FleetSnapshot {
  // The operator does not know a job of another controller: its pods are pods of others.
  const jobs = all.filter(({ spec }) => isManagedHere(spec));
  const cache = new ClusterCache({ now: () => nowMs });
  for (const { metadata } of jobs) {
    cache.onJob({ namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' });
  }
  if (devices !== null) observeDevices(cache.devices, devices);
  for (const node of nodes) cache.onNode(null, nodeView(node));
  for (const pod of pods) cache.onPod(null, podView(pod as unknown as Parameters<typeof podView>[0]));
  const requests = jobs.map((job) => {
    const { namespace = '', name } = job.metadata;
    return { name: `${namespace}/${name}`, ...requestIn(withinLimits(job, limits).job, cache) };
  });
  return fleetSnapshotOf(requests, cache.slots(), rules, nowMs);
}

function requestIn({ metadata, spec, status }: DistillJob, cache: Pick<ClusterCache, 'needsOf'>): JobRequest<PodNeeds> {
  const pools = spec.teacher.pools.map((pool) => {
    const { name, minReplicas } = pool;
    const reported = status?.teachers?.pools.find((one) => one.name === name);
    const wanted = wantedTeachers(reported);
    const needs = cache.needsOf(metadata.namespace ?? '', pool);
    const resource = slotResource(pool.resource, needs.requests);
    return {
      name,
      needs,
      resource,
      slotsPerReplica: slotsPerReplicaOf(needs, resource),
      minReplicas: Math.min(minReplicas, wanted),
      keepReplicas: wanted,
      maxReplicas: wanted,
      unitsPerReplica: 1,
      teachers: [],
    };
  });
  const wanted = pools.reduce((sum, { keepReplicas }) => sum + keepReplicas, 0);
  const { uid = '', namespace = '' } = metadata;
  return { uid, namespace, weight: spec.weight, wanted, maxReplicas: wanted, pools };
}
