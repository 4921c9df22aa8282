/**
 * The operator: a composition root. Watches keep the cache warm in every replica; the one that leads works the queue; all of
 * them answer for their health. In this order it comes up, and in the opposite order it goes.
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { randomFrom } from '@distillery/base';
import type { Clock } from '@distillery/base';

import {
  type Access,
  AccessError,
  apiClient,
  type ApiClientOptions,
  Budget,
  ClusterCache,
  EventRecorder,
  JobCache,
  jobExists,
  kinds,
  KubernetesCluster,
  KubernetesJobs,
  leaseName,
  leasesAt,
  leaseUid,
  loadAccess,
  Transport,
  Watches,
} from './cluster/kubernetes/index.js';
import {
  Fleet,
  LeaderElector,
  leaseDurations,
  Operator,
  OrphanSweep,
  reconcile,
  type Term,
} from './controller/index.js';
import { templateRightsProblems } from './api/index.js';
import type { Plan, Snapshot } from './domain/index.js';
import { ConfigError, type OperatorConfig, readOperatorConfig } from './operator-config.js';
import { AccountStreams, NatsStreams, StreamError } from './stream/index.js';
import { type HomeOptions, openStreamHome } from './stream-home.js';
import { sweepReporter } from './sweep-reporter.js';
import {
  type Check,
  createMetrics,
  HealthPortError,
  JobMeasures,
  openHealth,
  type OutputLog,
  outputLog,
} from './telemetry/index.js';

/** Progress alone is written this often at most, and not by all jobs together more often than this many times a second. */
const progressMs = 5_000;
const progressWritesPerSecond = 10;
/** A watch that is silent for longer has nothing to say of what is. */
const staleMs = 150_000;
/** For the events of the last look. */
const lastWordsMs = 2_000;
const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

const clock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  },
};

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());

function settings(): OperatorConfig {
  try {
    return readOperatorConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.usage);
  }
}

const config = settings();
const log = outputLog(config.logLevel);
process.on('uncaughtException', (error) => {
  log.error({ stack: error.stack }, `internal error: ${error.message}`);
  process.exit(exitCodes.failed);
});
try {
  process.exitCode = await run(config, await loadAccess(config.access), log);
} catch (error) {
  process.stderr.write(`${settingFaultIn(error)}\n`);
  process.exit(exitCodes.usage);
}

/**
 * The sentence about a setting that only its use shows to be wrong: a port, a kubeconfig, a .creds file, a signing key.
 * @throws the error itself when it is about something else
 */
function settingFaultIn(error: unknown): string {
  if (error instanceof HealthPortError) return `DISTILLERY_METRICS_PORT: ${error.message}`;
  if (error instanceof AccessError || error instanceof StreamError) return error.message;
  throw error;
}

async function run(config: OperatorConfig, access: Access, log: OutputLog): Promise<number> {
  // First: without it nothing is started.
  const health = await openHealth(config.metricsPort);
  const metrics = createMetrics({ processMetrics: true });
  const random = randomFrom(createHash('sha256').update(randomUUID()).digest().readUInt32LE());
  const identity = `${config.podName === '' ? 'operator' : config.podName}_${randomUUID()}`;
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
  const transport = new Transport({ access, clock, userAgent: 'distillery-operator' });
  let term: Term | null = null;
  const leads = (): boolean => term?.holds() === true;
  const requests: ApiClientOptions = {
    transport,
    budget: new Budget({ qps: config.apiQps, burst: config.apiBurst, clock }),
    clock,
    onRequest: ({ verb, kind, outcome, ms, waitedMs }) => {
      metrics.apiRequests.inc({ verb, resource: kind.plural, code: outcome });
      metrics.apiSeconds.observe({ verb }, ms / 1_000);
      metrics.apiThrottledSeconds.inc(waitedMs / 1_000);
    },
    onWarning: (sentence, doing) => log.warn({ doing }, sentence),
  };
  const client = apiClient(requests);
  // Decisions are taken before they are carried out: whether this process leads is asked again at each write.
  const acting = apiClient({ ...requests, mayWrite: leads });
  // The lease never waits behind a thousand jobs.
  const leaseClient = apiClient({ transport, budget: new Budget({ qps: 10, burst: 20, clock }), clock });

  const { nats, worker } = config;
  const homeOptions: HomeOptions = {
    nats,
    clock,
    mayAct: leads,
    hasJobs: (namespace) => operator.hasJobs(namespace),
    onChange: (namespace, uid) => {
      if (uid !== null) operator.partChanged(uid);
      else if (namespace !== null) operator.namespaceChanged(namespace);
      else operator.everythingChanged();
    },
    onStatus: (namespace, event) => {
      log.info({ ...(namespace === null ? {} : { namespace }), ...event }, 'nats connection');
    },
  };
  const recorder = new EventRecorder({
    client: acting,
    clock,
    hash,
    instance: identity,
    report: (outcome, { namespace, name }, event) => {
      metrics.events.inc({ outcome: outcome.kind });
      if (outcome.kind === 'failed') {
        const error = String(outcome.error);
        log.warn({ job: `${namespace}/${name}`, event: event.reason, error }, 'event not recorded');
      }
    },
  });
  const cache = new ClusterCache(clock, config.accelerators);
  const jobCache = new JobCache({ clock, forbidden: (job) => templateRightsProblems(job, config.templateRights) });
  const jobs = new KubernetesJobs({
    client: acting,
    cache: jobCache,
    record: (key, events) => recorder.record(key, events),
  });
  const cluster = new KubernetesCluster({
    client: acting,
    cache,
    clock,
    hash,
    settings: {
      images: worker.images,
      accelerators: config.accelerators,
      imagePullPolicy: worker.imagePullPolicy,
      teacherPriorityClass: worker.teacherPriorityClass,
      natsUrl: nats.workerUrl,
      ...(nats.auth.kind === 'password'
        ? { natsUsers: { teacher: nats.auth.workers.user, student: nats.auth.workers.user } }
        : {}),
    },
  });
  const measures = new JobMeasures(metrics);
  const fleet = new Fleet({
    slots: () => cluster.slots(),
    rules: config.share,
    clock,
    monotonicMs: () => performance.now(),
    changed: (uid) => operator.partChanged(uid),
    shared: (ms) => {
      metrics.shareSeconds.observe(ms / 1_000);
      if (log.isLevelEnabled('trace')) log.trace({ fleet: fleet.snapshot() }, 'slots shared');
    },
  });
  let reconciles = 0;
  const operator = new Operator({
    clock,
    workers: config.reconcileWorkers,
    forget: (key) => {
      cluster.forget(key.uid);
      fleet.forget(key.uid);
      home.forget(key);
    },
    failed: ({ namespace, name }, _error, retryMs) => {
      metrics.reconciles.inc({ outcome: 'failed' });
      log.debug({ job: `${namespace}/${name}`, retryMs }, 'reconcile is tried again');
    },
    work: async (key) => {
      const told = log.child({ job: `${key.namespace}/${key.name}`, reconcileId: ++reconciles });
      const timed = metrics.reconcileSeconds.startTimer();
      try {
        const again = await reconcile(key, {
          engine: 'cluster',
          jobs,
          cluster,
          streams,
          fleet,
          limits: config.limits,
          clock,
          jobsAreCurrent: () => watches.areCurrent(kinds.distillJobs),
          progressEveryMs: () => Math.max(progressMs, (operator.jobs / progressWritesPerSecond) * 1_000),
          observer: (snapshot, plan) => {
            tellOf(told, snapshot, plan);
            measures.set(key, plan.status);
          },
        });
        metrics.reconciles.inc({ outcome: 'done' });
        if (again === 'Gone') measures.remove(key);
        return again;
      } catch (error) {
        told.warn({ error: String(error) }, 'reconcile failed');
        throw error;
      } finally {
        timed();
      }
    },
  });
  const home = openStreamHome(homeOptions);
  const place = { namespace: config.namespace, name: leaseName };
  /** Uid of the Lease: identifies this installation, over restarts and upgrades, in the marks of its streams. */
  let installation: string | null = null;
  const identified = async (): Promise<string | null> => {
    installation ??= await leaseUid(place, leaseClient);
    return installation;
  };
  const streams = new NatsStreams(home, () => installation);
  cluster.onChange((key) => operator.jobChanged(key));
  const watches = new Watches({
    client,
    cache,
    jobs: jobCache,
    namespaces: config.watchNamespaces,
    jobChanged: (key) => operator.jobChanged(key),
    jobGone: (key) => operator.jobGone(key),
    partChanged: (uid) => operator.partChanged(uid),
    slotsChanged: () => fleet.slotsChanged(),
    report: (kind, report) => {
      if (report.kind === 'listed') log.info({ resource: kind.plural, ...report }, 'watch listed');
      else if (report.kind === 'interrupted') {
        log.info({ resource: kind.plural, error: report.error.message, next: report.next }, 'watch interrupted');
      } else log.error({ resource: kind.plural, error: String(report.error) }, `watch ${report.kind}`);
    },
    clock,
    random,
  });

  const isSilent = (): boolean =>
    watches.states().some(({ kind, lastContactMs }) => {
      return kind === kinds.distillJobs && clock.now() - (lastContactMs ?? 0) > staleMs;
    });
  const sweep = new OrphanSweep({
    streams: new AccountStreams(home),
    jobs: () => jobCache.keys(),
    jobsAreCurrent: () => watches.areCurrent(kinds.distillJobs) && !isSilent(),
    jobExists: (job) => jobExists(client, job),
    operator: identified,
    namespaces: config.watchNamespaces,
    afterMs: config.orphanSeconds * 1_000,
    monotonicMs: () => performance.now(),
    clock,
    report: sweepReporter(metrics, log),
  });

  const synced = (): Check[] =>
    watches.states().map(({ kind, synced: done, lastContactMs }) => {
      const silentMs = lastContactMs === null ? 0 : clock.now() - lastContactMs;
      if (!done) return { name: `watch ${kind.plural}`, problem: 'not everything is known yet' };
      const stale = silentMs > staleMs ? { degraded: `silent for ${String(Math.round(silentMs / 1_000))} s` } : {};
      return { name: `watch ${kind.plural}`, problem: null, ...stale };
    });
  const streamCheck = (): Check => {
    const { health } = home;
    // Without NATS nothing new is decided, and what runs runs on: no reason to be restarted.
    return { name: 'nats', problem: null, ...(health.connected ? {} : { degraded: health.reason }) };
  };
  health.serve({
    live: () => [{ name: 'process', problem: null }],
    ready: () => [...synced(), streamCheck(), { name: term === null ? 'standby' : 'leader', problem: null }],
    metrics: async () => {
      metrics.queueDepth.set(operator.depth);
      metrics.queueAge.set(operator.oldestMs / 1_000);
      metrics.natsConnected.set(home.connected ? 1 : 0);
      for (const [state, count] of Object.entries(home.accounts)) metrics.natsAccounts.set({ state }, count);
      metrics.leader.set(leads() ? 1 : 0);
      for (const metric of [metrics.watchStaleness, metrics.watchLists, metrics.watchInterruptions]) metric.reset();
      const stalest = new Map<string, number>();
      // With a list of namespaces there are several watches of a resource: the stalest counts, and all their work.
      for (const { kind, lastContactMs, counters } of watches.states()) {
        const resource = kind.plural;
        const silentMs = lastContactMs === null ? 0 : clock.now() - lastContactMs;
        stalest.set(resource, Math.max(stalest.get(resource) ?? 0, silentMs));
        metrics.watchLists.inc({ resource }, counters.lists);
        metrics.watchInterruptions.inc({ resource }, counters.interruptions);
      }
      for (const [resource, silentMs] of stalest) metrics.watchStaleness.set({ resource }, silentMs / 1_000);
      for (const metric of [metrics.slotsFree, metrics.slotsReserved, metrics.slotsGranted]) metric.reset();
      for (const { resource, free, reserved, granted } of fleet.totals()) {
        metrics.slotsFree.set({ resource }, free);
        metrics.slotsReserved.set({ resource }, reserved);
        metrics.slotsGranted.set({ resource }, granted);
      }
      return { contentType: metrics.registry.contentType, text: await metrics.registry.metrics() };
    },
  });
  log.info({ port: health.port, identity, images: worker.images, nats: nats.url }, 'operator started');

  watches.start();
  let outcome: number = exitCodes.ok;
  await Promise.race([watches.whenSynced(), aborted(stop.signal)]);
  const elector = new LeaderElector({
    leases: leasesAt(place, leaseClient),
    identity,
    clock,
    monotonicMs: () => performance.now(),
    random,
    durations: leaseDurations(config.leaseSeconds),
    log,
  });
  try {
    await elector.run(stop.signal, async (won) => {
      term = won;
      // Without an answer streams get their mark by the sweep.
      await identified().catch(() => null);
      await Promise.all([operator.lead(won.signal), config.orphanSeconds > 0 ? sweep.run(won.signal) : null]);
      await recorder.flush(lastWordsMs);
      term = null;
      // Who lost the lease begins anew, with nothing in mind that another may have changed.
      if (stop.signal.aborted) return;
      outcome = exitCodes.failed;
      stop.abort();
    });
  } finally {
    fleet.stop();
    await watches.stop();
    await home.close();
    await health.close();
    await transport.close();
    log.info({}, 'operator ended');
  }
  return outcome;
}

function tellOf(log: OutputLog, snapshot: Snapshot, plan: Plan): void {
  // A decision that changes nothing is no news.
  if (plan.events.length === 0 && plan.object === 'Keep') return;
  log.info(
    {
      generation: snapshot.job.metadata.generation,
      phase: plan.status.phase,
      pools: plan.pools,
      student: plan.student,
      workers: plan.workers,
      object: plan.object,
      streams: plan.streams,
      // What it takes to decide again.
      ...(log.isLevelEnabled('debug') ? { snapshot } : {}),
    },
    plan.events.map(({ message }) => message).join(' '),
  );
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
