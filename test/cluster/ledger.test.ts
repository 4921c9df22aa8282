/**
 * The ledger against the truth: for some hundred small random clusters, how many more pods of a kind it says that there is
 * room for is how many the real scheduler then places. Where they differ, the ledger is wrong.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { podView, type PodView, type RawPod } from '../../src/cluster/kubernetes/cache/pod-view.js';
import { nodeView, type RawNode } from '../../src/cluster/kubernetes/cache/views.js';
import { Ledger, type PodNeeds } from '../../src/domain/ledger/index.js';
import {
  type Arrangement,
  arrangement,
  type NodePlan,
  type PodPlan,
  priorityClasses,
  type ResidentPlan,
  runtimeClasses,
} from '../kit/cluster/arrangements.js';
import { type ControlPlane, startControlPlane, until } from '../kit/cluster/index.js';
import { roomOn } from '../kit/ledger.js';

const clusters = 240;
/** Pods that are asked for beyond those that should find a place. */
const beyond = 2;
const seed = Math.floor(Math.random() * 2 ** 31);
const label = 'group';
const pods = '/api/v1/namespaces/default/pods';

interface Group {
  readonly name: string;
  readonly plan: Arrangement;
}

let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane();
  await cluster.apply(
    ...Object.entries(priorityClasses).map(([name, fields]) => ({
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name },
      ...fields,
    })),
    ...Object.entries(runtimeClasses).map(([name, podFixed]) => ({
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name },
      handler: name,
      overhead: { podFixed },
    })),
  );
});
afterAll(async () => {
  await cluster.stop();
});

test('the ledger has room for exactly as many pods as the scheduler then places', async () => {
  const groups = fc
    .sample(arrangement, { numRuns: clusters, seed })
    .map((plan, at): Group => ({ name: `g${String(at)}`, plan }));
  await inTurns(groups, arrange);
  await nodesSettled(groups);
  await inTurns(groups, contend);
  await judged('contenders');

  const ledger = await ledgerOfNow();
  const asked = await inTurns(groups, async ({ name, plan }) => {
    const needs = await needsOf(name, plan.asker);
    const room = roomOn(ledger.placement(), needs, Infinity);
    for (let at = 0; at < room + beyond; at++)
      await cluster.api.post(pods, podObject(`${name}-asker-${at}`, name, 'askers', plan.asker));
    return { name, room };
  });
  await judged('askers');

  const placed = new Map<string, number>();
  for (const { metadata, spec } of await podsOf('askers')) {
    const group = metadata.labels?.[label] ?? '';
    placed.set(group, (placed.get(group) ?? 0) + (spec.nodeName === undefined ? 0 : 1));
  }
  const wrong = asked
    .map(({ name, room }) => ({ name, room, placed: placed.get(name) ?? 0 }))
    .filter(({ room, placed: count }) => room !== count);
  const [first] = wrong;
  const culprit = groups.find(({ name }) => name === first?.name);
  const said = `seed ${String(seed)}: ${JSON.stringify(wrong)}\n${JSON.stringify(culprit, null, 2)}`;
  expect(wrong.length === 0 ? 'no difference' : said).toBe('no difference');
  // The random clusters are no empty ones.
  expect(asked.filter(({ room }) => room > 0).length).toBeGreaterThan(clusters / 4);
  expect(asked.filter(({ room }) => room === 0).length).toBeGreaterThan(clusters / 10);
});

/** Some at a time: an API server answers about as many at once. */
async function inTurns<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < all.length; at = next++) results[at] = await work(all[at]!);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return results;
}

const nodeName = (group: string, index: number): string => `${group}-node-${String(index)}`;

async function arrange({ name, plan }: Group): Promise<void> {
  for (const [at, node] of plan.nodes.entries()) {
    await cluster.api.post('/api/v1/nodes', nodeObject(nodeName(name, at), name, node));
  }
  for (const [at, resident] of plan.residents.entries()) await settle(`${name}-resident-${at}`, name, resident);
}

/** No kubelet runs on these nodes: pods that are bound to them never start, and deleted pods stay. */
function nodeObject(name: string, group: string, { allocatable, labels, taints, state }: NodePlan): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { ...labels, [label]: group } },
    spec: { taints, unschedulable: state === 'Cordoned' },
    status: {
      capacity: allocatable,
      allocatable,
      conditions: [{ type: 'Ready', status: state === 'NotReady' ? 'False' : 'True', reason: 'Said' }],
    },
  };
}

function podObject(
  name: string,
  group: string,
  part: string,
  { spec, priorityClass }: PodPlan,
  nodeOf?: string,
): object {
  const { nodeSelector = {} } = spec as { nodeSelector?: object };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { [label]: group, part } },
    spec: {
      ...spec,
      priorityClassName: priorityClass,
      nodeSelector: { ...nodeSelector, [label]: group },
      ...(nodeOf === undefined ? {} : { nodeName: nodeOf }),
    },
  };
}

/** Puts a pod on its node past the scheduler, whether it fits or not. */
async function settle(name: string, group: string, plan: ResidentPlan): Promise<void> {
  const made = await cluster.api.post<RawPod & { spec: { containers: { name: string; image: string }[] } }>(
    pods,
    podObject(name, group, 'residents', plan, nodeName(group, plan.node)),
  );
  const { state, actual, allocated } = plan;
  const [first] = made.spec.containers;
  const tell = (status: object): Promise<unknown> =>
    cluster.api.patch(`${pods}/${name}/status`, { status }, 'strategic');
  const resized = {
    containerStatuses: [
      {
        ...first,
        imageID: '',
        ready: false,
        restartCount: 0,
        resources: { requests: actual },
        allocatedResources: allocated,
      },
    ],
  };
  const pending = (reason: string): object => ({ conditions: [{ type: 'PodResizePending', status: 'True', reason }] });
  switch (state) {
    case 'Running':
      return;
    case 'Terminating':
      await cluster.api.delete(`${pods}/${name}`);
      return;
    case 'Succeeded':
    case 'Failed':
      await tell({ phase: state });
      return;
    case 'Resized':
      await tell(resized);
      return;
    case 'Refused':
      await tell({ ...resized, ...pending('Infeasible') });
      return;
    case 'Deferred':
      await tell({ ...resized, ...pending('Deferred') });
  }
}

/** Nodes are born with a taint; which of them keep it is the controller manager's word. */
async function nodesSettled(groups: readonly Group[]): Promise<void> {
  const unready = new Set(
    groups.flatMap(({ name, plan }) =>
      plan.nodes.flatMap(({ state }, at) => (state === 'NotReady' ? [nodeName(name, at)] : [])),
    ),
  );
  await until('nodes to be what their conditions say', async () => {
    const { items } = await cluster.api.get<{ items: RawNode[] }>('/api/v1/nodes');
    return items.every(({ metadata, spec }) => {
      const keys = spec?.taints?.map(({ key }) => key) ?? [];
      return keys.includes('node.kubernetes.io/not-ready') === unready.has(metadata.name);
    });
  });
}

async function contend({ name, plan }: Group): Promise<void> {
  for (const [at, contender] of plan.contenders.entries()) {
    await cluster.api.post(pods, podObject(`${name}-contender-${at}`, name, 'contenders', contender));
  }
}

type ListedPod = RawPod & { readonly spec: { readonly nodeName?: string } };

async function podsOf(part: string): Promise<ListedPod[]> {
  return (await cluster.api.get<{ items: ListedPod[] }>(`${pods}?labelSelector=part=${part}`)).items;
}

/** Until the scheduler has said of each whether it found a place. */
async function judged(part: string): Promise<void> {
  const waiting = async (): Promise<string[]> =>
    (await podsOf(part))
      .filter(({ status }) => status?.conditions?.some(({ type }) => type === 'PodScheduled') !== true)
      .map(({ metadata }) => metadata.name);
  await until(
    `the scheduler to judge all ${part}`,
    async () => (await waiting()).length === 0,
    async () => (await waiting()).slice(0, 10).join(', '),
  );
}

async function ledgerOfNow(): Promise<Ledger> {
  const [nodes, all] = await Promise.all([
    cluster.api.get<{ items: RawNode[] }>('/api/v1/nodes'),
    cluster.api.get<{ items: RawPod[] }>('/api/v1/pods'),
  ]);
  const ledger = new Ledger();
  for (const pod of all.items) ledger.setPod(podView(pod));
  for (const node of nodes.items) ledger.setNode(nodeView(node));
  return ledger;
}

/** As it would be admitted: with its overhead, its priority and the tolerations that all get. */
async function needsOf(group: string, plan: PodPlan): Promise<PodNeeds> {
  const raw = await cluster.api.post<RawPod>(`${pods}?dryRun=All`, podObject(`${group}-dry`, group, 'dry', plan));
  const { requests, priority, waits }: PodView = podView(raw);
  return { ...waits!.constraints, requests, priority };
}
