/**
 * Reads a log of a real cluster: Alibaba's cluster-trace-gpu-v2023 (`openb_node_list_*.csv` and `openb_pod_list_*.csv`;
 * Weng et al., "Beware of Fragmentation", USENIX ATC 2023), or any other pair of files with its columns. docs/simulator.md
 * says what each means to us. Pure: texts in, nodes and neighbours out.
 */
import { csvRows } from './csv.js';
import type { Trace, TraceNeighbour, TraceNode } from './trace.js';

export interface CsvFile {
  /** How it is called in messages. */
  readonly name: string;
  readonly content: string;
}

export interface LoggedCluster extends Pick<Trace, 'nodes' | 'neighbours'> {
  /** Where in the log's own time the window begins, seconds. */
  readonly fromSeconds: number;
  /** Pods of the log that are not replayed: those that need no accelerator, and those that never ran. */
  readonly withoutAccelerator: number;
  readonly neverScheduled: number;
}

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
  const { pods, withoutAccelerator, neverScheduled } = readPods(podList);
  const seconds = hours * 3_600;
  const from = fromSeconds ?? busiest(pods, seconds);
  const neighbours = pods
    .flatMap((pod) => inWindow(pod, from, seconds))
    .sort((one, other) => one.arrivesAtSeconds - other.arrivesAtSeconds);
  return { nodes: readNodes(nodeList), neighbours, fromSeconds: from, withoutAccelerator, neverScheduled };
}

/** Nodes without accelerators are left out. */
function readNodes({ name, content }: CsvFile): TraceNode[] {
  return [...csvRows(name, content, ['sn', 'gpu', 'model'])]
    .map((row, index) => ({
      name: row.text('sn') ?? `node-${index}`,
      model: row.text('model') ?? 'any',
      slots: row.whole('gpu', 0, mostSlots),
    }))
    .filter(({ slots }) => slots > 0);
}

const podColumns = ['name', 'num_gpu', 'gpu_milli', 'gpu_spec', 'creation_time', 'deletion_time', 'scheduled_time'];

function readPods({ name, content }: CsvFile): {
  readonly pods: readonly LoggedPod[];
  readonly withoutAccelerator: number;
  readonly neverScheduled: number;
} {
  const pods: LoggedPod[] = [];
  let withoutAccelerator = 0;
  let neverScheduled = 0;
  for (const row of csvRows(name, content, podColumns)) {
    const slots = row.whole('num_gpu', 0, mostSlots);
    const createdAt = row.whole('creation_time', 0, mostSeconds);
    if (slots === 0) withoutAccelerator++;
    else if (row.text('scheduled_time') === null) neverScheduled++;
    else {
      const scheduledAt = row.whole('scheduled_time', createdAt, mostSeconds);
      pods.push({
        name: row.text('name') ?? `pod-${pods.length}`,
        slots,
        milli: slots === 1 ? row.whole('gpu_milli', 1, wholeSlot) : wholeSlot,
        models: row.text('gpu_spec')?.split('|') ?? null,
        createdAt,
        scheduledAt,
        deletedAt: row.whole('deletion_time', scheduledAt, mostSeconds),
      });
    }
  }
  return { pods, withoutAccelerator, neverScheduled };
}

/** A pod that ran already when the window began comes at its start, with what it had left to run. */
function inWindow(pod: LoggedPod, from: number, seconds: number): TraceNeighbour[] {
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
