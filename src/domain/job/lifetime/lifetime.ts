/**
 * The life of the job's own object, from its finalizer to its deletion when its time to live is over, and when time alone
 * requires another reconcile. Pure.
 *
 * Invariants:
 *  lifetime/L1 The finalizer is added before the first stream exists, is restored as long as there are streams, and is removed
 *     only when none is left, or when the user lets the job go without them (forceDeleteAnnotation).
 *  lifetime/L2 A job that has ended is deleted ttlSecondsAfterFinished after its end: never sooner, and never before its
 *     status reported the end.
 *  lifetime/L3 A job that waits for an outside change is reconciled again: no decision depends on an event that can be missed.
 */
import { telemetryStaleMs } from '@distillery/protocol';

import { deletionOf, deletionPlan, deletionRequeueMs, hasFinalizer } from './deletion.js';
import { endIn, type JobPlan, type Snapshot } from '../shapes/index.js';
import { quotaOf, type Seen } from '../demand/index.js';

/** Between two reconciles of a local run: it has few processes, and nothing else triggers one. */
const localMs = 1_000;
/** Just after the telemetry becomes stale, so that this reconcile sees it. */
const staleMarginMs = 100;
const soonMs = 1_000;
const unreachableMs = 3_000;
/** Every change triggers a reconcile; this one catches what a trigger could have missed. */
const quietMs = 30_000;
/** Timers take no more than 24 days. */
const longestMs = 3_600_000;

/** What happens to the job's own object (lifetime/L1, lifetime/L2). A local run has only a folder, which needs neither. */
export function objectPlan({ verdict, snapshot }: Seen): JobPlan {
  const { job, engine, streams } = snapshot;
  if (engine === 'local') return 'Keep';
  if (verdict.kind === 'Deleting') return deletionPlan(deletionOf(snapshot, verdict.forced));
  const willHaveStreams = verdict.kind === 'Active' || streams.state === 'Present';
  if (willHaveStreams && !hasFinalizer(job.metadata)) return 'AddFinalizer';
  const over = verdict.kind === 'Complete' || verdict.kind === 'Failed';
  return over && reportedEndMs(snapshot) !== null && lifeLeftMs(snapshot) <= 0 ? 'Delete' : 'Keep';
}

/** When the job ended according to its status; null when the status does not report it yet. */
function reportedEndMs({ job }: Snapshot): number | null {
  const end = endIn(job.status);
  return end === undefined ? null : Date.parse(end.lastTransitionTime);
}

/** Milliseconds until a job that has ended must be deleted. */
function lifeLeftMs(snapshot: Snapshot): number {
  const { job, nowMs } = snapshot;
  return (reportedEndMs(snapshot) ?? nowMs) + job.spec.ttlSecondsAfterFinished * 1_000 - nowMs;
}

/** Milliseconds until the next reconcile if nothing triggers one before (lifetime/L3); null = none is needed. */
export function requeueAfter({ verdict, snapshot }: Seen): number | null {
  const { engine, cluster, streams } = snapshot;
  switch (verdict.kind) {
    case 'Complete':
    case 'Failed':
      return engine === 'local' ? null : Math.min(longestMs, Math.max(soonMs, lifeLeftMs(snapshot)));
    case 'Refused':
      return cluster.remains ? soonMs : null;
    case 'Deleting':
      return deletionRequeueMs(streams);
    case 'Suspended':
    case 'Queued':
      return engine === 'local' ? localMs : quietMs;
    case 'Active':
      return engine === 'local' ? localMs : activeRequeueMs(snapshot);
  }
}

function activeRequeueMs({ cluster, streams, nowMs }: Snapshot): number {
  if (streams.state === 'Unreachable') return unreachableMs;
  // No event reports that a teacher has waited for a node for too long.
  const waits = cluster.pools.some((pool) => {
    const isHeld = quotaOf(pool, nowMs).waits;
    return pool.pods.some(
      ({ node, terminating, gated }) => node === null && !terminating && !(isHeld && gated === true),
    );
  });
  if (streams.state === 'Absent' || waits) return soonMs;
  const { student } = streams;
  const staleInMs = student === null ? 0 : student.updatedAtMs + telemetryStaleMs - nowMs;
  return staleInMs > 0 ? staleInMs + staleMarginMs : quietMs;
}
