/** The parts of the operator that every replica has: what the process gives, the queue, the lease, and Kubernetes. */
import { createHash, randomUUID } from 'node:crypto';

import { type Clock, type Random, randomFrom } from '@distillery/base';
import { systemClock } from '@distillery/platform';

import type { Tracer } from '@distillery/tracing';

import { templateRightsProblems } from '../api/index.js';
import {
  type ApiClient,
  apiClient,
  type ApiClientOptions,
  Budget,
  ClusterCache,
  EventRecorder,
  JobCache,
  KubernetesCluster,
  type KubernetesClusterOptions,
  KubernetesJobs,
  leaseName,
  leasesAt,
  leaseUid,
  type Transport,
  Watches,
} from '../cluster/kubernetes/index.js';
import { JobQueue, LeaderElector, leaseDurations } from '../controller/index.js';
import { createMetrics, type Metrics, type OutputLog } from '../telemetry/index.js';

import type { OperatorConfig } from './config.js';
import { eventReporter, requestReporter, watchReporter } from './reports.js';

/** Requests about the lease have a budget of their own: they never wait behind those of a thousand jobs. */
const leaseBudget = { qps: 10, burst: 20 } as const;

/** What every part gets from the process. */
export interface Process {
  readonly config: OperatorConfig;
  readonly log: OutputLog;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly random: Random;
  /** No other process has it, not even the next one in the same pod. */
  readonly identity: string;
  /** null = tracing is off. */
  readonly tracer: Tracer | null;
}

export function processOf(config: OperatorConfig, log: OutputLog, tracer: Tracer | null): Process {
  const metrics = createMetrics({ processMetrics: true, exemplars: config.tracing !== null });
  metrics.apiBudget.set(config.apiQps);
  return {
    config,
    log,
    metrics,
    clock: systemClock,
    monotonicMs: () => performance.now(),
    random: randomFrom(createHash('sha256').update(randomUUID()).digest().readUInt32LE()),
    tracer,
    identity: `${config.podName === '' ? 'operator' : config.podName}_${randomUUID()}`,
  };
}

export function queueOf({ config: { reconcile }, clock }: Process): JobQueue {
  return new JobQueue({
    clock,
    workers: reconcile.workers,
    paceMs: (jobs) => Math.max(reconcile.minIntervalMs, (jobs * 1_000) / reconcile.maxPerSecond),
  });
}

export interface Lease {
  readonly elector: LeaderElector;
  /**
   * Uid of the Lease: identifies this installation, over restarts and upgrades, in the marks of its streams. `find` asks the
   * API server until it knows; `known` is null until then.
   */
  readonly installation: { find(): Promise<string | null>; known(): string | null };
}

export function leaseOf({ config, clock, monotonicMs, random, identity, log }: Process, transport: Transport): Lease {
  const client = apiClient({ transport, budget: new Budget({ ...leaseBudget, clock }), clock });
  const lease = { namespace: config.namespace, name: leaseName };
  let installation: string | null = null;
  return {
    elector: new LeaderElector({
      leases: leasesAt(lease, client),
      identity,
      clock,
      monotonicMs,
      random,
      durations: leaseDurations(config.leaseSeconds),
      log,
    }),
    installation: {
      known: () => installation,
      find: async () => (installation ??= await leaseUid(lease, client)),
    },
  };
}

export interface Kubernetes {
  readonly client: ApiClient;
  readonly recorder: EventRecorder;
  readonly jobs: KubernetesJobs;
  readonly jobCache: JobCache;
  readonly cluster: KubernetesCluster;
  readonly watches: Watches;
}

export function kubernetesOf(
  { config, clock, random, identity, metrics, log }: Process,
  transport: Transport,
  queue: JobQueue,
  isLeading: () => boolean,
): Kubernetes {
  const requests: ApiClientOptions = {
    transport,
    budget: new Budget({ qps: config.apiQps, burst: config.apiBurst, clock }),
    clock,
    onRequest: requestReporter(metrics),
    onWarning: (sentence, doing) => log.warn({ doing }, sentence),
  };
  const client = apiClient(requests);
  // compose/O1.
  const acting = apiClient({ ...requests, mayWrite: isLeading });
  const cache = new ClusterCache(clock, config.accelerators);
  const recorder = new EventRecorder({
    client: acting,
    clock,
    hash: shortHash,
    instance: identity,
    report: eventReporter(metrics, log),
  });
  const jobCache = new JobCache({ clock, forbidden: (job) => templateRightsProblems(job, config.templateRights) });
  const jobs = new KubernetesJobs({
    client: acting,
    cache: jobCache,
    record: (key, events) => recorder.record(key, events),
  });
  const cluster = new KubernetesCluster({ client: acting, cache, clock, hash: shortHash, settings: workersOf(config) });
  queue.onForget(({ uid }) => cluster.forget(uid));
  const watches = new Watches({
    client,
    cache,
    jobs: jobCache,
    namespaces: config.watchNamespaces,
    wake: queue.wake,
    report: watchReporter(log),
    clock,
    random,
  });
  return { client, recorder, jobs, jobCache, cluster, watches };
}

function workersOf({
  worker,
  accelerators,
  nats: { workerUrl, workerTls, auth },
  tracing,
}: OperatorConfig): KubernetesClusterOptions['settings'] {
  const users =
    auth.kind === 'password' ? { natsUsers: { teacher: auth.workers.user, student: auth.workers.user } } : {};
  const natsTls = (['ca', 'cert', 'key'] as const).filter((part) => workerTls[part] !== undefined);
  return { ...worker, accelerators, natsUrl: workerUrl, natsTls, ...users, tracing };
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
