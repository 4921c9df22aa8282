/** What a job requests of the allocation over all jobs. Pure. */
import type { TeacherPool } from '../../../api/index.js';
import type { JobRequest, Teacher } from '../../allocation/index.js';
import type { PodNeeds } from '../../ledger/index.js';
import { dampedRequest, type PoolState } from './damp.js';
import { demandUnder } from './demand.js';
import { pauseEndMs } from './pause.js';
import {
  type JobObservation,
  type ObservedTeacher,
  policyOf,
  type PoolObservation,
  readyTeachers,
} from '../shapes/index.js';
import { quotaOf } from './quota.js';
import { verdictOf } from './verdict.js';

export function jobRequestOf(observation: JobObservation): JobRequest<PodNeeds> {
  const { job, cluster, nowMs } = observation;
  const states = job.spec.teacher.pools.flatMap((pool) => {
    const observed = cluster.pools.find(({ name }) => name === pool.name);
    return observed === undefined ? [] : [stateOf(pool, observed, observation)];
  });
  const { metadata, spec } = job;
  return dampedRequest(
    { uid: metadata.uid ?? '', namespace: metadata.namespace ?? '', weight: spec.weight },
    demandUnder(verdictOf(observation, readyTeachers(observation)), observation),
    states,
    nowMs,
    policyOf(observation).minimumRunMs,
  );
}

function stateOf(pool: TeacherPool, observed: PoolObservation, observation: JobObservation): PoolState<PodNeeds> {
  const { job, streams, nowMs } = observation;
  const { needs, resource } = observed;
  const isPaused = pauseEndMs(observed, observation) !== null;
  const { mostReplicas } = quotaOf(observed, nowMs);
  // quota/T1.
  const staying = observed.pods.filter(({ terminating, gated }) => !terminating && gated !== true);
  const bound = staying.filter(({ node }) => node !== null).length;
  const previous = job.status?.teachers?.pools.find(({ name }) => name === pool.name)?.desired;
  const reported = new Map(
    streams.state === 'Present' ? streams.teachers.map((teacher) => [teacher.pod, teacher]) : [],
  );
  const teacherOf = ({ name, node, ready, createdAtMs }: ObservedTeacher): Teacher<PodNeeds> => {
    const samplesPerSecond = reported.get(name)?.capableSamplesPerSecond ?? 0;
    // The allocation's input fills in co-located slots and a teacher's own needs (fleet/allocation-input.ts).
    return { name, node, needs, ready, coLocatedSlots: 0, createdAtMs, samplesPerSecond };
  };
  return {
    spec: {
      name: pool.name,
      minReplicas: pool.minReplicas,
      maxReplicas: Math.min(pool.maxReplicas, mostReplicas, isPaused ? bound : Infinity),
      slotsPerReplica: slotsPerReplicaOf(needs, resource),
    },
    needs,
    resource,
    previousReplicas: previous === undefined ? null : Math.min(previous, mostReplicas),
    teachers: staying.map(teacherOf),
  };
}

/** Whole slots of one teacher; a teacher on cores takes as many slots as it requests cores. */
export function slotsPerReplicaOf({ requests }: PodNeeds, resource: string): number {
  return Math.max(1, Math.ceil((requests[resource] ?? 0) / 1_000));
}
