/**
 * The life of the job's own object, from the finalizer that marks it to its deletion after its time, and when time alone
 * asks for another look. Pure.
 *
 * Invariants:
 *  L1 The finalizer is there before the first stream is, comes back as long as there are streams, and goes only when none
 *     is left, or when somebody lets the job go without (forceDeleteAnnotation).
 *  L2 A job that is over is deleted ttlSecondsAfterFinished after its end, never sooner, and never before it said so.
 *  L3 Whatever waits for somebody else is looked at again: no decision depends on an event that could be missed.
 */
import { type ObjectMeta, streamsFinalizer } from '../../api/index.js';
import { telemetryStaleMs } from '../../protocol/index.js';

import type { JobPlan } from './plan.js';
import type { Snapshot, StreamObservation } from './snapshot.js';
import type { Verdict } from './verdict.js';

/** Between two looks of a local run: its processes are few, and nobody else pushes. */
const localMs = 1_000;
/** A little after the telemetry goes stale, so that this look sees it. */
const staleMarginMs = 100;
const soonMs = 1_000;
const unreachableMs = 3_000;
/** Everything is pushed; this look is for what a push could have missed. */
const quietMs = 30_000;
/** Timers take no more than 24 days. */
const longestMs = 3_600_000;

/** What becomes of the job's own object (L1, L2). A local run's is a folder, which needs neither. */
export function objectPlan(verdict: Verdict, snapshot: Snapshot): JobPlan {
  const { job, engine, cluster, streams } = snapshot;
  if (engine === 'local') return 'Keep';
  if (verdict.kind === 'Deleting') return farewellPlan(job.metadata, cluster.remains, streams, verdict.forced);
  const willHaveStreams = verdict.kind === 'Active' || streams.state === 'Present';
  if (willHaveStreams && !isMarked(job.metadata)) return 'AddFinalizer';
  const over = verdict.kind === 'Complete' || verdict.kind === 'Failed';
  return over && toldEndMs(snapshot) !== null && lifeLeftMs(snapshot) <= 0 ? 'Delete' : 'Keep';
}

/** … of one that is being deleted. @param forced somebody let it go although its streams may stay behind */
export function farewellPlan(
  metadata: ObjectMeta,
  remains: boolean,
  streams: StreamObservation,
  forced: boolean,
): JobPlan {
  if (!isMarked(metadata) || remains) return 'Keep';
  const gone = streams.state === 'Absent' || (streams.state === 'Unreachable' && forced);
  return gone ? 'RemoveFinalizer' : 'Keep';
}

function isMarked({ finalizers }: ObjectMeta): boolean {
  return finalizers?.includes(streamsFinalizer) === true;
}

/** When the job ended, by what its status says; null when it is only just becoming over. */
function toldEndMs({ job }: Snapshot): number | null {
  const end = job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  return end === undefined ? null : Date.parse(end.lastTransitionTime);
}

/** Milliseconds until a job that is over shall be deleted. */
function lifeLeftMs(snapshot: Snapshot): number {
  const { job, nowMs } = snapshot;
  return (toldEndMs(snapshot) ?? nowMs) + job.spec.ttlSecondsAfterFinished * 1_000 - nowMs;
}

/** Milliseconds until the next look if nothing is pushed meanwhile (L3); null = none is needed. */
export function againAfter(verdict: Verdict, snapshot: Snapshot): number | null {
  const { engine, cluster, streams } = snapshot;
  switch (verdict.kind) {
    case 'Complete':
    case 'Failed':
      return engine === 'local' ? null : Math.min(longestMs, Math.max(soonMs, lifeLeftMs(snapshot)));
    case 'Refused':
      return cluster.remains ? soonMs : null;
    case 'Deleting':
      return farewellAgainMs(streams);
    case 'Suspended':
      return engine === 'local' ? localMs : quietMs;
    case 'Active':
      return engine === 'local' ? localMs : quietFor(snapshot);
  }
}

/** … of a job that is being deleted: nobody tells when NATS is back or a process is gone for good. */
export function farewellAgainMs(streams: StreamObservation): number {
  return streams.state === 'Unreachable' ? unreachableMs : soonMs;
}

function quietFor({ cluster, streams, nowMs }: Snapshot): number {
  if (streams.state === 'Unreachable') return unreachableMs;
  // Nobody tells that a teacher has waited for a node for too long.
  const waits = cluster.pools.some(({ pods }) => pods.some(({ node, terminating }) => node === null && !terminating));
  if (streams.state === 'Absent' || waits) return soonMs;
  const { student } = streams;
  const staleInMs = student === null ? 0 : student.updatedAtMs + telemetryStaleMs - nowMs;
  return staleInMs > 0 ? staleInMs + staleMarginMs : quietMs;
}
