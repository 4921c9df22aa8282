/** Nodes for the pending pods of higher priority: before any teacher, and evicting as few teachers as possible. Pure. */
import type { Placement } from '../ledger/index.js';
import { compareText } from './queue.js';
import type { JobRequest, LeavingTeacher, PendingPodRequest } from './types.js';

/** The cluster at three times; each placement has all pending pods that were placed so far. */
export interface Stages<Needs> {
  /** With every teacher on it. */
  readonly now: Placement<Needs>;
  /** Once the leaving teachers are gone. */
  readonly soon: Placement<Needs>;
  /** Without any teacher. */
  readonly empty: Placement<Needs>;
}

export interface Nominations<Needs> {
  readonly stages: Stages<Needs>;
  /** By uid; null = the pod fits nowhere, even without any teacher, and holds nothing. */
  readonly nodes: ReadonlyMap<string, string | null>;
  /** Nodes where teachers must leave. */
  readonly reclaimed: ReadonlySet<string>;
  /** Pending pods that wait until teachers are gone: no new teacher may take their place. */
  readonly waiting: readonly PlacedPod<Needs>[];
}

export type PlacedPod<Needs> = Pick<LeavingTeacher<Needs>, 'node' | 'needs'>;

/**
 * Nominates a node for each pending pod, in the order of the scheduler: the highest priority first, then the oldest. A pod
 * goes where there is room now, else where a teacher is leaving already, else where teachers must leave. If this costs one
 * of them a node that it would have without teachers, all are placed as if there were no teachers.
 *
 * @param current the cluster as it is
 */
export function nominate<Needs>(
  pods: readonly PendingPodRequest<Needs>[],
  current: Placement<Needs>,
  leaving: Iterable<PlacedPod<Needs>>,
  jobs: readonly JobRequest<Needs>[],
): Nominations<Needs> {
  const soon = without(current, leaving);
  const empty = without(soon, boundTeachersOf(jobs));
  const sorted = [...pods].sort(
    (a, b) => b.priority - a.priority || a.createdAtMs - b.createdAtMs || compareText(a.uid, b.uid),
  );
  const stages = { now: current.fork(), soon: soon.fork(), empty: empty.fork() };
  const considerate = placeAll(sorted, stages, [stages.now, stages.soon]);
  if (![...considerate.nodes.values()].includes(null)) return considerate;
  const alone = placeAll(sorted, { now: current.fork(), soon, empty }, []);
  const costs = sorted.some(({ uid }) => considerate.nodes.get(uid) === null && alone.nodes.get(uid) !== null);
  return costs ? alone : considerate;
}

function* boundTeachersOf<Needs>(jobs: readonly JobRequest<Needs>[]): Iterable<PlacedPod<Needs>> {
  for (const { pools } of jobs) {
    for (const { teachers } of pools) {
      for (const { node, needs } of teachers) if (node !== null) yield { node, needs };
    }
  }
}

function without<Needs>(placement: Placement<Needs>, teachers: Iterable<PlacedPod<Needs>>): Placement<Needs> {
  const fork = placement.fork();
  for (const { node, needs } of teachers) fork.remove(node, needs);
  return fork;
}

/** @param preferred tried in this order before the empty stage */
function placeAll<Needs>(
  sorted: readonly PendingPodRequest<Needs>[],
  stages: Stages<Needs>,
  preferred: readonly Placement<Needs>[],
): Nominations<Needs> {
  const nodes = new Map<string, string | null>();
  const reclaimed = new Set<string>();
  const waiting: PlacedPod<Needs>[] = [];
  for (const { uid, needs } of sorted) {
    const node = firstNode(needs, [...preferred, stages.empty]);
    nodes.set(uid, node);
    if (node === null) continue;
    if (!addWithin(stages.now, node, needs)) waiting.push({ node, needs });
    if (!addWithin(stages.soon, node, needs)) reclaimed.add(node);
    stages.empty.add(node, needs);
  }
  return { stages, nodes, reclaimed, waiting };
}

/** A node with room in the first placement that has one; adds nothing. */
function firstNode<Needs>(needs: Needs, placements: readonly Placement<Needs>[]): string | null {
  for (const placement of placements) {
    const node = placement.place(needs);
    if (node === null) continue;
    placement.remove(node, needs);
    return node;
  }
  return null;
}

/** Adds a pod in any case. @returns false when there was no room */
function addWithin<Needs>(placement: Placement<Needs>, node: string, needs: Needs): boolean {
  if (placement.placeOn(node, needs)) return true;
  placement.add(node, needs);
  return false;
}
