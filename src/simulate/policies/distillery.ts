/** Ours: the operator's own decisions (src/domain) on what it would observe of the simulated cluster. */
import { type Board, demandOf, type JobClaim, type PoolClaim, shareOut, type Teacher } from '../../domain/index.js';
import type { TeacherPlacement } from '../cluster.js';

import { snapshotOf } from './observed.js';
import type { Decision, JobView, Policy } from './policy.js';

export interface DistilleryOptions {
  /** Share of all slots that stays free, so that most neighbours need not wait for a teacher to go. */
  readonly reserveShare: number;
  /** From a change to what is decided on it: watch or telemetry, queue, decision. */
  readonly reactSeconds: number;
  /** Least time between two decisions. One costs about a millisecond, and a day has a hundred thousand changes. */
  readonly restSeconds: number;
  readonly placement: TeacherPlacement;
  readonly leaving: Policy['leaving'];
}

export const usualDistillery: DistilleryOptions = {
  reserveShare: 0.005,
  reactSeconds: 1,
  restSeconds: 5,
  placement: 'Apart',
  leaving: 'BesideNeighbours',
};

/** What a slot is here. */
const resource = 'accelerator';

/** A simulated teacher takes one slot, whichever: the kind of pod is always the same. */
type Needs = typeof oneSlot;
const oneSlot = { slots: 1 } as const;
/** Slots are alike, so a node stands for all. */
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
      const { grants } = shareOut<Needs>({
        jobs: jobs.map((job) => claimOf(job, wantedOf(job, nowSeconds))),
        // The scheduler made room for those that wait already: what they were promised is not on the board.
        neighbours: [],
        leaving: [],
        supply: { [resource]: { freeSlots: slotsForTeachers, reserveSlots: Math.floor(reserveShare * slots) } },
        board: boardOf(freeSlots),
      });
      return [...grants].map(([uid, [grant]]): Decision => ({ uid, replicas: grant?.replicas ?? 0 }));
    },
  };
}

/** So many alike slots are free. */
function boardOf(free: number): Board<Needs> {
  let left = free;
  const place = (): boolean => {
    if (left < 1) return false;
    left--;
    return true;
  };
  return {
    place: () => (place() ? anyNode : null),
    placeOn: place,
    take: () => left--,
    release: () => left++,
    fork: () => boardOf(left),
  };
}

function claimOf(job: JobView, wanted: number): JobClaim<Needs> {
  const pool: PoolClaim<Needs> = {
    name: resource,
    needs: oneSlot,
    resource,
    slotsPerReplica: 1,
    minReplicas: job.minReplicas,
    keepReplicas: 0,
    maxReplicas: job.maxReplicas,
    unitsPerReplica: 1,
    teachers: teachersOf(job),
  };
  return { uid: job.uid, weight: job.weight, wanted, maxReplicas: job.maxReplicas, pools: [pool] };
}

/** Only the number of teachers counts here, who goes is up to the deletion cost: all jobs borrow the same ones. */
const mostTeachers = 10_000;
const bound = manyTeachers(anyNode);
const unbound = manyTeachers(null);

function manyTeachers(node: string | null): readonly Teacher<Needs>[] {
  return Array.from({ length: mostTeachers }, (_, index) => {
    return { name: `${index}`, node, needs: oneSlot, ready: node !== null, samplesPerSecond: 0, createdAtMs: 0 };
  });
}

function teachersOf({ pendingTeachers, startingTeachers, readyTeachers }: JobView): Teacher<Needs>[] {
  return [...unbound.slice(0, pendingTeachers), ...bound.slice(0, startingTeachers + readyTeachers)];
}

function wantedOf(job: JobView, nowSeconds: number): number {
  const { teachers } = demandOf(snapshotOf(job, nowSeconds));
  return Math.min(job.maxReplicas, teachers === 'held' ? job.desired : teachers);
}
