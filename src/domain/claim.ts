/** What a job claims of the share over all jobs, and what its grants make of its pools. Pure. */
import type { TeacherPool } from '../api/index.js';

import type { PodNeeds } from './ledger/index.js';
import { pausedUntilMs } from './pause.js';
import { claimOf, type JobClaim, type JobDemand, jobDemandOf, type PoolState, type Teacher } from './share/index.js';
import type { ObservedTeacher, PoolObservation, Snapshot } from './snapshot.js';
import { type Verdict, verdictOf } from './verdict.js';

/** What the job needs, unless it is suspended or over. */
export function demandUnder(verdict: Verdict, snapshot: Snapshot): JobDemand {
  switch (verdict.kind) {
    case 'Suspended':
      return { kind: 'None', reason: 'Suspended' };
    case 'Complete':
    case 'Failed':
      return { kind: 'None', reason: 'Finished' };
    case 'Refused':
      return { kind: 'None', reason: 'Refused' };
    case 'Deleting':
      return { kind: 'None', reason: 'Deleting' };
    case 'Active':
      return jobDemandOf(snapshot);
  }
}

/** @param snapshot what it is granted is not looked at */
export function jobClaimOf(snapshot: Snapshot): JobClaim<PodNeeds> {
  const { job, cluster, nowMs } = snapshot;
  const states = job.spec.teacher.pools.flatMap((pool) => {
    const observed = cluster.pools.find(({ name }) => name === pool.name);
    return observed === undefined ? [] : [stateOf(pool, observed, snapshot)];
  });
  const { metadata, spec } = job;
  return claimOf(
    { uid: metadata.uid ?? '', namespace: metadata.namespace ?? '', weight: spec.weight },
    demandUnder(verdictOf(snapshot), snapshot),
    states,
    nowMs,
  );
}

function stateOf(pool: TeacherPool, observed: PoolObservation, { job, streams, nowMs }: Snapshot): PoolState<PodNeeds> {
  const { needs, resource } = observed;
  const isPaused = pausedUntilMs(observed, job.status, nowMs) !== null;
  const staying = observed.pods.filter(({ terminating }) => !terminating);
  const seated = staying.filter(({ node }) => node !== null).length;
  const told = streams.state === 'Present' ? new Map(streams.teachers.map((teacher) => [teacher.pod, teacher])) : null;
  const teacherOf = ({ name, node, ready, createdAtMs }: ObservedTeacher): Teacher<PodNeeds> => {
    const samplesPerSecond = told?.get(name)?.capableSamplesPerSecond ?? 0;
    // Who shares its node, and what it is booked with, is seen when a share is made (fleet.ts).
    return { name, node, needs, ready, besideOthers: 0, createdAtMs, samplesPerSecond };
  };
  return {
    spec: {
      name: pool.name,
      minReplicas: pool.minReplicas,
      maxReplicas: isPaused ? Math.min(pool.maxReplicas, seated) : pool.maxReplicas,
      slotsPerReplica: slotsPerReplicaOf(needs, resource),
    },
    needs,
    resource,
    told: job.status?.teachers?.pools.find(({ name }) => name === pool.name)?.desired ?? null,
    teachers: staying.map(teacherOf),
  };
}

/** A teacher of cores takes as many slots as it asks for cores. */
export function slotsPerReplicaOf({ requests }: PodNeeds, resource: string): number {
  return Math.max(1, Math.ceil((requests[resource] ?? 0) / 1_000));
}

export interface PoolPlan {
  readonly name: string;
  readonly replicas: number;
  /** Names of the teachers that go, should the pool have more than that. */
  readonly leave: readonly string[];
}

/**
 * What is granted, in the order in which the job names its pools. A grant may be a moment older than the demand: a job that
 * wants none gets none, and one that no share has seen yet keeps what it has.
 */
export function poolPlans({ kind }: JobDemand, { job, cluster, grants }: Snapshot): PoolPlan[] {
  return job.spec.teacher.pools.map(({ name, maxReplicas }) => {
    if (kind === 'None') return { name, replicas: 0, leave: [] };
    const grant = grants.find(({ pool }) => pool === name);
    if (grant !== undefined) return { name, replicas: Math.min(grant.replicas, maxReplicas), leave: grant.leave };
    const pods = cluster.pools.find((pool) => pool.name === name)?.pods ?? [];
    return { name, replicas: pods.filter(({ terminating }) => !terminating).length, leave: [] };
  });
}
