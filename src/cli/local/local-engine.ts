/**
 * Starts the engine for the one job of a local run: the same queue, fleet and reconcile as in a cluster (I9). Nothing else is
 * decided here.
 */
import type { Clock } from '@distillery/base';
import type { Tracer } from '@distillery/tracing';

import {
  type Cluster,
  type JobKey,
  JobQueue,
  type Jobs,
  type Observer,
  startEngine,
  type Streams,
} from '../../controller/index.js';

export interface LocalEngineOptions {
  readonly key: JobKey;
  readonly jobs: Jobs;
  readonly cluster: Cluster;
  readonly streams: Streams;
  /** null or absent = tracing is off. */
  readonly tracer?: Tracer | null | undefined;
  readonly clock: Clock;
  /** Called after every decision was acted on. */
  readonly observer: Observer;
  /** Called after a reconcile failed. It is repeated after `retryMs`, which doubles from 200 ms to 30 s. */
  readonly failed: (error: unknown, retryMs: number) => void;
}

export interface LocalEngine {
  /** Requests a reconcile: something changed. */
  wake(): void;
  /** Resolves when no reconcile runs, and none will. */
  stop(): Promise<void>;
}

/** @returns an engine that waits for its first `wake` */
export function startLocalEngine(options: LocalEngineOptions): LocalEngine {
  const { key, jobs, cluster, streams, tracer, clock, observer, failed } = options;
  const queue = new JobQueue({ clock, workers: 1 });
  const { wake } = queue;
  // Before the engine's own callback: a reconcile then sees the new slots.
  cluster.onChange(() => wake.slots());
  const engine = startEngine({
    queue,
    engine: 'local',
    jobs,
    cluster,
    streams,
    tracer,
    share: { reserve: {}, namespaceWeights: {} },
    clock,
    monotonicMs: () => performance.now(),
    progressEveryMs: () => 0,
    jobsAreCurrent: () => true,
    report: (report) => {
      if (report.kind === 'decided') observer(report.snapshot, report.plan);
      if (report.kind === 'retrying') failed(report.error, report.retryMs);
    },
  });
  return { wake: () => wake.job(key), stop: () => engine.stop() };
}
