/**
 * One reconcile: snapshot → plan → act → one status write → events.
 *
 *  1 read the job           4 decide (pure)                       7 act on the processes
 *  2 observe the processes  5 act on the streams                  8 write status when it differs
 *  3 observe the streams    6 render what the workers shall be    9 record events
 *
 * Invariants: every step may be the last one before the process dies; running it again from the start ends in the same
 * state (DESIGN I6). Events come after the status write, so that nothing is announced that the status does not say.
 */
import { isDeepStrictEqual } from 'node:util';

import type { DistillJob, Engine } from '../api/index.js';
import type { Cluster, JobKey } from '../cluster/index.js';
import { decide, type Plan, type Snapshot } from '../domain/index.js';
import type { Clock } from '../lib/clock.js';
import { manifestOf } from '../render/index.js';

import type { Jobs, Observer, Streams } from './ports.js';

export interface ReconcilerOptions {
  readonly engine: Engine;
  readonly jobs: Jobs;
  readonly cluster: Cluster;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Between two looks when nothing is pushed: telemetry may have gone stale meanwhile. */
const lookAgainMs = 1_000;

/** @returns milliseconds until the next look; null when the job is over or gone */
export async function reconcile(key: JobKey, options: ReconcilerOptions): Promise<number | null> {
  const { jobs, cluster, streams, clock, observer, engine } = options;
  const job = await jobs.get(key);
  if (job === null) {
    await cluster.remove(key);
    return null;
  }
  const [processes, observed] = await Promise.all([cluster.observe(key, job), streams.observe(key.uid)]);
  const anyDead = observed.state === 'Present' && observed.dead.messages > 0;
  const [deadItem = null] = anyDead ? await streams.deadItems(key.uid) : [];
  const snapshot: Snapshot = { nowMs: clock.now(), engine, job, cluster: processes, streams: observed, deadItem };
  const plan = decide(snapshot);
  await actOnStreams(key, job, plan, streams);
  await actOnProcesses(key, job, plan, options);
  if (!isDeepStrictEqual(plan.status, job.status)) await jobs.writeStatus(key, plan.status);
  if (plan.events.length > 0) await jobs.recordEvents(key, plan.events);
  observer(snapshot, plan);
  return plan.over ? null : lookAgainMs;
}

async function actOnProcesses(key: JobKey, job: DistillJob, plan: Plan, options: ReconcilerOptions): Promise<void> {
  const { cluster, streams } = options;
  // There is no manifest of a job that cannot be run.
  if (!plan.accepted) {
    await cluster.remove(key);
    return;
  }
  await cluster.apply({
    key,
    job,
    manifest: manifestOf(job, key.uid),
    access: (role) => streams.access(role, key.uid),
    pools: plan.pools,
    student: plan.student,
    backoffLimit: job.spec.backoffLimit,
  });
}

async function actOnStreams(key: JobKey, job: DistillJob, plan: Plan, streams: Streams): Promise<void> {
  if (plan.streams.provision) await streams.provision(job);
  if (plan.streams.trimBelow !== null) await streams.trim(key.uid, plan.streams.trimBelow);
  for (const sequence of plan.streams.deleteFrames) await streams.deleteFrame(key.uid, sequence);
  for (const pod of plan.streams.forgetTeachers) await streams.forgetTeacher(key.uid, pod);
}
