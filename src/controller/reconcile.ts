/**
 * One reconcile: snapshot → plan → act → one status write → events.
 *
 *   1 read the job            4 request slots, get the grants      7 serve the streams
 *   2 observe the processes   5 decide (pure)                      8 remove the streams, act on the processes
 *   3 observe the streams     6 mark the job's object              9 write the status, if it is worth a write
 *                                                                 10 record events, then release the object
 *
 * While the cached job may be outdated, a reconcile stops before step 8: it removes no streams, starts and ends no process,
 * and writes no status. Streams of running workers are still served. An API server whose store was restored from a backup may
 * have forgotten a finalizer or the job, or may hold a job again whose deletion we remember. Whether the list is current may
 * change during a reconcile, so step 8 asks for it and the snapshot does not hold it (docs/adr/0032).
 *
 * If steps 6 to 8 fail until a person or another program acts, steps 9 and 10 report that instead of the plan. If step 9 fails, step 10
 * still releases an object whose deletion waits for nothing else: whether it may go never depends on its status.
 *
 * Invariants: the process may die after every step; the next reconcile ends in the same state (I6). Events follow the status
 * write, so that no event reports what the status does not say; the last events of an object that ends have no status to follow.
 */
import type { Clock } from '@distillery/base';

import type { DistillJob, DistillJobStatus, Engine, EventDraft } from '../api/index.js';
import {
  decide,
  finalizeInvalid,
  blockedStatus,
  type InvalidJob,
  type JobObservation,
  jobRequestOf,
  type Limits,
  noLimits,
  type Plan,
  type Policy,
  invalidStatus,
  type Snapshot,
  withinLimits,
  worthWriting,
} from '../domain/index.js';

import type { Fleet } from './fleet.js';
import { type Cluster, isBlocking, type JobKey, type Jobs, type Observer, type Streams } from './ports.js';
import type { ReconcileTrace } from './reconcile-trace.js';

export interface ReconcilerOptions {
  readonly engine: Engine;
  readonly jobs: Jobs;
  readonly cluster: Cluster;
  readonly streams: Streams;
  readonly fleet: Pick<Fleet, 'grantsFor' | 'forget'>;
  /** The administrator's limits; absent = none beyond those of the API. */
  readonly limits?: Limits;
  /** How decisions are tuned; absent = the defaults. */
  readonly policy?: Policy;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Shortest time between two writes of progress alone, so that a thousand jobs do not flood the API server. */
  readonly progressEveryMs: () => number;
  /** False while `jobs` may return outdated jobs, as between an outage of the API server and the next list. */
  readonly jobsAreCurrent: () => boolean;
  /** null or absent = this reconcile is not traced. */
  readonly trace?: ReconcileTrace | null;
}

/** Wait before the next reconcile while processes of the job are still stopping. */
const stoppingMs = 1_000;
/** Wait before the next reconcile while the job list may be outdated. */
const outdatedMs = 500;

/**
 * @returns milliseconds until the next reconcile; null = only a change needs one; Gone when the job and all of its processes
 *   are gone
 */
export async function reconcile(key: JobKey, options: ReconcilerOptions): Promise<number | null | 'Gone'> {
  const { jobs, cluster, trace } = options;
  trace?.phase('observe');
  const found = await jobs.get(key); // 1
  if (found?.kind === 'Valid') return reconcileJob(key, found.job, options);
  // Both remaining cases only remove.
  if (!options.jobsAreCurrent()) return outdatedMs;
  if (found !== null) return reconcileInvalid(key, found, options);
  return (await cluster.remove(key)) ? 'Gone' : stoppingMs;
}

async function reconcileJob(key: JobKey, stored: DistillJob, options: ReconcilerOptions): Promise<number | null> {
  const { jobs, cluster, streams, clock, observer, engine, progressEveryMs, trace } = options;
  const { job, limited } = withinLimits(stored, options.limits ?? noLimits);
  const processes = await cluster.observe(key, job); // 2
  const teachers = processes.pools.flatMap(({ pods }) => pods.map(({ name }) => name));
  const observed = await streams.observe(key, { teachers, nowMs: clock.now() }); // 3
  const anyDead = observed.state === 'Present' && observed.dead.messages > 0;
  const deadItem = anyDead ? await streams.newestDeadItem(key) : null;
  const observation: JobObservation = {
    nowMs: clock.now(),
    engine,
    job,
    limited,
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    cluster: processes,
    streams: observed,
    deadItem,
  };
  trace?.phase('allocate');
  const grants = await options.fleet.grantsFor(key, jobRequestOf(observation)); // 4
  trace?.phase('decide');
  const snapshot: Snapshot = { ...observation, grants };
  let plan = decide(snapshot); // 5
  trace?.phase('act');
  try {
    if (plan.object === 'AddFinalizer') await jobs.setFinalizer(key, true); // 6
    await serveStreams(key, job, plan, streams); // 7
    if (!options.jobsAreCurrent()) return outdatedMs;
    if (plan.streams.remove) await streams.remove(key); // 8
    if ((await actOnProcesses(key, job, plan, cluster, streams)) === 'Refused') {
      // No status has reported this plan yet, so the job becomes Refused without having been Accepted.
      plan = decide({ ...snapshot, cluster: await cluster.observe(key, job) });
      await actOnProcesses(key, job, plan, cluster, streams);
    }
  } catch (error) {
    if (isBlocking(error)) await report(key, job.status, blockedStatus(snapshot, plan, error.message), options);
    throw error;
  }
  trace?.phase('report'); // 9
  if (worthWriting(job.status, plan.status, snapshot.nowMs - progressEveryMs())) await writeStatus(key, plan, jobs);
  if (plan.events.length > 0) await jobs.recordEvents(key, plan.events); // 10
  observer(snapshot, plan);
  if (plan.object === 'RemoveFinalizer') await jobs.setFinalizer(key, false);
  if (plan.object === 'Delete') await jobs.delete(key);
  return plan.againMs;
}

/** What steps 9 and 10 write of a job. */
interface Outcome {
  readonly status: DistillJobStatus;
  readonly events: readonly EventDraft[];
  /** Absent = Keep. */
  readonly object?: Plan['object'];
}

/** @throws what the write throws, after it has released an object that nothing but the report still holds */
async function writeStatus(key: JobKey, { status, events, object }: Outcome, jobs: Jobs): Promise<void> {
  try {
    await jobs.writeStatus(key, status);
  } catch (error) {
    if (object === 'RemoveFinalizer') {
      if (events.length > 0) await jobs.recordEvents(key, events);
      await jobs.setFinalizer(key, false);
    }
    throw error;
  }
}

/** Writes a status and events that no plan made. */
async function report(
  key: JobKey,
  before: DistillJobStatus | undefined,
  outcome: Outcome,
  { jobs, clock }: Pick<ReconcilerOptions, 'jobs' | 'clock'>,
): Promise<void> {
  if (worthWriting(before, outcome.status, clock.now())) await writeStatus(key, outcome, jobs);
  if (outcome.events.length > 0) await jobs.recordEvents(key, outcome.events);
}

/** An invalid job requests and holds nothing; its processes are removed. */
async function reconcileInvalid(key: JobKey, found: InvalidJob, options: ReconcilerOptions): Promise<number | null> {
  const { cluster, clock, fleet } = options;
  fleet.forget(key.uid);
  const gone = await cluster.remove(key);
  if (found.metadata.deletionTimestamp !== undefined) return finalize(key, found, !gone, options);
  await report(key, found.status, invalidStatus(found, clock.now()), options);
  return gone ? null : stoppingMs;
}

async function finalize(key: JobKey, found: InvalidJob, remains: boolean, options: ReconcilerOptions): Promise<number> {
  const { jobs, streams, clock } = options;
  const observed = await streams.observe(key, { teachers: [], nowMs: clock.now() });
  const { removeStreams, againMs, ...outcome } = finalizeInvalid(found, remains, observed, clock.now());
  // The job list may have become outdated while processes ended.
  if (!options.jobsAreCurrent()) return outdatedMs;
  if (removeStreams) await streams.remove(key);
  await report(key, found.status, outcome, options);
  if (outcome.object === 'RemoveFinalizer') await jobs.setFinalizer(key, false);
  return againMs;
}

async function actOnProcesses(
  key: JobKey,
  job: DistillJob,
  plan: Plan,
  cluster: Cluster,
  streams: Streams,
): Promise<'Applied' | 'Refused'> {
  if (plan.workers === 'Remove') {
    await cluster.remove(key);
    return 'Applied';
  }
  return cluster.apply(key, job, plan, (role) => streams.access(role, job));
}

async function serveStreams(key: JobKey, job: DistillJob, plan: Plan, streams: Streams): Promise<void> {
  if (plan.streams.provision) await streams.provision(job);
  if (plan.streams.trimBelow !== null) await streams.trim(key, plan.streams.trimBelow);
  for (const sequence of plan.streams.deleteFrames) await streams.deleteFrame(key, sequence);
}
