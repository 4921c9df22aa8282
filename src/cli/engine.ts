/**
 * The engine of one local run: a nats-server, the streams, the controller over the local cluster. A composition root:
 * what the operator's main does for a cluster, this does for one machine (I9).
 *
 * Invariants:
 *  engine/E1 Whatever way `runEngine` ends, every process it started is gone.
 *  engine/E2 A run that was stopped or failed keeps its server's store, so that it can be resumed.
 *  engine/E3 A fault that waiting cannot clear ends the run with a sentence; any other is tried again. A store without
 *     room ends a run that has not begun; one that has begun waits, because freed room lets it go on.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';

import type { Clock } from '@distillery/base';
import { claimFolderSync, removeOwnFolderSync } from '@distillery/platform';
import { jobNames, type NatsAccess, type NatsAddress } from '@distillery/protocol';

import { type EventDraft, reasons } from '../api/index.js';
import type { Plan, Snapshot } from '../domain/index.js';
import type { JobKey } from '../cluster/index.js';
import { LocalCluster, LocalJobs } from '../cluster/local/index.js';
import { Fleet, KeyedQueue, reconcile } from '../controller/index.js';
import {
  connectStreams,
  type FoundNatsServer,
  JobStreamsPort,
  SharedAccount,
  newPassword,
  permissionsFor,
  type Role,
  roles,
  type StreamAdmin,
  StreamError,
  type StreamErrorReason,
  superviseNatsServer,
} from '../stream/index.js';
import type { Log } from '../telemetry/index.js';

import { CliError } from './exit.js';
import { bringResults, listResults, type ResultSource, type ToldResult } from './model.js';
import { checkRoom, storageFault, watchRoom } from './room.js';
import { natsMark, type RunFolder } from './run-folder.js';
import { watchSlots } from './slots.js';

export interface EngineOptions {
  readonly folder: RunFolder;
  readonly nats: FoundNatsServer;
  readonly slots: number;
  readonly scripts: { readonly teacher: string; readonly student: string };
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDecision: (snapshot: Snapshot, plan: Plan, pids: Pids) => void;
  readonly onEvents: (events: readonly EventDraft[]) => void;
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
const fetchAgainMs = 500;
/** A reconcile that fails until its wait (200 ms, doubled each time) is this long is not about to succeed. */
const hopelessRetryMs = 3_200;

/** @throws StreamError, CliError */
export async function runEngine(options: EngineOptions): Promise<Outcome> {
  const { stop, log } = options;
  try {
    return await runToEnd(options);
  } catch (error) {
    // A server that is being started, asked or waited for is left when the person wants to stop.
    if (!stop.aborted || (error !== stop.reason && !(error instanceof StreamError))) throw error;
    log.info({ error: String(error) }, 'stopped');
    return { kind: 'stopped' };
  } finally {
    log.info({}, 'engine ended');
  }
}

/** @throws StreamError, CliError; the reason of `stop` once it aborts, with nothing left running (engine/E1) */
async function runToEnd(options: EngineOptions): Promise<Outcome> {
  const { folder, log, stop } = options;
  const key = keyOf(folder);
  await checkRoom(folder.path);
  const nats = await startNats(options, key.uid);
  let admin: StreamAdmin | null = null;
  try {
    admin = await connectStreams({
      ...nats.access.operator,
      waitMs: connectWaitMs,
      stop,
      onStatus: (event) => log.info(event, 'nats connection'),
    });
    stop.throwIfAborted();
    await admin.retryDeadLetters(key.uid);
    stop.throwIfAborted();
    const outcome = await control(options, key, nats, admin);
    if (outcome.kind === 'complete') {
      await fetchPatiently(options, admin, key.uid, outcome.plan.status.result ?? {});
      // The model is here: streams that stay behind on somebody else's server do not undo it.
      await admin.remove(key.uid).catch((error: unknown) => log.warn({ error: String(error) }, 'streams not removed'));
    }
    await admin.close();
    await nats.stop();
    if (outcome.kind === 'complete') removeOwnFolderSync(folder.file('nats'), natsMark);
    return outcome;
  } catch (error) {
    await admin?.close().catch(() => undefined);
    await nats.stop();
    throw error;
  }
}

/** A server that is just being started again is waited for: the training is done and need not be lost. */
async function fetchPatiently(
  { folder, clock, stop }: EngineOptions,
  admin: StreamAdmin,
  uid: string,
  told: ToldResult,
): Promise<void> {
  const endMs = clock.now() + connectWaitMs;
  for (;;) {
    try {
      await fetchModel(admin, uid, folder.file('model'), told);
      return;
    } catch (error) {
      const passes = error instanceof StreamError && error.reason === 'unreachable';
      if (!passes || stop.aborted || clock.now() > endMs) throw error;
      await clock.sleep(fetchAgainMs, stop);
    }
  }
}

/** With `output.store: file` the student wrote the folder itself. */
async function fetchModel(admin: StreamAdmin, uid: string, target: string, told: ToldResult): Promise<void> {
  const source: ResultSource = { list: () => admin.listObjects(uid), read: (name) => admin.readObject(uid, name) };
  const results = await listResults(source);
  if (results.length > 0) await bringResults(source, results, target, told);
  else if (!existsSync(target)) {
    throw new CliError('failed', {
      about: `model of job ${uid}`,
      problem: 'found nothing in its object store',
      remedy: 'resume the run to store it again',
    });
  }
}

function keyOf(folder: RunFolder): JobKey {
  const { name, namespace = 'default', uid } = folder.job.metadata;
  if (uid === undefined) throw new Error('a job of a local run has a uid');
  return { namespace, name, uid };
}

async function startNats(options: EngineOptions, uid: string): Promise<Nats> {
  const { nats, folder, log, stop } = options;
  if (nats.kind === 'running') {
    // The person who names a server puts the login into the URL; every role then uses it.
    const access = accessOf(nats.address);
    return {
      access: everyRole(() => access),
      pid: () => null,
      stop: () => Promise.resolve(),
    };
  }
  const claim = claimFolderSync(folder.file('nats'), natsMark);
  if (claim.kind === 'foreign' || claim.kind === 'notAFolder') {
    const place = folder.file('nats');
    throw new CliError('badInput', {
      about: place,
      problem: 'it is not of this run, which keeps its NATS server there',
      remedy: 'move it elsewhere',
    });
  }
  const names = jobNames(uid);
  const passwords = everyRole(() => newPassword(randomBytes));
  const server = await superviseNatsServer(
    {
      binary: nats.binary,
      folder: folder.file('nats'),
      serverName: `distill-${uid}`,
      stop,
      users: roles.map((role) => ({
        user: role,
        password: passwords[role],
        permissions: permissionsFor(role, names),
      })),
    },
    (event) => log.warn(event, 'nats-server'),
  );
  return {
    access: everyRole((role) => ({ kind: 'password', url: server.url, user: role, password: passwords[role] })),
    pid: () => server.pid(),
    stop: () => server.stop(),
  };
}

function accessOf(address: NatsAddress): NatsAccess {
  const url = address.toString();
  const { login } = address;
  switch (login.kind) {
    case 'password':
    case 'token':
      return { ...login, url };
    case 'none':
      // Taken by a server that asks for no login.
      return { kind: 'password', url, user: '', password: '' };
  }
}

function everyRole<T>(of: (role: Role) => T): Record<Role, T> {
  return { operator: of('operator'), teacher: of('teacher'), student: of('student'), reader: of('reader') };
}

async function control(options: EngineOptions, key: JobKey, nats: Nats, admin: StreamAdmin): Promise<Outcome> {
  const { folder, clock, log, stop, onDecision, onEvents } = options;
  const cluster = new LocalCluster({ ...options, folder: folder.path });
  const jobs = new LocalJobs(folder.path, folder.job, onEvents);
  const over = Promise.withResolvers<Outcome>();
  const fleet = new Fleet({
    slots: () => cluster.slots(),
    rules: { reserve: {}, namespaceWeights: {} },
    clock,
    monotonicMs: () => performance.now(),
    changed: () => enqueue(),
  });
  const streams = new JobStreamsPort(
    new SharedAccount(admin, (_job, role) => {
      if (role === 'reader') throw new Error('a local run brings its model home as the operator');
      return nats.access[role];
    }),
  );
  let begun = false;
  const observer = (snapshot: Snapshot, plan: Plan): void => {
    begun ||= snapshot.streams.state === 'Present' && snapshot.streams.missing.length === 0;
    onDecision(snapshot, plan, { ...cluster.processes(), nats: nats.pid() });
    if (plan.status.phase === 'Succeeded') over.resolve({ kind: 'complete', plan });
    if (plan.status.phase === 'Failed') over.resolve({ kind: 'failed', plan, exitCode: exitCodeOf(snapshot, plan) });
  };
  const queue = new KeyedQueue({
    workers: 1,
    clock,
    failed: (_key, error, retryMs) => {
      log.warn({ error: String(error), retryMs }, 'reconcile failed');
      const hopeless = hopelessError(error, retryMs, folder, begun ? platformTrouble : []);
      if (hopeless !== null) over.reject(hopeless);
    },
    work: async () => {
      const again = await reconcile(key, {
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
      return again === 'Gone' ? null : again;
    },
  });
  const enqueue = (): void => queue.add(key.uid);
  cluster.onChange(() => {
    fleet.slotsChanged();
    enqueue();
  });
  const unwatch = admin.watch(key.uid, enqueue);
  const stopped = (): void => over.resolve({ kind: 'stopped' });
  const leaving = new AbortController();
  if (stop.aborted) stopped();
  stop.addEventListener('abort', stopped, { once: true });
  try {
    enqueue();
    void watchRoom(folder.path, clock, leaving.signal, over.reject);
    void watchSlots(folder.path, clock, leaving.signal, (slots) => {
      log.info({ slots }, 'slots changed');
      cluster.setSlots(slots);
    }).catch(over.reject);
    return await over.promise;
  } finally {
    leaving.abort();
    stop.removeEventListener('abort', stopped);
    unwatch();
    fleet.stop();
    await queue.stop();
    await cluster.remove();
  }
}

/** Faults of the server that a person can repair while a run waits. */
const platformTrouble: readonly StreamErrorReason[] = ['full', 'noJetStream'];

/**
 * What no later look mends while the person does nothing; null = try again.
 * @param waitedFor kinds that are waited for without end
 */
function hopelessError(
  error: unknown,
  retryMs: number,
  folder: RunFolder,
  waitedFor: readonly StreamErrorReason[],
): unknown {
  const fault = storageFault(error);
  if (fault !== null)
    return new CliError(
      'storage',
      { ...fault, about: `run folder ${folder.path}`, remedy: `${fault.remedy}. Then resume the run` },
      { cause: error },
    );
  const lasting = retryMs >= hopelessRetryMs;
  if (!(error instanceof StreamError)) return lasting ? error : null;
  if (error.retry === 'Later' || waitedFor.includes(error.reason)) return null;
  return error.reason === 'full' || lasting ? error : null;
}

/** How the process that failed the job ended, so that `distill` can end alike. */
function exitCodeOf({ cluster }: Snapshot, { status }: Plan): number | null {
  const reason = status.conditions?.find(({ type }) => type === 'Failed')?.reason;
  const teacher = cluster.pools.find(({ lastError }) => lastError !== null)?.lastError ?? null;
  const culprit = reason === reasons.TeacherError ? teacher : cluster.student.lastError;
  return culprit?.exitCode ?? null;
}
