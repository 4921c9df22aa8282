/**
 * The decision: snapshot → plan. Pure (DESIGN I6); read it from top to bottom:
 * verdict → demand → what is granted to each pool → streams → the job's own object → status → events → when to look again.
 */
import type { DistillJobStatus } from '../api/index.js';

import { demandUnder, type PoolPlan, poolPlans } from './claim.js';
import { claimsOf, conditionsFrom, type Fleet } from './conditions.js';
import { eventsOf } from './events.js';
import { againAfter, objectPlan } from './lifetime.js';
import type { Plan, StreamPlan } from './plan.js';
import type { Snapshot } from './snapshot.js';
import { statusOf } from './status.js';
import { readyTeachers } from './telemetry.js';
import { type Verdict, verdictOf } from './verdict.js';

export function decide(snapshot: Snapshot): Plan {
  const { job, nowMs } = snapshot;
  const verdict = verdictOf(snapshot);
  const demand = demandUnder(verdict, snapshot);
  const pools = poolPlans(demand, snapshot);
  const streams = streamsUnder(verdict, snapshot);
  const object = objectPlan(verdict, snapshot);
  const claims = claimsOf(snapshot, verdict, fleetOf(snapshot, pools), demand);
  const conditions = conditionsFrom(claims, job.status?.conditions ?? [], job.metadata.generation, nowMs);
  const status: DistillJobStatus = statusOf(snapshot, verdict, pools, demand, conditions);
  return {
    object,
    workers: verdict.kind === 'Refused' || verdict.kind === 'Deleting' ? 'Remove' : 'Apply',
    streams,
    pools,
    student: verdict.kind === 'Active' ? 'Run' : 'Stop',
    status,
    events: eventsOf(snapshot, verdict, { object, streams, demand, status }),
    againMs: againAfter(verdict, snapshot),
  };
}

function streamsUnder(verdict: Verdict, { cluster, streams }: Snapshot): StreamPlan {
  const nothing = {
    provision: false,
    missing: [],
    trimBelow: null,
    deleteFrames: [],
    remove: false,
  };
  if (streams.state === 'Unreachable') return nothing;
  // Not before the last worker is gone: it would only fail without them.
  if (verdict.kind === 'Deleting') return { ...nothing, remove: streams.state === 'Present' && !cluster.remains };
  if (verdict.kind !== 'Active') return nothing;
  if (streams.state === 'Absent') return { ...nothing, provision: true };
  const { student, readers, logits } = streams;
  // Without readers this is Infinity, which trims nothing.
  const needed = Math.min(...readers.map(({ firstNeededSequence }) => firstNeededSequence));
  // A sequence beyond the stream is one of a stream that was lost: its numbers mean nothing in this one.
  const trims = needed > logits.firstSequence && needed <= logits.lastSequence + 1 && logits.messages > 0;
  return {
    ...nothing,
    provision: streams.missing.length > 0,
    missing: streams.missing,
    trimBelow: trims ? needed : null,
    deleteFrames: student?.damaged.map(({ sequence }) => sequence) ?? [],
  };
}

function fleetOf(snapshot: Snapshot, pools: readonly PoolPlan[]): Fleet {
  const ready = readyTeachers(snapshot);
  return {
    desired: pools.reduce((sum, { replicas }) => sum + replicas, 0),
    ready: pools.reduce((sum, { name }) => sum + ready(name).length, 0),
  };
}
