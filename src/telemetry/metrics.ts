/**
 * The operator's metrics: their names, units and help texts have this one source, and docs/reference/metrics.md is generated
 * from it.
 */
import { version } from '@distillery/base';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface MetricDescription {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

const job = ['namespace', 'name'] as const;

const described = {
  build: gauge('distillery_build_info', 'Always 1; the labels are the versions of the operator and of Node.js.', [
    'version',
    'node',
  ]),
  reconciles: counter('distillery_reconciles_total', 'Reconciles of DistillJobs, by outcome: done or failed.', [
    'outcome',
  ]),
  reconcileSeconds: histogram('distillery_reconcile_duration_seconds', 'Duration of a reconcile, in seconds.', []),
  queueDepth: gauge('distillery_queue_depth', 'Jobs waiting in the work queue.', []),
  queueAge: gauge(
    'distillery_queue_oldest_seconds',
    'Time that the oldest job in the work queue has waited, in seconds.',
    [],
  ),
  apiRequests: counter(
    'distillery_api_requests_total',
    'Requests to the API server, by verb, resource and status code.',
    ['verb', 'resource', 'code'],
  ),
  apiSeconds: histogram(
    'distillery_api_request_duration_seconds',
    'Time from the sending of a request to the answer of the API server, in seconds.',
    ['verb'],
  ),
  apiThrottledSeconds: counter(
    'distillery_api_throttled_seconds_total',
    'Time that requests waited for the client-side budget (DISTILLERY_API_QPS), in seconds.',
    [],
  ),
  events: counter('distillery_events_total', 'Kubernetes Events about jobs, by outcome.', ['outcome']),
  watchStaleness: gauge(
    'distillery_watch_staleness_seconds',
    'Time since the API server last sent anything on the watch of a resource, in seconds.',
    ['resource'],
  ),
  watchLists: counter('distillery_watch_lists_total', 'Full lists of a resource that its watch had to read.', [
    'resource',
  ]),
  watchInterruptions: counter('distillery_watch_interruptions_total', 'Interruptions of the watch of a resource.', [
    'resource',
  ]),
  natsConnected: gauge('distillery_nats_connected', '1 while the operator is connected to NATS, otherwise 0.', []),
  natsAccounts: gauge(
    'distillery_nats_accounts',
    'NATS accounts in use by jobs, by state of the connection: connected or unreachable.',
    ['state'],
  ),
  orphanStreams: gauge(
    'distillery_orphan_streams',
    'Streams in NATS whose job is gone, by state: waiting (removed after DISTILLERY_ORPHAN_SECONDS), kept (marked to be kept) or foreign (without the mark of this operator, never removed).',
    ['state'],
  ),
  orphanStreamsRemoved: counter(
    'distillery_orphan_streams_removed_total',
    'Streams that were removed because their job was gone.',
    [],
  ),
  leader: gauge('distillery_leader', '1 while this replica leads, otherwise 0.', []),
  shareSeconds: histogram(
    'distillery_share_duration_seconds',
    'Time to share the slots among all jobs, in seconds.',
    [],
  ),
  slotsFree: gauge(
    'distillery_slots_free',
    'Slots that teachers and pending pods of higher priority could use if no teacher ran.',
    ['resource'],
  ),
  slotsReserved: gauge('distillery_slots_reserved', 'Free slots that teachers leave unused (DISTILLERY_RESERVE).', [
    'resource',
  ]),
  slotsGranted: gauge('distillery_slots_granted', 'Slots granted to jobs for their teachers.', ['resource']),
  jobs: gauge('distillery_jobs', 'Number of jobs, by phase.', ['phase']),
  step: gauge('distillery_job_step', 'Training steps done.', job),
  steps: gauge('distillery_job_steps', 'Training steps of the whole job.', job),
  samplesPerSecond: gauge(
    'distillery_job_samples_per_second',
    'Training rate of the student, in samples per second.',
    job,
  ),
  waitFraction: gauge(
    'distillery_job_wait_fraction',
    'Fraction of the last 5 s that the student waited for logits, from 0 to 1.',
    job,
  ),
  bufferFrames: gauge('distillery_job_buffer_frames', 'Logits frames stored and not yet used for training.', job),
  teachersDesired: gauge(
    'distillery_job_teachers_desired',
    'Teachers that the job should have now, all pools together.',
    job,
  ),
  teachersReady: gauge(
    'distillery_job_teachers_ready',
    'Teachers that are ready to label samples, all pools together.',
    job,
  ),
  disruptions: gauge(
    'distillery_job_disruptions',
    'Pods lost to disruptions: deleted, evicted, drained, preempted or out of memory.',
    [...job, 'role'],
  ),
} as const;

function counter<L extends string>(name: string, help: string, labels: readonly L[]) {
  return { type: 'counter', name, help, labels } as const;
}
function gauge<L extends string>(name: string, help: string, labels: readonly L[]) {
  return { type: 'gauge', name, help, labels } as const;
}
function histogram<L extends string>(name: string, help: string, labels: readonly L[]) {
  return { type: 'histogram', name, help, labels } as const;
}

type Described = typeof described;
type Made<D> = D extends { type: 'counter'; labels: readonly (infer L extends string)[] }
  ? Counter<L>
  : D extends { type: 'gauge'; labels: readonly (infer L extends string)[] }
    ? Gauge<L>
    : D extends { type: 'histogram'; labels: readonly (infer L extends string)[] }
      ? Histogram<L>
      : never;
export type Metrics = { readonly [K in keyof Described]: Made<Described[K]> } & { readonly registry: Registry };

/** For the reference page. */
export const metricDescriptions: readonly MetricDescription[] = Object.values(described);

const seconds = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30];

export interface MetricsOptions {
  /** Adds prom-client's metrics of the Node process: memory, CPU, event loop, garbage collection. */
  readonly processMetrics: boolean;
}

/** Creates the metrics in a registry of their own: nothing is global. */
export function createMetrics({ processMetrics }: MetricsOptions): Metrics {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const made = Object.entries(described).map(([key, { type, name, help, labels }]) => {
    const common = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'counter') return [key, new Counter(common)];
    if (type === 'gauge') return [key, new Gauge(common)];
    return [key, new Histogram({ ...common, buckets: seconds })];
  });
  const metrics: Metrics = { ...(Object.fromEntries(made) as Omit<Metrics, 'registry'>), registry };
  metrics.build.set({ version, node: process.version }, 1);
  return metrics;
}
