/** `distill top`: who holds which slots, by job and pool, and by node. */
import { printableJson } from '@distillery/base';

import { type Amounts, isAccelerator, slotResource, slotsPerReplicaOf } from '../../domain/index.js';
import { type DistillJob, wantedTeachers } from '../../api/index.js';
import {
  ClusterCache,
  type DevicesSeen,
  devicesSeen,
  kinds,
  nodeView,
  observeDevices,
  podView,
  type StoredObject,
} from '../../cluster/kubernetes/index.js';

import type { ClusterReader } from './cluster-reader.js';
import { table } from './job-page.js';
import { orRefusal } from './named-job.js';
import { type WorkerPod, workerPods } from './worker-pods.js';

export interface TopOptions {
  /** Absent = all namespaces. */
  readonly namespace?: string;
  readonly json: boolean;
}

export interface TopTools {
  readonly cluster: ClusterReader;
  readonly say: (line: string) => void;
  readonly nowMs: number;
}

/** One pool of one job. */
export interface PoolRow {
  readonly job: string;
  readonly pool: string;
  readonly resource: string;
  readonly slotsEach: number;
  readonly ready: number;
  readonly teachers: number;
  readonly wants: number;
  readonly slots: number;
}

/** One resource of one node, in its units. */
export interface NodeRow {
  readonly node: string;
  readonly resource: string;
  readonly all: number;
  readonly teachers: number;
  readonly students: number;
  readonly others: number;
  readonly free: number;
}

/** @throws CliError */
export async function top(options: TopOptions, { cluster, say, nowMs }: TopTools): Promise<void> {
  const selection = { namespace: options.namespace };
  const [jobs, pods, nodes, devices] = await Promise.all([
    cluster.list(kinds.distillJobs, selection),
    cluster.list(kinds.pods, selection),
    // In a namespace of their own, most people may not list nodes.
    orRefusal(cluster.list(kinds.nodes, {})),
    cluster.readDevices(),
  ]);
  const workers = workerPods(pods, nowMs).filter(({ state }) => state !== 'Succeeded' && state !== 'Failed');
  const cache = new ClusterCache({ now: () => nowMs });
  if (devices !== null) observeDevices(cache.devices, devices);
  const pools = poolRows(jobs as unknown as DistillJob[], workers, cache);
  const resources = new Set(pools.map(({ resource }) => resource));
  const seen = devices === null ? noDevices : devicesSeen(devices);
  const byNode = nodes.kind === 'read' ? nodeRows(nodes.value, pods, seen, resources) : [];
  if (options.json) {
    say(printableJson(JSON.stringify({ pools, nodes: byNode })));
    return;
  }
  say(pools.length === 0 ? 'No job has a pool of teachers.' : poolTable(pools));
  say('');
  if (nodes.kind === 'refused') say(nodes.sentence);
  else {
    if (options.namespace !== undefined) say(`Others: pods of namespace ${options.namespace} only; -A counts all.`);
    say(byNode.length === 0 ? 'No node has a slot of these resources.' : nodeTable(byNode));
  }
}

function poolRows(
  jobs: readonly DistillJob[],
  workers: readonly WorkerPod[],
  cache: Pick<ClusterCache, 'needsOf'>,
): PoolRow[] {
  return jobs.flatMap(({ metadata: { name, namespace = '' }, spec, status }) =>
    spec.teacher.pools.map((pool) => {
      const teachers = workers.filter(
        (one) => one.job === name && one.namespace === namespace && one.pool === pool.name,
      );
      const ready = teachers.filter(({ state }) => state === 'Ready').length;
      const held = teachers.filter(({ node }) => node !== null).length;
      const reported = status?.teachers?.pools.find((one) => one.name === pool.name);
      const needs = cache.needsOf(namespace, pool);
      const resource = slotResource(pool.resource, needs.requests);
      const slotsEach = slotsPerReplicaOf(needs, resource);
      return {
        job: `${namespace}/${name}`,
        pool: pool.name,
        resource,
        slotsEach,
        ready,
        teachers: teachers.length,
        wants: wantedTeachers(reported),
        slots: held * slotsEach,
      };
    }),
  );
}

const noDevices: DevicesSeen = { offered: new Map(), held: [] };

/** What somebody holds on a node, in thousandths. */
interface Holding {
  readonly node: string;
  readonly by: WorkerPod['role'] | 'other';
  readonly amounts: Amounts;
}

/** @param resources those of the pools; accelerators and devices are shown as well */
function nodeRows(
  nodes: readonly StoredObject[],
  pods: readonly StoredObject[],
  devices: DevicesSeen,
  resources: ReadonlySet<string>,
): NodeRow[] {
  const byNode = Map.groupBy(holdingsOf(pods, devices), ({ node }) => node);
  return nodes.map(nodeView).flatMap(({ name, allocatable }) => {
    const here = byNode.get(name) ?? [];
    return Object.entries({ ...allocatable, ...devices.offered.get(name) })
      .filter(([resource, amount]) => amount > 0 && (resources.has(resource) || isAccelerator(resource)))
      .map(([resource, amount]) => {
        const sum = (who: Holding['by']): number =>
          here.reduce((total, { by, amounts }) => total + (by === who ? (amounts[resource] ?? 0) : 0), 0) / 1_000;
        const [all, teachers, students, others] = [amount / 1_000, sum('teacher'), sum('student'), sum('other')];
        return { node: name, resource, all, teachers, students, others, free: all - teachers - students - others };
      });
  });
}

/** Pods hold what they request, and claims hold devices. */
function holdingsOf(pods: readonly StoredObject[], devices: DevicesSeen): readonly Holding[] {
  const views = pods.map((pod) => podView(pod as unknown as Parameters<typeof podView>[0]));
  const roles = new Map(views.map(({ uid, worker }): [string, Holding['by']] => [uid, worker?.component ?? 'other']));
  const byPods = views.flatMap(({ node, ended, uid, requests }): Holding[] =>
    node === null || ended ? [] : [{ node, by: roles.get(uid) ?? 'other', amounts: requests }],
  );
  const byClaims = devices.held.map(({ node, amounts, pods: [uid = ''] }): Holding => {
    return { node, by: roles.get(uid) ?? 'other', amounts };
  });
  return [...byPods, ...byClaims];
}

function poolTable(rows: readonly PoolRow[]): string {
  const head = ['Job', 'Pool', 'Resource', 'Slots each', 'Ready', 'Teachers', 'Wants', 'Slots'];
  const cells = rows.map(({ job, pool, resource, slotsEach, ready, teachers, wants, slots }) => {
    return [job, pool, resource, ...[slotsEach, ready, teachers, wants, slots].map(String)];
  });
  return table(head, cells, [3, 4, 5, 6, 7]);
}

function nodeTable(rows: readonly NodeRow[]): string {
  const head = ['Node', 'Resource', 'All', 'Teachers', 'Students', 'Others', 'Free'];
  const cells = rows.map(({ node, resource, all, teachers, students, others, free }) => {
    return [node, resource, ...[all, teachers, students, others, free].map(amountText)];
  });
  return table(head, cells, [2, 3, 4, 5, 6]);
}

/** Whole numbers plain, cores with three digits at most. */
const amountText = (amount: number): string => String(Math.round(amount * 1_000) / 1_000);
