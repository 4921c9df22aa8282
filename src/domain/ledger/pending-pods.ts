/** Neighbours: pods of others that wait for a place and go before teachers (DESIGN I5). Pure. */
import type { PodNeeds } from './placement.js';
import type { Placement } from './constraints.js';
import type { Amounts } from './resources.js';

/** A pod that is on no node yet. */
export interface WaitingPod {
  readonly uid: string;
  readonly requests: Amounts;
  readonly priority: number;
  /** The node that the scheduler keeps for it while it makes room there; null = none. */
  readonly nominated: string | null;
  /** null when it waits for no node: bound, ended, going, or held by a gate. */
  readonly waits: Waiting | null;
}

export interface Waiting {
  readonly sinceMs: number;
  /** Where it may go. */
  readonly placement: Placement;
  /** False: what it lacks is nothing that a teacher holds. */
  readonly forRoom: boolean;
}

export interface Neighbour {
  readonly uid: string;
  readonly priority: number;
  readonly createdAtMs: number;
  readonly needs: PodNeeds;
}

/**
 * Those that wait with a higher priority than teachers: the scheduler found no node for them, or has not looked yet. One for
 * which it keeps a place is none of them: that place is taken in the ledger already.
 */
export function neighboursOf(pods: Iterable<WaitingPod>, teacherPriority: number): Neighbour[] {
  const neighbours: Neighbour[] = [];
  for (const { uid, requests, priority, nominated, waits } of pods) {
    if (waits?.forRoom !== true || nominated !== null || priority <= teacherPriority) continue;
    const needs: PodNeeds = { ...waits.placement, requests, priority };
    neighbours.push({ uid, priority, createdAtMs: waits.sinceMs, needs });
  }
  return neighbours;
}

/**
 * What the scheduler of Kubernetes says of a node that would do if there were fewer pods on it: the plugins NodeResourcesFit,
 * NodePorts and InterPodAffinity.
 */
const mendedByRoom: readonly string[] = ['Insufficient ', 'Too many pods', 'free ports', 'anti-affinity'];

/**
 * Whether it may help a pod that others go, by what the scheduler said when it found no node for it: one that waits for a
 * volume is not helped by room. Of each node the scheduler says the first thing that is wrong, and looks at room early.
 * @param message of the condition PodScheduled
 */
export function isMendedByRoom(message: string): boolean {
  return mendedByRoom.some((reason) => message.includes(reason));
}
