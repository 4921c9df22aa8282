/**
 * What allocation reads and what it returns: plain data, except for the placement. `Needs` is what the placement places:
 * PodNeeds of the ledger in the operator, less in the simulator. Pass one object for equal pods, so that a placement
 * recognizes them without reading them.
 */
import type { GrantFigures } from '../../api/index.js';
import type { Placement } from '../ledger/index.js';

/** A teacher that runs or starts, and is not being deleted. */
export interface Teacher<Needs> {
  readonly name: string;
  /** null until it is bound. */
  readonly node: string | null;
  /** What it requests: the needs of its pool, unless the pool changed since. */
  readonly needs: Needs;
  readonly ready: boolean;
  /** Slots of its pool's resource that other pods than teachers hold on its node. */
  readonly coLocatedSlots: number;
  /** Its measured rate; 0 while none is known. */
  readonly samplesPerSecond: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

export interface PoolRequest<Needs> {
  readonly name: string;
  readonly needs: Needs;
  /** The resource that is counted in slots: `nvidia.com/gpu` or `cpu`. */
  readonly resource: string;
  readonly slotsPerReplica: number;
  /** Granted before any job of the namespace gets more, from the quota of the namespace. */
  readonly minReplicas: number;
  /** Wanted in this pool whatever other pools offer: teachers that have just started, or all while the pool is held. */
  readonly keepReplicas: number;
  readonly maxReplicas: number;
  /** What one teacher adds toward `wanted` of the job, above 0. */
  readonly unitsPerReplica: number;
  readonly teachers: readonly Teacher<Needs>[];
}

export interface JobRequest<Needs> {
  readonly uid: string;
  /** Slots are shared between namespaces first. */
  readonly namespace: string;
  /** Weight against other jobs of the namespace; 0 = the job gets only what none of them wants. */
  readonly weight: number;
  /** What all pools together should provide, in the unit of `unitsPerReplica`: samples a second, or teachers. */
  readonly wanted: number;
  /** The part of `wanted` that the student needs; granted before any job's surplus. Absent = all of it. */
  readonly least?: number;
  /**
   * Replicas by pool that would feed the student if there were room for all, whatever runs now: the number that people
   * see. Absent = the wanted replicas.
   */
  readonly needed?: readonly number[];
  /** Over all pools. Minimums may exceed it. */
  readonly maxReplicas: number;
  /** The cheapest first. */
  readonly pools: readonly PoolRequest<Needs>[];
}

/** A pending pod with a higher priority than teachers. */
export interface PendingPodRequest<Needs> {
  readonly uid: string;
  readonly needs: Needs;
  readonly priority: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  /** What it takes of each resource. */
  readonly slots: Readonly<Record<string, number>>;
}

/** A teacher that is being deleted. Its slots become free later; they are not free yet (I5). */
export interface LeavingTeacher<Needs> {
  readonly node: string;
  readonly needs: Needs;
  readonly resource: string;
  readonly slots: number;
}

export interface ResourceSupply {
  /** Slots that teachers and pending pods could have if no teacher ran. */
  readonly freeSlots: number;
  /** Slots that stay free after all grants. */
  readonly reserveSlots: number;
}

/** Above 0, by name. */
export type NamespaceWeights = Readonly<Record<string, number>>;

export interface AllocationInput<Needs> {
  readonly jobs: readonly JobRequest<Needs>[];
  readonly pendingPods: readonly PendingPodRequest<Needs>[];
  readonly leaving: readonly LeavingTeacher<Needs>[];
  /** Weight of a namespace against the others; 1 for a namespace that is not named. */
  readonly namespaceWeights?: NamespaceWeights;
  /** A resource that is not named has no reserve. */
  readonly supply: Readonly<Record<string, ResourceSupply>>;
  /** The cluster as it is: every bound pod is on it, teachers included. Allocation does not change it. */
  readonly placement: Placement<Needs>;
}

/** What one pool gets. */
export type Grant = GrantFigures;

/** Why the next replica was not granted. `Nodes`: no node has room for one more, whatever the resource. */
export type StopReason = NonNullable<Grant['why']['stoppedBy']>;

export interface Allocation {
  /** By uid of the job, in the order of its pools. */
  readonly grants: ReadonlyMap<string, readonly Grant[]>;
  /** The node expected for each pending pod, by uid; null = none, even without any teacher. */
  readonly nominations: ReadonlyMap<string, string | null>;
}
