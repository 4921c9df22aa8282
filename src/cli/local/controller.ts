/**
 * Wires the controller for the one job of a local run: the same fleet, queue and reconcile as in a cluster (I9). Nothing
 * else is decided here.
 */
import type { Clock } from '@distillery/base';

import type { Cluster, JobKey } from '../../controller/index.js';
import { Fleet, type Jobs, KeyedQueue, type Observer, reconcile, type Streams } from '../../controller/index.js';

export interface LocalControllerOptions {
  readonly key: JobKey;
  readonly jobs: Jobs;
  readonly cluster: Cluster;
  readonly streams: Streams;
  readonly clock: Clock;
  /** Called after every decision was acted on. */
  readonly observer: Observer;
  /** Called after a reconcile failed. It is repeated after `retryMs`, which doubles from 200 ms to 30 s. */
  readonly failed: (error: unknown, retryMs: number) => void;
}

export interface LocalController {
  /** Requests a reconcile: something changed. */
  wake(): void;
  /** Resolves when no reconcile runs, and none will. */
  stop(): Promise<void>;
}

/** @returns a controller that waits for its first `wake` */
export function startController(options: LocalControllerOptions): LocalController {
  const { key, jobs, cluster, streams, clock, observer, failed } = options;
  const wake = (): void => queue.add(key.uid);
  const fleet = new Fleet({
    slots: () => cluster.slots(),
    rules: { reserve: {}, namespaceWeights: {} },
    clock,
    monotonicMs: () => performance.now(),
    changed: wake,
  });
  const queue = new KeyedQueue({
    workers: 1,
    clock,
    failed: (_key, error, retryMs) => failed(error, retryMs),
    work: async () => {
      const next = await reconcile(key, {
        engine: 'local',
        jobs,
        cluster,
        streams,
        fleet,
        clock,
        observer,
        progressEveryMs: () => 0,
        jobsAreCurrent: () => true,
      });
      return next === 'Gone' ? null : next;
    },
  });
  cluster.onChange(() => {
    fleet.slotsChanged();
    wake();
  });
  return {
    wake,
    stop: async () => {
      fleet.stop();
      await queue.stop();
    },
  };
}
