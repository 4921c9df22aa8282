/**
 * Runs the engine over one job on this machine until the job is over.
 *
 * Invariants:
 *  supervise-job/S1 However `superviseJob` ends, every worker process is gone.
 *  supervise-job/S2 An error that waiting cannot clear ends the run with a sentence; any other is retried. A full store
 *     ends a run that has not begun. A run that has begun waits, because it continues once there is free space.
 */
import type { Clock } from '@distillery/base';
import { openTracer, tracingOf } from '@distillery/tracing';

import { type EventDraft, reasons } from '../../api/index.js';
import type { JobKey } from '../../controller/index.js';
import { LocalCluster, LocalJobs } from '../../cluster/local/index.js';
import type { Plan, Snapshot } from '../../domain/index.js';
import {
  NatsStreams,
  SharedAccount,
  type StreamAdmin,
  StreamError,
  type StreamErrorReason,
} from '../../stream/index.js';
import type { Log } from '../../telemetry/index.js';

import { CliError, storageFault } from '../shared/cli-error.js';

import { watchStorage } from './storage.js';
import { startLocalEngine } from './local-engine.js';
import type { Nats } from './nats.js';
import type { RunFolder } from './run-folder.js';
import { watchSlots } from './slots.js';

export interface SuperviseOptions {
  readonly key: JobKey;
  readonly folder: RunFolder;
  readonly nats: Pick<Nats, 'access' | 'pid' | 'refusedWrite'>;
  readonly admin: StreamAdmin;
  readonly slots: number;
  readonly scripts: { readonly teacher: string; readonly student: string };
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDecision: (snapshot: Snapshot, plan: Plan, pids: Pids) => void;
  readonly onEvents: (events: readonly EventDraft[]) => void;
  readonly stop: AbortSignal;
}

/** Process ids of a run, for people and for tests that kill. */
export interface Pids {
  readonly student: number | null;
  readonly teachers: readonly number[];
  /** null when the server is not ours. */
  readonly nats: number | null;
}

export type Outcome =
  | { readonly kind: 'complete'; readonly plan: Plan }
  /** `exitCode` is that of the process that failed the job. */
  | { readonly kind: 'failed'; readonly plan: Plan; readonly exitCode: number | null }
  | { readonly kind: 'stopped' };

/** @throws StreamError, CliError */
export async function superviseJob(options: SuperviseOptions): Promise<Outcome> {
  const { key, folder, nats, admin, clock, log, stop, onDecision, onEvents } = options;
  const over = Promise.withResolvers<Outcome>();
  const settings = tracingOf(options.environment);
  const tracer = await openTracer({ settings, service: 'distillery-engine', instance: 'engine', log });
  const cluster = new LocalCluster({ ...options, folder: folder.path });
  let hasBegun = false;
  const engine = startLocalEngine({
    key,
    jobs: new LocalJobs(folder.path, folder.job, onEvents),
    cluster,
    streams: streamsOf(admin, nats),
    tracer,
    clock,
    observer: (snapshot, plan) => {
      hasBegun ||= snapshot.streams.state === 'Present' && snapshot.streams.missing.length === 0;
      onDecision(snapshot, plan, { ...cluster.processes(), nats: nats.pid() });
      if (plan.status.phase === 'Succeeded') over.resolve({ kind: 'complete', plan });
      if (plan.status.phase === 'Failed') over.resolve({ kind: 'failed', plan, exitCode: exitCodeOf(snapshot, plan) });
    },
    failed: (error, retryMs) => {
      log.warn({ error: String(error), retryMs }, 'reconcile failed');
      const lasting = lastingError(error, retryMs, folder.path, hasBegun ? repairable : []);
      if (lasting !== null) over.reject(lasting);
    },
  });
  const unwatch = admin.watch(key.uid, () => engine.wake());
  const stopped = (): void => over.resolve({ kind: 'stopped' });
  const leaving = new AbortController();
  if (stop.aborted) stopped();
  stop.addEventListener('abort', stopped, { once: true });
  try {
    engine.wake();
    void watchStorage({ folder: folder.path, nats, clock, signal: leaving.signal }, over.reject);
    void watchSlots(folder.path, clock, leaving.signal, (slots) => {
      log.info({ slots }, 'slots changed');
      cluster.setSlots(slots);
    }).catch(over.reject);
    return await over.promise;
  } finally {
    leaving.abort();
    stop.removeEventListener('abort', stopped);
    unwatch();
    await engine.stop();
    await cluster.remove();
    await tracer?.close();
  }
}

function streamsOf(admin: StreamAdmin, { access }: Pick<Nats, 'access'>): NatsStreams {
  return new NatsStreams(
    new SharedAccount(admin, (_job, role) => {
      if (role === 'reader') throw new Error('a local run brings its model home as the operator');
      return access[role];
    }),
  );
}

/** A reconcile whose retries have come this far apart (200 ms, doubled each time) is unlikely to succeed. */
const lastingRetryMs = 3_200;

/** Errors of the server that a person can repair while a run waits. */
const repairable: readonly StreamErrorReason[] = ['full', 'noJetStream'];

/**
 * @param waitedFor reasons that are retried without end
 * @returns the error that ends the run; null = retry
 */
function lastingError(
  error: unknown,
  retryMs: number,
  folder: string,
  waitedFor: readonly StreamErrorReason[],
): unknown {
  const fault = storageFault(error);
  if (fault !== null) {
    return new CliError(
      'storage',
      { ...fault, about: `run folder ${folder}`, remedy: `${fault.remedy}, then resume the run` },
      { cause: error },
    );
  }
  const lasts = retryMs >= lastingRetryMs;
  if (!(error instanceof StreamError)) return lasts ? error : null;
  if (error.retry === 'Later' || waitedFor.includes(error.reason)) return null;
  return error.reason === 'full' || lasts ? error : null;
}

function exitCodeOf({ cluster }: Snapshot, { status }: Plan): number | null {
  const reason = status.conditions?.find(({ type }) => type === 'Failed')?.reason;
  const teacher = cluster.pools.find(({ lastError }) => lastError !== null)?.lastError ?? null;
  const cause = reason === reasons.TeacherError ? teacher : cluster.student.lastError;
  return cause?.exitCode ?? null;
}
