/**
 * Reads a log of a real cluster: Alibaba's cluster-trace-gpu-v2023 (`openb_node_list_*.csv` and `openb_pod_list_*.csv`;
 * Weng et al., "Beware of Fragmentation", USENIX ATC 2023), or any other pair of files with its columns. docs/simulator.md
 * says what each means to us. Pure: texts in, nodes and neighbors out.
 */
import { csvRows } from './csv.js';
import { TraceError } from './trace-error.js';
import type { Trace, TraceNeighbor, TraceNode } from './trace.js';

export interface CsvFile {
  /** How it is called in messages. */
  readonly name: string;
  readonly content: string;
}

export interface LoggedCluster extends Pick<Trace, 'nodes' | 'neighbors'> {
  /** Where in the log's own time the window begins, seconds. */
  readonly fromSeconds: number;
  /** Rows of the log that are not replayed: every one is in one of these. */
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  readonly why: LeftOutReason;
  /** Names of the rows, in the order of the file. */
  readonly names: readonly string[];
}

/** `NoNodeHoldsIt`: no node of the list has the models or the slots that the pod asks for. */
export type LeftOutReason =
  'NodeWithoutAccelerator' | 'WithoutAccelerator' | 'NeverRan' | 'NoNodeHoldsIt' | 'OtherHours';

const mostSeconds = 1e12;
const mostSlots = 1_024;
const wholeSlot = 1_000;

interface LoggedPod {
  readonly name: string;
  readonly slots: number;
  readonly milli: number;
  readonly models: readonly string[] | null;
  readonly createdAt: number;
  readonly scheduledAt: number;
  readonly deletedAt: number;
}

/**
 * @param hours length of the window that is replayed
 * @param fromSeconds its begin, in the log's own time; null = where the most pods come
 * @throws TraceError
 */
export function readLoggedCluster(
  nodeList: CsvFile,
  podList: CsvFile,
  { hours, fromSeconds }: { readonly hours: number; readonly fromSeconds: number | null },
): LoggedCluster {
  const all = readNodes(nodeList);
  const nodes = all.filter(({ slots }) => slots > 0);
  if (nodes.length === 0) {
    throw new TraceError(nodeList.name, 1, 1, 'no node with accelerators', 'at least one row with gpu above 0');
  }
  const { pods, ...others } = readPods(podList, holderAmong(nodes));
  const seconds = hours * 3_600;
  const from = fromSeconds ?? busiest(pods, seconds);
  const windows = pods.map((pod) => ({ name: pod.name, found: inWindow(pod, from, seconds) }));
  const neighbors = windows
    .flatMap(({ found }) => found)
    .sort((one, other) => one.arrivesAtSeconds - other.arrivesAtSeconds);
  const leftOut: LeftOut[] = [
    { why: 'NodeWithoutAccelerator', names: all.filter(({ slots }) => slots === 0).map(({ name }) => name) },
    { why: 'WithoutAccelerator', names: others.withoutAccelerator },
    { why: 'NeverRan', names: others.neverRan },
    { why: 'NoNodeHoldsIt', names: others.withoutNode },
    { why: 'OtherHours', names: windows.filter(({ found }) => found.length === 0).map(({ name }) => name) },
  ];
  return { nodes, neighbors, fromSeconds: from, leftOut: leftOut.filter(({ names }) => names.length > 0) };
}

function readNodes({ name, content }: CsvFile): TraceNode[] {
  return [...csvRows(name, content, ['sn', 'gpu', 'model'])].map((row, index) => ({
    name: row.text('sn') ?? `node-${index}`,
    model: row.text('model') ?? 'any',
    slots: row.whole('gpu', 0, mostSlots),
  }));
}

type Asking = Pick<LoggedPod, 'slots' | 'models'>;

/** Whether any of the nodes could hold a pod if it were empty. */
function holderAmong(nodes: readonly TraceNode[]): (pod: Asking) => boolean {
  const largest = new Map<string, number>();
  for (const { model, slots } of nodes) largest.set(model, Math.max(largest.get(model) ?? 0, slots));
  const ofAll = Math.max(...largest.values());
  return ({ slots, models }) =>
    slots <= (models === null ? ofAll : Math.max(0, ...models.map((model) => largest.get(model) ?? 0)));
}

const podColumns = ['name', 'num_gpu', 'gpu_milli', 'gpu_spec', 'creation_time', 'deletion_time', 'scheduled_time'];

interface LoggedPods {
  readonly pods: readonly LoggedPod[];
  /** Names of the others. */
  readonly withoutAccelerator: readonly string[];
  readonly neverRan: readonly string[];
  readonly withoutNode: readonly string[];
}

function readPods({ name, content }: CsvFile, anyNodeHolds: (pod: Asking) => boolean): LoggedPods {
  const pods: LoggedPod[] = [];
  const withoutAccelerator: string[] = [];
  const neverRan: string[] = [];
  const withoutNode: string[] = [];
  let rows = 0;
  for (const row of csvRows(name, content, podColumns)) {
    const slots = row.whole('num_gpu', 0, mostSlots);
    const createdAt = row.whole('creation_time', 0, mostSeconds);
    const podName = row.text('name') ?? `pod-${rows}`;
    const models =
      row
        .text('gpu_spec')
        ?.split('|')
        .map((model) => model.trim()) ?? null;
    rows++;
    if (slots === 0) withoutAccelerator.push(podName);
    else if (row.text('scheduled_time') === null) neverRan.push(podName);
    else if (!anyNodeHolds({ slots, models })) withoutNode.push(podName);
    else {
      const scheduledAt = row.whole('scheduled_time', createdAt, mostSeconds);
      pods.push({
        name: podName,
        slots,
        milli: slots === 1 ? row.whole('gpu_milli', 1, wholeSlot) : wholeSlot,
        models,
        createdAt,
        scheduledAt,
        deletedAt: row.whole('deletion_time', scheduledAt, mostSeconds),
      });
    }
  }
  return { pods, withoutAccelerator, neverRan, withoutNode };
}

/** A pod that ran already when the window began comes at its start, with what it had left to run. */
function inWindow(pod: LoggedPod, from: number, seconds: number): TraceNeighbor[] {
  const { name, slots, milli, models } = pod;
  const isRunning = pod.scheduledAt < from;
  const runsSeconds = pod.deletedAt - Math.max(from, pod.scheduledAt);
  if (pod.createdAt >= from + seconds || runsSeconds <= 0) return [];
  const arrivesAtSeconds = isRunning ? 0 : Math.max(0, pod.createdAt - from);
  return [{ name, arrivesAtSeconds, runsSeconds, slots, milli, models }];
}

/** Where a window of this length holds the most arrivals. */
function busiest(pods: readonly LoggedPod[], seconds: number): number {
  const times = pods.map(({ createdAt }) => createdAt).sort((one, other) => one - other);
  let best = { from: 0, arrivals: 0 };
  let end = 0;
  for (const [start, from] of times.entries()) {
    while ((times[end] ?? Infinity) < from + seconds) end++;
    if (end - start > best.arrivals) best = { from, arrivals: end - start };
  }
  return best.from;
}
