/**
 * The operator, composed: watches keep the cache of every replica warm, and the replica that leads runs the engine and the
 * sweep for streams without a job. Parts start in order and stop in reverse.
 *
 * Invariants:
 *  compose/O1 Only a process that leads writes, and each write asks again whether it still leads: decisions are older than
 *     their writes.
 *  compose/O2 A process that lost the lease ends. Its memory may be outdated, and a new process starts with none.
 */
import { createHash, randomUUID } from 'node:crypto';

import { type Clock, type Random, randomFrom } from '@distillery/base';
import { systemClock } from '@distillery/platform';

import { templateRightsProblems } from '../api/index.js';
import {
  type Access,
  type ApiClient,
  apiClient,
  type ApiClientOptions,
  Budget,
  ClusterCache,
  EventRecorder,
  JobCache,
  jobExists,
  kinds,
  KubernetesCluster,
  type KubernetesClusterOptions,
  KubernetesJobs,
  leaseName,
  leasesAt,
  leaseUid,
  Transport,
  Watches,
} from '../cluster/kubernetes/index.js';
import {
  JobQueue,
  LeaderElector,
  leaseDurations,
  OrphanSweep,
  type RunningEngine,
  startEngine,
  type Term,
} from '../controller/index.js';
import { AccountStreams, NatsStreams, type StreamHome } from '../stream/index.js';
import { createMetrics, JobMeasures, type Metrics, openHealth, type OutputLog } from '../telemetry/index.js';

import type { OperatorConfig } from './config.js';
import { engineReporter, eventReporter, requestReporter, sweepReporter, watchReporter } from './reports.js';
import { healthPages } from './scrape.js';
import { openStreamHome } from './stream-home.js';

/** Why an operator ended. */
export type Ended = 'Stopped' | 'LostLeadership';

export interface Operator {
  /** Starts all parts, and leads while this process holds the lease. Resolves when all parts have stopped. */
  run(stop: AbortSignal): Promise<Ended>;
}

/** For the events of the last reconcile. */
const lastEventsMs = 2_000;
/** Requests about the lease have a budget of their own: they never wait behind those of a thousand jobs. */
const leaseBudget = { qps: 10, burst: 20 } as const;

/** What every part gets from the process. */
interface Process {
  readonly config: OperatorConfig;
  readonly log: OutputLog;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly random: Random;
  /** No other process has it, not even the next one in the same pod. */
  readonly identity: string;
}

/**
 * Opens the port of the health pages first: without it nothing else may start. NATS is connected to in the background.
 * @throws HealthPortError when the port cannot be used; StreamError when a NATS secret is not valid
 */
export async function compose(config: OperatorConfig, access: Access, log: OutputLog): Promise<Operator> {
  const health = await openHealth(config.metricsPort);
  const process = processOf(config, log);
  const { metrics, clock } = process;
  const transport = new Transport({ access, clock, userAgent: 'distillery-operator' });
  const queue = queueOf(process);
  const lease = leaseOf(process, transport);
  const isLeading = (): boolean => lease.elector.leading;
  const home = openStreamHome({
    nats: config.nats,
    clock,
    mayAct: isLeading,
    hasJobs: (namespace) => queue.hasJobs(namespace),
    wake: queue.wake,
    onStatus: (namespace, event) => {
      log.info({ ...(namespace === null ? {} : { namespace }), ...event }, 'nats connection');
    },
  });
  const kubernetes = kubernetesOf(process, transport, queue, isLeading);
  const { watches } = kubernetes;
  queue.onForget((key) => home.forget(key));
  const leader = new Leader(process, { queue, home, kubernetes, installation: lease.installation });
  const pages = healthPages({
    metrics,
    clock,
    queue,
    home,
    watches,
    staleMs: config.watchStaleMs,
    isLeading,
    fleetTotals: () => leader.fleetTotals(),
  });
  // In the order in which they start.
  const parts = [health, transport, home, { close: () => watches.stop() }];
  return {
    async run(stop) {
      try {
        health.serve(pages);
        const { port } = health;
        const { identity } = process;
        log.info({ port, identity, images: config.worker.images, nats: config.nats.url }, 'operator started');
        watches.start();
        await Promise.race([watches.whenSynced(), aborted(stop)]);
        return await oneTerm(lease.elector, stop, (term) => leader.lead(term));
      } finally {
        for (const part of parts.toReversed()) await part.close();
        log.info({}, 'operator ended');
      }
    },
  };
}

/** Competes until `stop` aborts or a term is over (compose/O2). */
async function oneTerm(elector: LeaderElector, stop: AbortSignal, lead: (term: Term) => Promise<void>): Promise<Ended> {
  const over = new AbortController();
  await elector.run(AbortSignal.any([stop, over.signal]), async (term) => {
    await lead(term);
    if (!stop.aborted) over.abort();
  });
  return over.signal.aborted ? 'LostLeadership' : 'Stopped';
}

function processOf(config: OperatorConfig, log: OutputLog): Process {
  return {
    config,
    log,
    metrics: createMetrics({ processMetrics: true }),
    clock: systemClock,
    monotonicMs: () => performance.now(),
    random: randomFrom(createHash('sha256').update(randomUUID()).digest().readUInt32LE()),
    identity: `${config.podName === '' ? 'operator' : config.podName}_${randomUUID()}`,
  };
}

function queueOf({ config: { reconcile }, clock }: Process): JobQueue {
  return new JobQueue({
    clock,
    workers: reconcile.workers,
    paceMs: (jobs) => Math.max(reconcile.minIntervalMs, (jobs * 1_000) / reconcile.maxPerSecond),
  });
}

interface Lease {
  readonly elector: LeaderElector;
  /**
   * Uid of the Lease: identifies this installation, over restarts and upgrades, in the marks of its streams. `find` asks the
   * API server until it knows; `known` is null until then.
   */
  readonly installation: { find(): Promise<string | null>; known(): string | null };
}

function leaseOf({ config, clock, monotonicMs, random, identity, log }: Process, transport: Transport): Lease {
  const client = apiClient({ transport, budget: new Budget({ ...leaseBudget, clock }), clock });
  const place = { namespace: config.namespace, name: leaseName };
  let installation: string | null = null;
  return {
    elector: new LeaderElector({
      leases: leasesAt(place, client),
      identity,
      clock,
      monotonicMs,
      random,
      durations: leaseDurations(config.leaseSeconds),
      log,
    }),
    installation: {
      known: () => installation,
      find: async () => (installation ??= await leaseUid(place, client)),
    },
  };
}

interface Kubernetes {
  readonly client: ApiClient;
  readonly recorder: EventRecorder;
  readonly jobs: KubernetesJobs;
  readonly jobCache: JobCache;
  readonly cluster: KubernetesCluster;
  readonly watches: Watches;
}

function kubernetesOf(
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
  nats: { workerUrl, auth },
}: OperatorConfig): KubernetesClusterOptions['settings'] {
  const users =
    auth.kind === 'password' ? { natsUsers: { teacher: auth.workers.user, student: auth.workers.user } } : {};
  return { ...worker, accelerators, natsUrl: workerUrl, ...users };
}

interface LeaderParts {
  readonly queue: JobQueue;
  readonly home: StreamHome;
  readonly kubernetes: Kubernetes;
  readonly installation: Lease['installation'];
}

/** What runs in the replica that leads: the engine, and the sweep for streams without a job. */
class Leader {
  readonly #process: Process;
  readonly #parts: LeaderParts;
  readonly #measures: JobMeasures;
  #engine: RunningEngine | null = null;

  constructor(process: Process, parts: LeaderParts) {
    this.#process = process;
    this.#parts = parts;
    this.#measures = new JobMeasures(process.metrics);
  }

  /** Works until the term's signal aborts; resolves when the last reconcile has ended and its events are recorded. */
  async lead({ signal }: Term): Promise<void> {
    const { kubernetes, installation } = this.#parts;
    // Without an answer the sweep marks the streams later.
    await installation.find().catch(() => null);
    const engine = this.#startEngine();
    this.#engine = engine;
    const sweep = this.#process.config.orphanSeconds > 0 ? this.#sweep() : null;
    await Promise.all([aborted(signal).then(() => engine.stop()), sweep?.run(signal)]);
    await kubernetes.recorder.flush(lastEventsMs);
  }

  fleetTotals(): ReturnType<RunningEngine['fleet']['totals']> {
    return this.#engine?.fleet.totals() ?? [];
  }

  #startEngine(): RunningEngine {
    const { config, clock, monotonicMs, metrics, log } = this.#process;
    const { queue, home, installation, kubernetes } = this.#parts;
    const { jobs, cluster, watches } = kubernetes;
    const { progress } = config;
    return startEngine({
      queue,
      engine: 'cluster',
      jobs,
      cluster,
      streams: new NatsStreams(home, () => installation.known()),
      share: config.share,
      limits: config.limits,
      policy: config.policy,
      clock,
      monotonicMs,
      progressEveryMs: () => Math.max(progress.everyMs, (queue.jobs / progress.writesPerSecond) * 1_000),
      jobsAreCurrent: () => watches.areCurrent(kinds.distillJobs),
      report: engineReporter(metrics, this.#measures, log),
    });
  }

  #sweep(): OrphanSweep {
    const { config, clock, monotonicMs, metrics, log } = this.#process;
    const { home, installation, kubernetes } = this.#parts;
    const { client, jobCache, watches } = kubernetes;
    const jobWatches = () => watches.states().filter(({ kind }) => kind === kinds.distillJobs);
    // A watch that was never answered counts as silent.
    const isSilent = () =>
      jobWatches().some(({ lastContactMs }) => clock.now() - (lastContactMs ?? 0) > config.watchStaleMs);
    return new OrphanSweep({
      streams: new AccountStreams(home),
      jobs: () => jobCache.keys(),
      jobsAreCurrent: () => watches.areCurrent(kinds.distillJobs) && !isSilent(),
      jobExists: (job) => jobExists(client, job),
      operator: () => installation.find(),
      namespaces: config.watchNamespaces,
      afterMs: config.orphanSeconds * 1_000,
      monotonicMs,
      clock,
      report: sweepReporter(metrics, log),
    });
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
