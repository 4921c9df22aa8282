/** Our policy: the operator's own decisions (src/domain) on snapshots of the simulated cluster. */
import {
  type Placement,
  dampedRequest,
  type JobRequest,
  jobDemandOf,
  type PoolState,
  allocate,
  type Teacher,
} from '../../domain/index.js';
import type { TeacherPlacement } from '../cluster.js';

import { simulatedPool, observationOf } from './observed.js';
import type { Decision, JobView, Policy } from './policy.js';

export interface DistilleryOptions {
  /** Share of all slots that stays free, so that most neighbors need not wait for a teacher to end. */
  readonly reserveShare: number;
  /** Delay from a change to the decision on it: watch or telemetry, queue, decision. */
  readonly reactSeconds: number;
  /** Minimum time between two decisions. One costs about a millisecond, and a day has a hundred thousand changes. */
  readonly restSeconds: number;
  readonly placement: TeacherPlacement;
  readonly leaving: Policy['leaving'];
}

export const usualDistillery: DistilleryOptions = {
  reserveShare: 0.005,
  reactSeconds: 1,
  restSeconds: 5,
  placement: 'Apart',
  leaving: 'BesideNeighbors',
};

/** The resource whose amounts are the slots. */
const resource = 'accelerator';

/** A simulated teacher takes any one slot: all pods are of the same kind. */
type Needs = typeof oneSlot;
const oneSlot = { slots: 1 } as const;
/** The namespace of all simulated jobs. */
const namespace = 'simulated';
/** Slots are equal, so one node represents all. */
const anyNode = 'any';

export function distilleryPolicy(options: Partial<DistilleryOptions> = {}): Policy {
  const { reserveShare, reactSeconds, restSeconds, placement, leaving } = { ...usualDistillery, ...options };
  return {
    name: placement === 'Apart' ? 'distillery' : 'distillery, packed',
    priority: 'Preemptible',
    placement,
    leaving,
    everySeconds: null,
    afterChangeSeconds: reactSeconds,
    restSeconds,
    initialReplicas: () => 0,
    decide: ({ nowSeconds, jobs, slots, slotsForTeachers, freeSlots }) => {
      const { grants } = allocate<Needs>({
        jobs: jobs.map((job) => requestOf(job, nowSeconds)),
        // Pods of higher priority preempt by themselves: the slots that the scheduler promised them are not free here.
        pendingPods: [],
        leaving: [],
        supply: { [resource]: { freeSlots: slotsForTeachers, reserveSlots: Math.floor(reserveShare * slots) } },
        placement: placementOn(freeSlots),
      });
      return [...grants].map(([uid, [grant]]): Decision => ({ uid, replicas: grant?.replicas ?? 0 }));
    },
  };
}

function requestOf(job: JobView, nowSeconds: number): JobRequest<Needs> {
  const { uid, weight, minReplicas, maxReplicas, desired } = job;
  const pool: PoolState<Needs> = {
    spec: { name: simulatedPool, minReplicas, maxReplicas, slotsPerReplica: 1 },
    needs: oneSlot,
    resource,
    previousReplicas: desired,
    teachers: [...teachersOf(job)],
  };
  return dampedRequest(
    { uid, namespace, weight },
    jobDemandOf(observationOf(job, nowSeconds)),
    [pool],
    nowSeconds * 1_000,
  );
}

/** Names do not matter: the deletion cost decides which teacher leaves. */
function* teachersOf({ teachers }: JobView): Generator<Teacher<Needs>> {
  for (const { phase, createdAtSeconds } of teachers) {
    yield {
      name: phase,
      node: phase === 'Pending' ? null : anyNode,
      needs: oneSlot,
      ready: phase === 'Ready',
      coLocatedSlots: 0,
      samplesPerSecond: 0,
      createdAtMs: createdAtSeconds * 1_000,
    };
  }
}

/** A cluster with this number of equal free slots. */
function placementOn(free: number): Placement<Needs> {
  let left = free;
  const place = (): boolean => {
    if (left < 1) return false;
    left--;
    return true;
  };
  return {
    place: () => (place() ? anyNode : null),
    placeOn: place,
    add: () => left--,
    remove: () => left++,
    fork: () => placementOn(left),
  };
}
