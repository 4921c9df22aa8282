/** Makers of requests: a test sets what matters to it; by default a teacher takes one GPU and a pool has no limit. */
import type {
  JobRequest,
  LeavingTeacher,
  PendingPodRequest,
  PoolRequest,
  Allocation,
  AllocationInput,
  Teacher,
} from '../../src/domain/allocation/index.js';
import { type TestNeeds, type TestNode, placementOn } from './placement.js';

export const oneGpu: TestNeeds = { gpu: 1, cpu: 1 };

export function poolRequest(changes: Partial<PoolRequest<TestNeeds>> = {}): PoolRequest<TestNeeds> {
  return {
    name: 'gpu',
    needs: oneGpu,
    resource: 'nvidia.com/gpu',
    slotsPerReplica: 1,
    minReplicas: 0,
    keepReplicas: 0,
    maxReplicas: 100,
    unitsPerReplica: 1,
    teachers: [],
    ...changes,
  };
}

interface Belongs {
  readonly weight?: number;
  readonly namespace?: string;
}

/** A job that wants a number of teachers in one pool. */
export function jobRequest(
  uid: string,
  wanted: number,
  { weight = 1, namespace, ...pool }: Partial<PoolRequest<TestNeeds>> & Belongs = {},
): JobRequest<TestNeeds> {
  return {
    ...poolsRequest(uid, wanted, [poolRequest(pool)], weight),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

export function poolsRequest(
  uid: string,
  wanted: number,
  pools: readonly PoolRequest<TestNeeds>[],
  weight = 1,
): JobRequest<TestNeeds> {
  return { uid, namespace: 'default', weight, wanted, maxReplicas: 1_000, pools };
}

/** @param where `a a b ?`: a teacher on each of these nodes, `?` on none yet; named by number, the first is the oldest */
export function teachers(where: string, needs: TestNeeds = oneGpu, prefix = 't'): Teacher<TestNeeds>[] {
  return where.split(' ').map((node, index) => ({
    name: `${prefix}${String(index)}`,
    node: node === '?' ? null : node,
    needs,
    ready: node !== '?',
    coLocatedSlots: 0,
    samplesPerSecond: 100,
    createdAtMs: index,
  }));
}

export function pendingPod(
  uid: string,
  { needs = oneGpu, priority = 0 }: { readonly needs?: TestNeeds; readonly priority?: number } = {},
): PendingPodRequest<TestNeeds> {
  return { uid, needs, priority, createdAtMs: 0, slots: { 'nvidia.com/gpu': needs.gpu } };
}

export function leavingFrom(node: string, needs: TestNeeds = oneGpu): LeavingTeacher<TestNeeds> {
  return { node, needs, resource: 'nvidia.com/gpu', slots: needs.gpu };
}

/** `a4 b8`: nodes with so many GPUs, and cores enough. */
export function nodes(text: string): TestNode[] {
  return text.split(' ').map((node) => ({ name: node.charAt(0), gpu: Number(node.slice(1)), cpu: 1_000 }));
}

/** The input of an allocation, with all of its teachers on the placement. */
export function allocationInput(
  cluster: readonly TestNode[],
  input: Partial<Omit<AllocationInput<TestNeeds>, 'placement'>>,
): AllocationInput<TestNeeds> {
  const { jobs = [], pendingPods = [], leaving = [], supply = {}, namespaceWeights = {} } = input;
  const placement = placementOn(cluster);
  for (const { node, needs } of leaving) placement.add(node, needs);
  for (const { node, needs } of jobs.flatMap(({ pools }) => pools.flatMap((pool) => pool.teachers))) {
    if (node !== null) placement.add(node, needs);
  }
  return { jobs, pendingPods, leaving, supply, namespaceWeights, placement };
}

/** `a: 4` or `a: 2→4` while two wait for their slots; pools by comma, teachers that leave in brackets. */
export function briefGrants({ grants }: Allocation): string {
  return [...grants]
    .map(([uid, pools]) => {
      const texts = pools.map(({ replicas, due, leave }) => {
        const number = replicas === due ? String(due) : `${String(replicas)}→${String(due)}`;
        return leave.length === 0 ? number : `${number} [${leave.join(' ')}]`;
      });
      return `${uid}: ${texts.join(', ')}`;
    })
    .join('; ');
}
