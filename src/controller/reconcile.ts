/**
 * One reconcile: snapshot → plan → act → one status write → events.
 *
 *  1 read the job           4 claim, and be granted slots         7 serve the streams
 *  2 observe the processes  5 decide (pure)                       8 remove the streams, act on the processes
 *  3 observe the streams    6 mark the job's object               9 write status when it is worth it
 *                                                                10 record events, then let the object go
 *
 * While the job list may be outdated, a reconcile stops before 8: it removes no streams, starts and ends no process and
 * writes no status. Streams of running workers are still served. An API server whose store was put back may have
 * forgotten a finalizer or the job, or may know a job again whose deletion we remember.
 *
 * What stands in the way of 6 to 8 and only somebody else can move is told by 9 and 10 in place of what was planned.
 *
 * Invariants: every step may be the last one before the process dies; running it again from the start ends in the same
 * state (I6). Events come after the status write, so that nothing is announced that the status does not say.
 */
import type { Clock } from '@distillery/base';

import type { DistillJob, DistillJobStatus, Engine, EventDraft } from '../api/index.js';
import type { Cluster, JobKey } from '../cluster/index.js';
import {
  decide,
  finalizeInvalid,
  blockedStatus,
  type InvalidJob,
  jobRequestOf,
  type Limits,
  noLimits,
  type Plan,
  invalidStatus,
  type Snapshot,
  withinLimits,
  worthWriting,
} from '../domain/index.js';
import { manifestOf } from '../render/index.js';

import type { Fleet } from './fleet.js';
import { isHindrance, type Jobs, type Observer, type Streams } from './ports.js';

export interface ReconcilerOptions {
  readonly engine: Engine;
  readonly jobs: Jobs;
  readonly cluster: Cluster;
  readonly streams: Streams;
  readonly fleet: Pick<Fleet, 'grantsFor' | 'forget'>;
  /** What jobs may ask for; absent = whatever the API takes. */
  readonly limits?: Limits;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Progress alone is written no more often than this: a thousand jobs shall not flood the API server. */
  readonly progressEveryMs: () => number;
  /** False while what `jobs` gives may be the past, as between the loss of an API server and the next list. */
  readonly jobsAreCurrent: () => boolean;
}

const stillGoingMs = 1_000;
/** Wait before the next reconcile while the job list may be outdated. */
const unsureMs = 500;

/**
 * @returns milliseconds until the next look; null when nothing but a change asks for one; Gone when the job is and nothing
 *   of it is left
 */
export async function reconcile(key: JobKey, options: ReconcilerOptions): Promise<number | null | 'Gone'> {
  const { jobs, cluster } = options;
  const found = await jobs.get(key);
  if (found?.kind === 'Valid') return reconcileJob(key, found.job, options);
  // Neither way serves a stream: all that is left to do is to remove.
  if (!options.jobsAreCurrent()) return unsureMs;
  if (found !== null) return refuseJob(key, found, options);
  return (await cluster.remove(key)) ? 'Gone' : stillGoingMs;
}

async function reconcileJob(key: JobKey, stored: DistillJob, options: ReconcilerOptions): Promise<number | null> {
  const { jobs, cluster, streams, clock, observer, engine, progressEveryMs } = options;
  const { job, limited } = withinLimits(stored, options.limits ?? noLimits);
  const processes = await cluster.observe(key, job);
  const teachers = processes.pools.flatMap(({ pods }) => pods.map(({ name }) => name));
  const observed = await streams.observe(key, { teachers, nowMs: clock.now() });
  const anyDead = observed.state === 'Present' && observed.dead.messages > 0;
  const [deadItem = null] = anyDead ? await streams.deadItems(key) : [];
  const seen = {
    nowMs: clock.now(),
    engine,
    job,
    limited,
    cluster: processes,
    streams: observed,
    deadItem,
    grants: [],
  };
  const snapshot: Snapshot = { ...seen, grants: await options.fleet.grantsFor(key, jobRequestOf(seen)) };
  let plan = decide(snapshot);
  try {
    if (plan.object === 'AddFinalizer') await jobs.setFinalizer(key, true);
    await serveStreams(key, job, plan, streams);
    if (!options.jobsAreCurrent()) return unsureMs;
    if (plan.streams.remove) await streams.remove(key);
    if ((await actOnProcesses(key, job, plan, options)) === 'Refused') {
      // Nothing was said of this plan yet: the job is refused without having been accepted.
      plan = decide({ ...snapshot, cluster: await cluster.observe(key, job) });
      await actOnProcesses(key, job, plan, options);
    }
  } catch (error) {
    if (isHindrance(error)) await tell(key, job.status, blockedStatus(snapshot, plan, error.message), options);
    throw error;
  }
  if (worthWriting(job.status, plan.status, snapshot.nowMs - progressEveryMs())) {
    await jobs.writeStatus(key, plan.status);
  }
  if (plan.events.length > 0) await jobs.recordEvents(key, plan.events);
  observer(snapshot, plan);
  if (plan.object === 'RemoveFinalizer') await jobs.setFinalizer(key, false);
  if (plan.object === 'Delete') await jobs.delete(key);
  return plan.againMs;
}

async function tell(
  key: JobKey,
  before: DistillJobStatus | undefined,
  { status, events }: { readonly status: DistillJobStatus; readonly events: readonly EventDraft[] },
  { jobs, clock }: ReconcilerOptions,
): Promise<void> {
  if (worthWriting(before, status, clock.now())) await jobs.writeStatus(key, status);
  if (events.length > 0) await jobs.recordEvents(key, events);
}

/** A job that cannot be read claims and holds nothing; what it had is given back. */
async function refuseJob(key: JobKey, found: InvalidJob, options: ReconcilerOptions): Promise<number | null> {
  const { cluster, clock, fleet } = options;
  fleet.forget(key.uid);
  const gone = await cluster.remove(key);
  if (found.metadata.deletionTimestamp !== undefined) return dismissJob(key, found, !gone, options);
  await tell(key, found.status, invalidStatus(found, clock.now()), options);
  return gone ? null : stillGoingMs;
}

async function dismissJob(
  key: JobKey,
  found: InvalidJob,
  remains: boolean,
  options: ReconcilerOptions,
): Promise<number> {
  const { jobs, streams, clock } = options;
  const observed = await streams.observe(key, { teachers: [], nowMs: clock.now() });
  const { object, removeStreams, againMs, ...told } = finalizeInvalid(found, remains, observed, clock.now());
  // The job list may have become outdated while processes ended.
  if (!options.jobsAreCurrent()) return unsureMs;
  if (removeStreams) await streams.remove(key);
  await tell(key, found.status, told, options);
  if (object === 'RemoveFinalizer') await jobs.setFinalizer(key, false);
  return againMs;
}

async function actOnProcesses(
  key: JobKey,
  job: DistillJob,
  plan: Plan,
  options: ReconcilerOptions,
): Promise<'Applied' | 'Refused'> {
  const { cluster, streams } = options;
  // There is no manifest of a job that cannot be run.
  if (plan.workers === 'Remove') {
    await cluster.remove(key);
    return 'Applied';
  }
  return cluster.apply({
    key,
    job,
    manifest: manifestOf(job, key.uid),
    access: (role) => streams.access(role, job),
    pools: plan.pools,
    student: plan.student,
    backoffLimit: job.spec.backoffLimit,
  });
}

async function serveStreams(key: JobKey, job: DistillJob, plan: Plan, streams: Streams): Promise<void> {
  if (plan.streams.provision) await streams.provision(job);
  if (plan.streams.trimBelow !== null) await streams.trim(key, plan.streams.trimBelow);
  for (const sequence of plan.streams.deleteFrames) await streams.deleteFrame(key, sequence);
}
