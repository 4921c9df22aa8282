/** The slots that the teachers of all jobs share: the cluster's part of an allocation's input. */
import type { LeavingTeacher, PendingPodRequest } from '../allocation/index.js';
import type { Amounts, LedgerNode, LedgerPod, Placement, PodNeeds } from '../ledger/index.js';

export interface ClusterSlots {
  /** The cluster as it is: every bound pod is on it, teachers included. */
  readonly placement: Placement<PodNeeds>;
  /** The teachers of a job as they are on the placement. */
  readonly teachersOf: (uid: string) => readonly CurrentTeacher[];
  /** Slots of a resource on a node that other pods than teachers hold. */
  readonly coLocatedSlots: (node: string, resource: string) => number;
  /** Pending pods that are served before teachers. */
  readonly pendingPods: readonly PendingPodRequest<PodNeeds>[];
  /** Teachers of all jobs that are being deleted. */
  readonly leaving: readonly LeavingTeacher<PodNeeds>[];
  /** Slots of a resource on all nodes that take pods. */
  readonly supplyOf: (resource: string) => SlotSupply;
  /** What the placement was made from, to save it and to repeat the allocation. */
  readonly facts: () => LedgerFacts;
}

/** All that nodes have and pods hold. */
export interface LedgerFacts {
  readonly nodes: readonly LedgerNode[];
  readonly pods: readonly LedgerPod[];
}

/** A teacher that is not being deleted, as the cluster knows it now. */
export interface CurrentTeacher {
  readonly pool: string;
  readonly name: string;
  /** null until it is bound. */
  readonly node: string | null;
  /** What it requests. Teachers with equal requests share one object where that is known. */
  readonly requests: Amounts;
  readonly ready: boolean;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

export interface SlotSupply {
  /** Slots that nodes have. */
  readonly total: number;
  /** Slots that teachers and pending pods could have if no teacher ran. */
  readonly free: number;
}
