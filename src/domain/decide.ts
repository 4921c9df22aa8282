/**
 * The decision: snapshot → plan. Pure (DESIGN I6); read it from top to bottom:
 * verdict → demand → replicas per pool → streams → status → events.
 */
import type { DistillJobStatus } from '../api/index.js';

import { claimsOf, conditionsFrom } from './conditions.js';
import { type Demand, demandOf, type PoolPlan, spread } from './demand.js';
import { eventsOf } from './events.js';
import type { Plan, StreamPlan } from './plan.js';
import type { Snapshot } from './snapshot.js';
import { statusOf } from './status.js';
import { type Verdict, verdictOf } from './verdict.js';

export function decide(snapshot: Snapshot): Plan {
  const { job, cluster, nowMs } = snapshot;
  const verdict = verdictOf(snapshot);
  const demand = demandUnder(verdict, snapshot);
  const pools = poolsUnder(verdict, demand, snapshot);
  const streams = streamsUnder(verdict, snapshot);
  const claims = claimsOf(snapshot, verdict, fleetOf(snapshot, pools), demand);
  const conditions = conditionsFrom(claims, job.status?.conditions ?? [], job.metadata.generation, nowMs);
  const status: DistillJobStatus = statusOf(snapshot, verdict, pools, demand, conditions);
  return {
    streams,
    pools,
    student: verdict.kind === 'Active' ? 'Run' : 'Stop',
    status,
    events: eventsOf(snapshot, streams, demand, status),
    over: verdict.kind === 'Complete' || verdict.kind === 'Failed' || (verdict.kind === 'Refused' && !anyPods(cluster)),
  };
}

function demandUnder(verdict: Verdict, snapshot: Snapshot): Demand {
  switch (verdict.kind) {
    case 'Suspended':
      return { teachers: 0, reason: 'Suspended' };
    case 'Complete':
    case 'Failed':
    case 'Refused':
      return { teachers: 0, reason: 'Finished' };
    case 'Active':
      return demandOf(snapshot, runningTeachers(snapshot));
  }
}

function poolsUnder(verdict: Verdict, demand: Demand, { job, cluster, streams }: Snapshot): PoolPlan[] {
  const { pools } = job.spec.teacher;
  // Without streams a teacher has nothing to pull from; those that run wait for the streams to come back.
  if (verdict.kind === 'Active' && streams.state === 'Absent') return spread(0, pools, cluster.pools);
  return spread(demand.teachers, pools, cluster.pools);
}

function streamsUnder(verdict: Verdict, { cluster, streams }: Snapshot): StreamPlan {
  const nothing = { provision: false, missing: [], trimBelow: null, deleteFrames: [], forgetTeachers: [] };
  if (streams.state === 'Unreachable' || verdict.kind !== 'Active') return nothing;
  if (streams.state === 'Absent') return { ...nothing, provision: true };
  const { student, teachers, logits } = streams;
  const alive = new Set(cluster.pools.flatMap(({ pods }) => pods.map(({ name }) => name)));
  const needed = student?.firstNeededSequence ?? 0;
  return {
    provision: streams.missing.length > 0,
    missing: streams.missing,
    trimBelow: needed > logits.firstSequence && logits.messages > 0 ? needed : null,
    deleteFrames: student?.damaged.map(({ sequence }) => sequence) ?? [],
    forgetTeachers: teachers.filter(({ pod }) => !alive.has(pod)).map(({ pod }) => pod),
  };
}

function fleetOf({ streams, cluster }: Snapshot, pools: readonly PoolPlan[]): { ready: number; desired: number } {
  const desired = pools.reduce((sum, { replicas }) => sum + replicas, 0);
  if (streams.state !== 'Present') return { ready: 0, desired };
  const alive = new Set(cluster.pools.flatMap(({ pods }) => pods.map(({ name }) => name)));
  return { ready: streams.teachers.filter(({ pod, phase }) => phase === 'Ready' && alive.has(pod)).length, desired };
}

function runningTeachers({ cluster }: Snapshot): number {
  return cluster.pools.reduce((sum, { pods }) => sum + pods.filter(({ terminating }) => !terminating).length, 0);
}

function anyPods({ pools, student }: Snapshot['cluster']): boolean {
  return pools.some(({ pods }) => pods.length > 0) || student.phase === 'Running';
}
