/** What the teachers of all jobs draw on: the cluster's part of what a share is made from. */
import type { Amounts, LedgerNode, LedgerPod, PodNeeds } from '../ledger/index.js';
import type { Board, LeavingTeacher, NeighbourClaim } from '../allocation/index.js';

export interface Slots {
  /** The account as it is: every bound pod is on it, teachers included. */
  readonly board: Board<PodNeeds>;
  /** The teachers of a job as they are on the board. */
  readonly teachersOf: (uid: string) => readonly SeatedTeacher[];
  /** Slots of a resource on a node that pods hold which are no teachers. */
  readonly othersOn: (node: string, resource: string) => number;
  /** Pending pods of others that go first. */
  readonly neighbours: readonly NeighbourClaim<PodNeeds>[];
  /** Teachers that were told to go, of all jobs. */
  readonly leaving: readonly LeavingTeacher<PodNeeds>[];
  /** Slots of a resource, counted on every node that takes pods. */
  readonly supplyOf: (resource: string) => SlotSupply;
  /** What the board was made from, for whoever wants to see or replay the share. */
  readonly account: () => Account;
}

/** All that nodes have and pods hold. */
export interface Account {
  readonly nodes: readonly LedgerNode[];
  readonly pods: readonly LedgerPod[];
}

/** A teacher that was not told to go. */
export interface SeatedTeacher {
  readonly pool: string;
  readonly name: string;
  /** null until it is bound. */
  readonly node: string | null;
  /** What it is booked with: the same object for teachers that ask alike, as far as that is known. */
  readonly requests: Amounts;
  readonly ready: boolean;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

export interface SlotSupply {
  /** What nodes have. */
  readonly total: number;
  /** … that teachers and waiting neighbours could have if no teacher were there. */
  readonly free: number;
}
