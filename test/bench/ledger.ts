/**
 * The ledger of a large cluster: it receives all nodes and pods, makes a draft, removes our own teachers from it, and gives
 * away all free places. 5,000 nodes of 8 accelerators, 40,000 pods, pools of a thousand jobs.
 *
 *   npm run bench ledger -- --nodes 5000 --jobs 1000
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import {
  amountsOf,
  type Placement,
  Ledger,
  type LedgerNode,
  type LedgerPod,
  type PodNeeds,
} from '../../src/domain/ledger/index.js';

import { type BenchOptions, type BenchTable, median } from './table.js';
import { timed, type Times, timesOf } from './timed.js';

const gpu = 'nvidia.com/gpu';
const gpusPerNode = 16;
const podsPerNode = 8;
const rounds = 50;
const warmUps = 5;
const zones = 20;

// eslint-disable-next-line @typescript-eslint/require-await
export async function ledgerBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const count = Number(options.nodes ?? 5_000);
  const jobs = Number(options.jobs ?? 1_000);
  const pods = count * podsPerNode;
  const before = heapBytes();
  const facts = {
    nodes: Array.from({ length: count }, (_, at) => node(at)),
    pods: Array.from({ length: pods }, (_, at) => pod(at, count)),
  };
  const between = heapBytes();
  const ledger = new Ledger();
  const filled = timed(() => {
    for (const fact of facts.nodes) ledger.setNode(fact);
    for (const fact of facts.pods) ledger.setPod(fact);
  }, 1);
  const heldBytes = { facts: between - before, ledger: heapBytes() - between };
  const teachers = facts.pods
    .filter((_, at) => at % 2 === 0)
    .map(({ node, requests }) => {
      return { node: node ?? '', needs: kindOf(requests) };
    });
  say(`${String(count)} nodes, ${String(pods)} pods, ${String(teachers.length)} of them ours`);

  const alike = [{ ...needs(0, 0), nodeSelector: {} }];
  const ofJobs = Array.from({ length: jobs }, (_, at) => needs(at, at % zones));
  const apart = ofJobs.map((own, at) => ({ ...own, requiredTerms: [anywhereBut(at)] }));
  const repeated = (work: () => unknown): Times => timed(work, rounds, warmUps);
  const rows = [
    row('all nodes and pods set', filled, pods),
    row(
      'draft',
      repeated(() => ledger.placement()),
      1,
    ),
    row(
      'draft, teachers taken off',
      repeated(() => withoutTeachers(ledger, teachers)),
      1,
    ),
    ...[
      { of: '1 pool', wants: alike },
      { of: `${String(jobs)} pools in ${String(zones)} zones`, wants: ofJobs },
      { of: `${String(jobs)} pools, each with a place of its own`, wants: apart },
    ].map(({ of, wants }) =>
      row(
        `draft, ${String(pods)} places for ${of}`,
        repeated(() => placeAll(ledger, teachers, wants, pods)),
        pods,
      ),
    ),
    row(
      'one pod changes',
      repeated(() => {
        ledger.setPod(pod(1, count));
      }),
      1,
    ),
  ];
  const heap = Object.entries(heldBytes).map(([what, bytes]) => ({
    what: `heap of the ${what}: ${(bytes / 2 ** 20).toFixed(1)} MiB`,
  }));
  return { name: 'ledger', goal: 'draft and 40,000 places well under 100 ms', rows: [...rows, ...heap] };
}

/** Pods with equal requests share one object, as in the operator. */
const kinds = new Map<string, PodNeeds>();

function kindOf(requests: PodNeeds['requests']): PodNeeds {
  const signature = JSON.stringify(requests);
  const known = kinds.get(signature) ?? { requests, nodeSelector: {}, requiredTerms: null, tolerations: [] };
  kinds.set(signature, known);
  return known;
}

interface Seated {
  readonly node: string;
  readonly needs: PodNeeds;
}

function withoutTeachers(ledger: Ledger, teachers: readonly Seated[]): Placement<PodNeeds> {
  const draft = ledger.placement();
  for (const { node, needs } of teachers) draft.remove(node, needs);
  return draft;
}

/** Places pods in turns over the pools, like a fair share. @throws Error when fewer than `count` find a place */
function placeAll(ledger: Ledger, teachers: readonly Seated[], wants: readonly PodNeeds[], pods: number): void {
  const draft = withoutTeachers(ledger, teachers);
  let placed = 0;
  for (let at = 0; at < pods; at++) if (draft.place(wants[at % wants.length]!) !== null) placed++;
  if (placed < pods / 2) throw new Error(`${String(placed)} of ${String(pods)} placed`);
}

function node(at: number): LedgerNode {
  const name = `node-${String(at)}`;
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/arch': 'amd64',
    'topology.kubernetes.io/zone': `zone-${String(at % zones)}`,
    'node.kubernetes.io/instance-type': 'gpu-16',
  };
  const allocatable = amountsOf({
    cpu: '127900m',
    memory: '1056263828Ki',
    'ephemeral-storage': '473552896Ki',
    pods: '110',
    [gpu]: String(gpusPerNode),
  });
  return { name, labels, taints: [{ key: gpu, effect: 'NoSchedule' }], takesPods: true, allocatable };
}

function pod(at: number, nodes: number): LedgerPod {
  return {
    uid: `pod-${String(at)}`,
    node: `node-${String(at % nodes)}`,
    nominated: null,
    priority: 0,
    ended: false,
    requests: amountsOf({ cpu: `${String(100 + (at % 7) * 100)}m`, memory: '1Gi', [gpu]: '1' }),
    claimsDevices: false,
  };
}

/** Needs of two pools differ in their requests, and in their zone. */
function needs(at: number, zone: number): PodNeeds {
  return {
    nodeSelector: { 'topology.kubernetes.io/zone': `zone-${String(zone)}` },
    requiredTerms: null,
    tolerations: [{ key: gpu, operator: 'Exists' }],
    requests: amountsOf({ cpu: `${String(500 + at)}m`, memory: '512Mi', [gpu]: '1' }),
  };
}

function anywhereBut(at: number): object {
  return { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'NotIn', values: [`node-${String(at)}`] }] };
}

function row(what: string, times: Times, of: number): BenchTable['rows'][number] {
  const each = (median(times.wallMs) * 1e6) / of;
  return { what, ...timesOf(times), 'ns each': of === 1 ? '' : each.toFixed(0) };
}

/** Heap in use after a garbage collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
