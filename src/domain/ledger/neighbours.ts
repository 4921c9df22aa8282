/** Neighbours: pods of others that wait for a place and go before teachers (DESIGN I5). Pure. */
import type { PodNeeds } from './draft.js';
import type { Placement } from './placement.js';
import type { Amounts } from './resources.js';

/** A pod that is on no node yet. */
export interface WaitingPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly requests: Amounts;
  readonly priority: number;
  /** The node that the scheduler keeps for it while it makes room there; null = none. */
  readonly nominated: string | null;
  /** Where it may go, and since when it waits; null when it waits for no node: bound, ended, going, or held by a gate. */
  readonly waits: { readonly sinceMs: number; readonly placement: Placement } | null;
}

export interface Neighbour {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly priority: number;
  readonly sinceMs: number;
  /**
   * Where the scheduler keeps a place for it. The ledger counts that place as taken already: such a neighbour is not to be
   * placed on a draft again, unless it was left out of it.
   */
  readonly nominated: string | null;
  readonly needs: PodNeeds;
}

/**
 * Those that wait with a higher priority than teachers: the scheduler found no node for them, or has not looked yet. The
 * highest priority first, as the scheduler takes them, then the oldest, then by uid.
 */
export function neighboursOf(pods: Iterable<WaitingPod>, teacherPriority: number): Neighbour[] {
  const neighbours: Neighbour[] = [];
  for (const { uid, namespace, name, requests, priority, nominated, waits } of pods) {
    if (waits === null || priority <= teacherPriority) continue;
    const needs: PodNeeds = { ...waits.placement, requests, priority };
    neighbours.push({ uid, namespace, name, priority, sinceMs: waits.sinceMs, nominated, needs });
  }
  return neighbours.sort(
    (a, b) => b.priority - a.priority || a.sinceMs - b.sinceMs || (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0),
  );
}
