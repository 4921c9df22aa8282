/** The work of the replica that leads. */
import { jobExists, kinds } from '../cluster/kubernetes/index.js';
import { type JobQueue, OrphanSweep, type RunningEngine, startEngine, type Term } from '../controller/index.js';
import { AccountStreams, certificatesOf, NatsStreams, type StreamHome } from '../stream/index.js';
import { JobMeasures } from '../telemetry/index.js';

import { JobHistories } from './job-histories.js';
import type { Kubernetes, Lease, Process } from './parts.js';
import { engineReporter, historyReporter, sweepReporter } from './reports.js';
import { watchStorage } from './storage.js';

/** For the events of the last reconcile. */
const lastEventsMs = 2_000;
/** For the last lines of histories. */
const lastHistoriesMs = 2_000;

interface LeaderParts {
  readonly queue: JobQueue;
  readonly home: StreamHome;
  readonly kubernetes: Kubernetes;
  readonly installation: Lease['installation'];
}

/** What runs in the replica that leads: the engine, the histories, and the sweep for streams without a job. */
export class Leader {
  readonly #process: Process;
  readonly #parts: LeaderParts;
  readonly #measures: JobMeasures;
  readonly #streams: NatsStreams;
  readonly #histories: JobHistories;
  #engine: RunningEngine | null = null;

  constructor(process: Process, parts: LeaderParts) {
    this.#process = process;
    this.#parts = parts;
    this.#measures = new JobMeasures(process.metrics);
    const { home, installation, queue } = parts;
    const { config, clock, log } = process;
    const workerTls = certificatesOf(config.nats.workerTls, clock);
    this.#streams = new NatsStreams(home, () => installation.known(), workerTls);
    this.#histories = new JobHistories({ store: this.#streams, clock, failed: historyReporter(log) });
    queue.onForget(({ uid }) => this.#histories.forget(uid));
  }

  /** Works until the term's signal aborts; resolves when the last reconcile has ended and its events are recorded. */
  async lead({ signal }: Term): Promise<void> {
    const { kubernetes, installation } = this.#parts;
    // Without an answer the sweep marks the streams later.
    await installation.find().catch(() => null);
    const engine = this.#startEngine();
    this.#engine = engine;
    const sweep = this.#process.config.orphanSeconds > 0 ? this.#sweep() : null;
    const { home } = this.#parts;
    const { metrics, clock } = this.#process;
    await Promise.all([
      aborted(signal).then(() => engine.stop()),
      sweep?.run(signal),
      this.#histories.run(signal),
      watchStorage({ home, metrics, clock }, signal),
    ]);
    await Promise.all([kubernetes.recorder.flush(lastEventsMs), this.#histories.flush(lastHistoriesMs)]);
  }

  fleetTotals(): ReturnType<RunningEngine['fleet']['totals']> {
    return this.#engine?.fleet.totals() ?? [];
  }

  #startEngine(): RunningEngine {
    const { config, clock, monotonicMs, metrics, log, tracer } = this.#process;
    const { queue, kubernetes } = this.#parts;
    const { jobs, cluster, watches } = kubernetes;
    const { progress } = config;
    return startEngine({
      queue,
      engine: 'cluster',
      jobs,
      cluster,
      streams: this.#streams,
      share: config.share,
      limits: config.limits,
      policy: config.policy,
      clock,
      monotonicMs,
      progressEveryMs: () => Math.max(progress.everyMs, (queue.jobs / progress.writesPerSecond) * 1_000),
      jobsAreCurrent: () => watches.areCurrent(kinds.distillJobs),
      report: engineReporter(metrics, { measures: this.#measures, histories: this.#histories }, log),
      tracer,
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

/** Resolves when the signal aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
