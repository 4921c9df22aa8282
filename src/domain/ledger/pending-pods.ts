/** Pending pods that the scheduler serves before teachers (I5). Pure. */
import type { SchedulingConstraints } from './constraints.js';
import type { PodNeeds } from './pod-kinds.js';
import type { Amounts } from './resources.js';

/** A pod without a node. */
export interface UnboundPod {
  readonly uid: string;
  readonly requests: Amounts;
  readonly priority: number;
  /** `status.nominatedNodeName`: the node where the scheduler reserves room for it while it preempts others; null = none. */
  readonly nominated: string | null;
  /** null when it does not wait for a node: bound, finished, being deleted, or held by a scheduling gate. */
  readonly waits: NodeWait | null;
}

export interface NodeWait {
  readonly sinceMs: number;
  /** Where the pod may run. */
  readonly constraints: SchedulingConstraints;
  /** False when the pod lacks something that no teacher holds. */
  readonly evictionHelps: boolean;
}

export interface HigherPriorityPod {
  readonly uid: string;
  readonly priority: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  readonly needs: PodNeeds;
}

/**
 * Pods that wait for room with a higher priority than teachers. It leaves out pods with a nominated node, because the
 * ledger already counts that room as taken.
 */
export function higherPriorityPods(pods: Iterable<UnboundPod>, teacherPriority: number): HigherPriorityPod[] {
  const pending: HigherPriorityPod[] = [];
  for (const { uid, requests, priority, nominated, waits } of pods) {
    if (waits?.evictionHelps !== true || nominated !== null || priority <= teacherPriority) continue;
    const needs: PodNeeds = { ...waits.constraints, requests, priority };
    pending.push({ uid, priority, createdAtMs: waits.sinceMs, needs });
  }
  return pending;
}

/**
 * Reasons of the scheduler plugins NodeResourcesFit, NodePorts, InterPodAffinity and DynamicResources: fewer pods on the node
 * would solve them. (The last is also said of a pod that names devices as an extended resource, and has no claim yet.)
 */
const solvedByEviction: readonly string[] = [
  'Insufficient ',
  'Too many pods',
  'free ports',
  'anti-affinity',
  'cannot allocate all claims',
];

/**
 * Whether evicting pods may let a pending pod schedule. A pod that waits for a volume is not helped, for example. For
 * each node the scheduler reports only the first failed check, and it checks resources early.
 * @param message of the pod's condition PodScheduled
 */
export function isSolvedByEviction(message: string): boolean {
  return solvedByEviction.some((reason) => message.includes(reason));
}
