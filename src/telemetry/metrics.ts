/**
 * The operator's metrics. Names, units and sentences stand here and nowhere else; docs/reference/metrics.md is generated
 * from them.
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
  build: gauge('distillery_build_info', '1, with what runs.', ['version', 'node']),
  reconciles: counter('distillery_reconciles_total', 'Looks at a job, by how they ended.', ['outcome']),
  reconcileSeconds: histogram('distillery_reconcile_duration_seconds', 'Time that a look at a job took.', []),
  queueDepth: gauge('distillery_queue_depth', 'Jobs that wait for a worker to look at them.', []),
  queueAge: gauge('distillery_queue_oldest_seconds', 'How long the first of them has waited.', []),
  apiRequests: counter('distillery_api_requests_total', 'Requests to the API server, by what came back.', [
    'verb',
    'resource',
    'code',
  ]),
  apiSeconds: histogram('distillery_api_request_duration_seconds', 'Time until the API server had answered.', ['verb']),
  apiThrottledSeconds: counter(
    'distillery_api_throttled_seconds_total',
    'Time that requests waited for the client-side budget.',
    [],
  ),
  events: counter('distillery_events_total', 'Events on jobs, by what became of them.', ['outcome']),
  watchStaleness: gauge(
    'distillery_watch_staleness_seconds',
    'Time since the API server gave a sign of life on a watch.',
    ['resource'],
  ),
  watchLists: counter('distillery_watch_lists_total', 'Complete lists that a watch had to read.', ['resource']),
  watchInterruptions: counter('distillery_watch_interruptions_total', 'Times that a watch broke off.', ['resource']),
  natsConnected: gauge('distillery_nats_connected', '1 while the operator is connected to NATS.', []),
  natsAccounts: gauge(
    'distillery_nats_accounts',
    'NATS accounts that jobs use, by whether this process can use them now: connected or unreachable.',
    ['state'],
  ),
  orphanStreams: gauge(
    'distillery_orphan_streams',
    'Streams in NATS whose job is gone, by what becomes of them: waiting (removed when their time is over), kept (marked to be kept) or foreign (without the mark of this operator, never removed).',
    ['state'],
  ),
  orphanStreamsRemoved: counter(
    'distillery_orphan_streams_removed_total',
    'Streams that were removed because their job was gone.',
    [],
  ),
  leader: gauge('distillery_leader', '1 while this process decides.', []),
  shareSeconds: histogram('distillery_share_duration_seconds', 'Time that sharing the slots over all jobs took.', []),
  slotsFree: gauge(
    'distillery_slots_free',
    'Slots that teachers and waiting pods of higher priority could have if no teacher were there.',
    ['resource'],
  ),
  slotsReserved: gauge('distillery_slots_reserved', 'Slots of them that teachers leave free.', ['resource']),
  slotsGranted: gauge('distillery_slots_granted', 'Slots that jobs were granted for their teachers.', ['resource']),
  jobs: gauge('distillery_jobs', 'Jobs by phase.', ['phase']),
  step: gauge('distillery_job_step', 'Steps trained.', job),
  steps: gauge('distillery_job_steps', 'Steps of the whole job.', job),
  samplesPerSecond: gauge('distillery_job_samples_per_second', 'Samples that the student trains a second.', job),
  waitFraction: gauge(
    'distillery_job_wait_fraction',
    'Share of the last seconds that the student waited for logits.',
    job,
  ),
  bufferFrames: gauge('distillery_job_buffer_frames', 'Logits frames stored and not yet trained.', job),
  teachersDesired: gauge('distillery_job_teachers_desired', 'Teachers that the job should have now.', job),
  teachersReady: gauge('distillery_job_teachers_ready', 'Teachers that label samples.', job),
  disruptions: gauge('distillery_job_disruptions', 'Processes lost through no fault of their own.', [...job, 'role']),
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

/** For the reference. */
export const metricDescriptions: readonly MetricDescription[] = Object.values(described);

const seconds = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30];

export interface MetricsOptions {
  /** Also what prom-client knows of any Node process: memory, CPU, event loop, garbage collection. */
  readonly processMetrics: boolean;
}

/** Metrics of a registry of their own: nothing here is global. */
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
