/**
 * The engine of one local run: a nats-server, the streams, the controller over the local cluster. A composition root:
 * what the operator's main does for a cluster, this does for one machine (DESIGN I9).
 *
 * Invariants:
 *  E1 Whatever way `runEngine` ends, every process it started is gone.
 *  E2 A run that was stopped or failed keeps its server's store, so that it can be resumed.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';

import { type EventClaim, quantityValue } from '../api/index.js';
import type { Plan, Snapshot } from '../domain/index.js';
import type { Clock } from '../lib/clock.js';
import type { JobKey, NatsAccess } from '../cluster/index.js';
import { LocalCluster, LocalJobs } from '../cluster/local/index.js';
import { KeyedQueue, reconcile, type Streams } from '../controller/index.js';
import { jobNames, maxWindowSteps } from '../protocol/index.js';
import {
  connectStreams,
  type FoundNatsServer,
  jobStreams,
  newPassword,
  permissionsFor,
  type Role,
  roles,
  type StreamAdmin,
  superviseNatsServer,
} from '../stream/index.js';
import type { Log } from '../telemetry/index.js';

import { fetchModel } from './model.js';
import type { RunFolder } from './run-folder.js';

export interface EngineOptions {
  readonly folder: RunFolder;
  readonly nats: FoundNatsServer;
  readonly slots: number;
  readonly scripts: { readonly teacher: string; readonly student: string };
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDecision: (snapshot: Snapshot, plan: Plan, pids: Pids) => void;
  readonly onEvent: (event: EventClaim) => void;
  /** Aborts when the person wants the run to stop. */
  readonly stop: AbortSignal;
}

/** Process ids of a run, for people and for tests that kill. */
export interface Pids {
  readonly student: number | null;
  readonly teachers: readonly number[];
  readonly nats: number | null;
}

export type Outcome =
  | { readonly kind: 'complete'; readonly plan: Plan }
  | { readonly kind: 'failed'; readonly plan: Plan; readonly exitCode: number | null }
  | { readonly kind: 'stopped' };

interface Nats {
  readonly access: Readonly<Record<Role, NatsAccess>>;
  pid(): number | null;
  stop(): Promise<void>;
}

const connectWaitMs = 20_000;
/** Messages a step that the work queue has room for; more only wait a little. */
const mostShards = 64;

/** @throws StreamError, CliError */
export async function runEngine(options: EngineOptions): Promise<Outcome> {
  const { folder, clock, log } = options;
  const key = keyOf(folder);
  const nats = await startNats(options, key.uid);
  let admin: StreamAdmin | null = null;
  try {
    admin = await connectStreams({
      ...nats.access.operator,
      waitMs: connectWaitMs,
      onStatus: (event) => log.info(event, 'nats connection'),
    });
    const outcome = await control(options, key, nats, admin);
    if (outcome.kind === 'complete') {
      await fetchModel(admin, key.uid, folder.file('model'));
      await admin.remove(key.uid);
    }
    await admin.close();
    await nats.stop();
    if (outcome.kind === 'complete') rmSync(folder.file('nats'), { recursive: true, force: true });
    return outcome;
  } catch (error) {
    await admin?.close().catch(() => undefined);
    await nats.stop();
    throw error;
  } finally {
    log.info({ now: clock.now() }, 'engine ended');
  }
}

function keyOf(folder: RunFolder): JobKey {
  const { name, namespace = 'default', uid } = folder.job.metadata;
  if (uid === undefined) throw new Error('a job of a local run has a uid');
  return { namespace, name, uid };
}

async function startNats(options: EngineOptions, uid: string): Promise<Nats> {
  const { nats, folder, log } = options;
  if (nats.kind === 'running') {
    // Whoever names a server puts the credentials into the URL; every role then uses them.
    const url = new URL(nats.url);
    const access = { url: nats.url, user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
    return {
      access: { operator: access, teacher: access, student: access },
      pid: () => null,
      stop: () => Promise.resolve(),
    };
  }
  const names = jobNames(uid);
  const passwords = Object.fromEntries(roles.map((role) => [role, newPassword(randomBytes)])) as Record<Role, string>;
  const server = await superviseNatsServer(
    {
      binary: nats.binary,
      folder: folder.file('nats'),
      serverName: `distill-${uid}`,
      users: roles.map((role) => ({
        user: role,
        password: passwords[role],
        permissions: permissionsFor(role, names),
      })),
    },
    (event) => log.warn(event, 'nats-server'),
  );
  const accessOf = (role: Role): NatsAccess => ({ url: server.url, user: role, password: passwords[role] });
  return {
    access: { operator: accessOf('operator'), teacher: accessOf('teacher'), student: accessOf('student') },
    pid: () => server.pid(),
    stop: () => server.stop(),
  };
}

async function control(options: EngineOptions, key: JobKey, nats: Nats, admin: StreamAdmin): Promise<Outcome> {
  const { folder, clock, log, stop, onDecision, onEvent } = options;
  const cluster = new LocalCluster({ ...options, folder: folder.path });
  const jobs = new LocalJobs(folder.path, folder.job, onEvent);
  const over = Promise.withResolvers<Outcome>();
  const streams: Streams = {
    provision: ({ spec: { logits } }) =>
      admin.provision(
        jobStreams({
          names: jobNames(key.uid),
          maxBytes: quantityValue(logits.maxBytes),
          storage: logits.storage,
          replicas: logits.replicas,
          windowBound: maxWindowSteps * mostShards,
        }),
      ),
    observe: (uid) => admin.observe(uid),
    trim: (uid, below) => admin.trim(uid, below),
    deleteFrame: async (uid, sequence) => {
      await admin.deleteFrame(uid, sequence);
    },
    forgetTeacher: (uid, pod) => admin.forgetTeacher(uid, pod),
    deadItems: (uid) => admin.deadItems(uid, 1),
    access: (role) => nats.access[role],
  };
  const queue = new KeyedQueue({
    workers: 1,
    clock,
    failed: (_key, error, retryMs) => log.warn({ error: String(error), retryMs }, 'reconcile failed'),
    work: () =>
      reconcile(key, {
        engine: 'local',
        jobs,
        cluster,
        streams,
        clock,
        observer: (snapshot, plan) => {
          onDecision(snapshot, plan, { ...cluster.processes(), nats: nats.pid() });
          if (plan.status.phase === 'Succeeded') over.resolve({ kind: 'complete', plan });
          if (plan.status.phase === 'Failed') over.resolve({ kind: 'failed', plan, exitCode: exitCodeOf(snapshot) });
        },
      }),
  });
  const enqueue = (): void => queue.add(key.uid);
  cluster.onChange(enqueue);
  const unwatch = admin.watch(key.uid, enqueue);
  const stopped = (): void => over.resolve({ kind: 'stopped' });
  if (stop.aborted) stopped();
  stop.addEventListener('abort', stopped, { once: true });
  try {
    enqueue();
    return await over.promise;
  } finally {
    stop.removeEventListener('abort', stopped);
    unwatch();
    await queue.stop();
    await cluster.remove();
  }
}

/** How the process that failed the job ended, so that `distill` can end alike. */
function exitCodeOf({ cluster }: Snapshot): number | null {
  return (
    cluster.student.lastError?.exitCode ??
    cluster.pools.find((pool) => pool.lastError !== null)?.lastError?.exitCode ??
    null
  );
}
