/**
 * The decision: snapshot → plan. Pure (I6); read it from top to bottom:
 * verdict → demand → pools → streams → the job's own object → conditions → status → events → when to reconcile again.
 */
import { conditionDrafts, conditionsFrom, eventsOf, statusOf } from './status/index.js';
import { objectPlan, requeueAfter } from './lifetime/index.js';
import type { Plan, Snapshot, StreamPlan } from './shapes/index.js';
import { see, type Seen } from './demand/index.js';

export function decide(snapshot: Snapshot): Plan {
  const { job, nowMs } = snapshot;
  const seen = see(snapshot);
  const { verdict, pools } = seen;
  const streams = streamsUnder(seen);
  const object = objectPlan(seen);
  const drafts = conditionDrafts(seen);
  const status = statusOf(seen, conditionsFrom(drafts, job.status?.conditions ?? [], job.metadata.generation, nowMs));
  return {
    object,
    workers: verdict.kind === 'Refused' || verdict.kind === 'Deleting' ? 'Remove' : 'Apply',
    streams,
    pools,
    // A student in a queue exists as a Job that Kueue starts.
    student: verdict.kind === 'Active' || verdict.kind === 'Queued' ? 'Run' : 'Stop',
    status,
    events: eventsOf(seen, { object, streams, status }),
    againMs: requeueAfter(seen),
  };
}

function streamsUnder({ verdict, snapshot: { cluster, streams } }: Seen): StreamPlan {
  const nothing = {
    provision: false,
    missing: [],
    trimBelow: null,
    deleteFrames: [],
    remove: false,
  };
  if (streams.state === 'Unreachable') return nothing;
  // Only after the last worker is gone: without streams it would fail.
  if (verdict.kind === 'Deleting') return { ...nothing, remove: streams.state === 'Present' && !cluster.remains };
  if (verdict.kind !== 'Active') return nothing;
  if (streams.state === 'Absent') return { ...nothing, provision: true };
  const { student, readers, logits } = streams;
  // Without readers this is Infinity, which trims nothing.
  const needed = Math.min(...readers.map(({ firstNeededSequence }) => firstNeededSequence));
  // A sequence beyond the stream's end belongs to a stream that was lost and means nothing in this one.
  const trims = needed > logits.firstSequence && needed <= logits.lastSequence + 1 && logits.messages > 0;
  return {
    ...nothing,
    provision: streams.missing.length > 0,
    missing: streams.missing,
    trimBelow: trims ? needed : null,
    deleteFrames: student?.damaged.map(({ sequence }) => sequence) ?? [],
  };
}
