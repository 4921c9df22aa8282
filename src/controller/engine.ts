/**
 * The engine: queue, fleet and reconcile, wired once for every cluster (I9). The operator starts it over Kubernetes
 * when it leads, `distill run` over the processes of this machine.
 *
 * The job queue comes first and by itself, because everything that reports a change needs its `wake` port. The engine runs
 * until `stop`, once.
 */
import type { Clock } from '@distillery/base';

import type { Tracer } from '@distillery/tracing';

import type { Engine } from '../api/index.js';
import type { AllocationRules, FleetSnapshot, Limits, Plan, Policy, Snapshot } from '../domain/index.js';

import { Fleet } from './fleet.js';
import type { JobQueue } from './job-queue.js';
import type { Cluster, JobKey, Jobs, Streams } from './ports.js';
import { reconcile } from './reconcile.js';
import { traceOf } from './reconcile-trace.js';

/** A reconcile that is over. */
interface Reconciled {
  readonly key: JobKey;
  readonly id: number;
  readonly ms: number;
  /** Absent = it was not traced. */
  readonly traceId?: string | undefined;
}

/** What happened, for logs, metrics and the view. `id` numbers the reconciles of this engine. */
export type EngineReport =
  /** A plan was carried out and its status written. A report that throws fails the reconcile. */
  | {
      readonly kind: 'decided';
      readonly key: JobKey;
      readonly id: number;
      readonly snapshot: Snapshot;
      readonly plan: Plan;
    }
  | ({ readonly kind: 'done'; readonly gone: boolean } & Reconciled)
  | ({ readonly kind: 'failed'; readonly error: unknown } & Reconciled)
  /** Follows `failed`: the job is reconciled again after `retryMs`. */
  | { readonly kind: 'retrying'; readonly key: JobKey; readonly error: unknown; readonly retryMs: number }
  /** An allocation over all jobs was made. `snapshot` returns the input of the next one. */
  | { readonly kind: 'allocated'; readonly ms: number; readonly snapshot: () => FleetSnapshot };

export interface EngineOptions {
  readonly queue: JobQueue;
  readonly engine: Engine;
  readonly jobs: Jobs;
  readonly cluster: Cluster;
  readonly streams: Streams;
  /** What teachers leave free, and the weights of namespaces. */
  readonly share: AllocationRules;
  /** What a job may ask for; absent = whatever the API allows. */
  readonly limits?: Limits;
  /** How decisions are tuned; absent = the defaults. */
  readonly policy?: Policy;
  readonly clock: Clock;
  /** Milliseconds of a clock that is never set (`performance.now`). */
  readonly monotonicMs: () => number;
  /** Least milliseconds between two status writes of a job that only report progress. */
  readonly progressEveryMs: () => number;
  /** False while `jobs` may be outdated, as between the loss of an API server and the next list. */
  readonly jobsAreCurrent: () => boolean;
  readonly report: (report: EngineReport) => void;
  /** null or absent = tracing is off. */
  readonly tracer?: Tracer | null | undefined;
}

export interface RunningEngine {
  /** For the metrics. */
  readonly fleet: Pick<Fleet, 'totals'>;
  /** Starts no further reconcile; resolves when those that run have ended. */
  stop(): Promise<void>;
}

/** Reconciles every job that the queue knows or learns of. @throws Error when the queue already runs */
export function startEngine(options: EngineOptions): RunningEngine {
  const { queue, cluster, clock, monotonicMs, share, report } = options;
  const { wake } = queue;
  const fleet: Fleet = new Fleet({
    slots: () => cluster.slots(),
    rules: share,
    clock,
    monotonicMs,
    wake,
    allocated: (ms) => report({ kind: 'allocated', ms, snapshot: () => fleet.snapshot() }),
  });
  let reconciles = 0;
  cluster.onChange((key) => wake.job(key));
  queue.onForget(({ uid }) => fleet.forget(uid));
  queue.start({
    reconcile: (key) => reconciled(key, ++reconciles, fleet, options),
    failed: (key, error, retryMs) => report({ kind: 'retrying', key, error, retryMs }),
    slotsChanged: () => fleet.slotsChanged(),
  });
  return {
    fleet,
    async stop() {
      // A reconcile that waits for its grants still gets them: without any it would end the job's teachers.
      await queue.stop();
      fleet.stop();
    },
  };
}

/** One reconcile, reported. */
async function reconciled(
  key: JobKey,
  id: number,
  fleet: Fleet,
  {
    report,
    monotonicMs,
    engine,
    jobs,
    cluster,
    streams,
    limits,
    policy,
    clock,
    progressEveryMs,
    jobsAreCurrent,
    tracer = null,
  }: EngineOptions,
): Promise<number | null | 'Gone'> {
  const startMs = monotonicMs();
  const trace = traceOf(tracer, key, id);
  try {
    const next = await reconcile(key, {
      engine,
      jobs,
      cluster,
      streams,
      fleet,
      ...(limits === undefined ? {} : { limits }),
      ...(policy === undefined ? {} : { policy }),
      clock,
      progressEveryMs,
      jobsAreCurrent,
      trace,
      observer: (snapshot, plan) => report({ kind: 'decided', key, id, snapshot, plan }),
    });
    trace?.end();
    report({ kind: 'done', key, id, ms: monotonicMs() - startMs, gone: next === 'Gone', traceId: trace?.traceId });
    return next;
  } catch (error) {
    trace?.fail(String(error));
    report({ kind: 'failed', key, id, ms: monotonicMs() - startMs, error, traceId: trace?.traceId });
    throw error;
  }
}
