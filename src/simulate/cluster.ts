/**
 * Nodes and who holds their slots, and where the scheduler puts a pod: best fit (the node on which the fewest slots stay
 * open, as NodeResourcesFit with MostAllocated scores, the usual setting for accelerators), so that whole nodes stay whole.
 *
 * Invariants:
 *  cluster/C1 On each node: free + held by neighbors + held by teachers (leaving ones included) = slots.
 *  cluster/C2 A slot that was promised to a neighbor for which teachers make room is open to nobody else
 *     (nominatedNodeName of the scheduler).
 */
import type { TraceNeighbor, TraceNode } from './trace.js';

export interface Node<Teacher> {
  readonly name: string;
  readonly model: string;
  readonly slots: number;
  /** Whole slots that nobody holds. */
  free: number;
  /** What is left of each slot that pods share, in thousandths. */
  shared: { left: number }[];
  /** Teachers that run here, oldest first, each with the second since which; those that were told to go are in `leaving`. */
  readonly teachers: Map<Teacher, number>;
  leaving: number;
  /** Slots that neighbors hold, shared ones included. */
  neighbors: number;
  /** Slots for which neighbors wait here. */
  promised: number;
}

/**
 * Packed: as every pod, best fit. Apart: where neighbors hold the fewest slots, so that what is left beside them stays
 * theirs; in a cluster a preferred anti-affinity to pods that are no teachers.
 */
export type TeacherPlacement = 'Packed' | 'Apart';

export interface Cluster<Teacher> {
  readonly nodes: readonly Node<Teacher>[];
  readonly slots: number;
  /** Whole slots that nobody holds, over all nodes. */
  readonly free: number;
  /** The node that a teacher goes to; null = none has an open slot. */
  nodeForTeacher(placement: TeacherPlacement): Node<Teacher> | null;
  nodeForNeighbor(pod: TraceNeighbor): Node<Teacher> | null;
  fits(pod: TraceNeighbor, node: Node<Teacher>): boolean;
  /**
   * The node where the fewest teachers would have to go, and how many, teachers that go already left out; of those where as
   * many would, the one whose victims have run for the shortest time. So the scheduler chooses (kubernetes/kubernetes
   * pkg/scheduler/framework/preemption, pickOneNodeForPreemption). null = not even without teachers does any node hold the
   * pod.
   */
  nodeByPreemption(pod: TraceNeighbor, among?: readonly Node<Teacher>[]): Preemption<Teacher> | null;
  /** Books a neighbor; what it returns gives its room back. */
  hold(pod: TraceNeighbor, node: Node<Teacher>): () => void;
  /** Changes what a node counts, its open slots kept in step. */
  change(node: Node<Teacher>, change: (node: Node<Teacher>) => void): void;
}

export interface Preemption<Teacher> {
  readonly node: Node<Teacher>;
  readonly victims: number;
}

const wholeSlot = 1_000;

const openOf = ({ free, promised }: Node<unknown>): number => Math.max(0, free - promised);

export function clusterOf<Teacher>(traced: readonly TraceNode[]): Cluster<Teacher> {
  const nodes = traced.map(({ name, model, slots }): Node<Teacher> => {
    return { name, model, slots, free: slots, shared: [], teachers: new Map(), leaving: 0, neighbors: 0, promised: 0 };
  });
  const slots = nodes.reduce((sum, node) => sum + node.slots, 0);
  const most = nodes.reduce((largest, node) => Math.max(largest, node.slots), 0);
  const byOpen = Array.from({ length: most + 1 }, () => new Set<Node<Teacher>>());
  for (const node of nodes) byOpen[node.slots]?.add(node);
  const byNeighbors = Array.from({ length: most + 1 }, (_, held) => new Set(held === 0 ? nodes : []));
  let free = slots;

  const change = (node: Node<Teacher>, apply: (node: Node<Teacher>) => void): void => {
    const before = openOf(node);
    const beside = node.neighbors;
    free -= node.free;
    apply(node);
    free += node.free;
    if (node.neighbors !== beside) {
      byNeighbors[beside]?.delete(node);
      byNeighbors[node.neighbors]?.add(node);
    }
    const after = openOf(node);
    if (after === before) return;
    byOpen[before]?.delete(node);
    byOpen[after]?.add(node);
  };
  const bestFit = (need: number, models: readonly string[] | null): Node<Teacher> | null => {
    for (let left = need; left <= most; left++) {
      for (const node of byOpen[left] ?? []) if (takes(models, node)) return node;
    }
    return null;
  };
  const leastNeighbors = (): Node<Teacher> | null => {
    if (free === 0) return null;
    for (const nodesBeside of byNeighbors) for (const node of nodesBeside) if (openOf(node) > 0) return node;
    return null;
  };
  const nodeByPreemption = (
    pod: TraceNeighbor,
    among = nodes as readonly Node<Teacher>[],
  ): Preemption<Teacher> | null => {
    let best: Preemption<Teacher> | null = null;
    let since = -Infinity;
    for (const node of among) {
      const victims = Math.max(0, pod.slots - (node.free + node.leaving - node.promised));
      if (victims > node.teachers.size || !takes(pod.models, node)) continue;
      if (best !== null && victims > best.victims) continue;
      const runsSince = oldestOf(node, victims);
      if (best !== null && victims === best.victims && runsSince <= since) continue;
      best = { node, victims };
      since = runsSince;
    }
    return best;
  };
  return {
    nodes,
    slots,
    get free() {
      return free;
    },
    nodeForTeacher: (placement) => (placement === 'Packed' ? bestFit(1, null) : leastNeighbors()),
    nodeForNeighbor: (pod) => (isSharing(pod) ? sharedFit(nodes, pod) : null) ?? bestFit(pod.slots, pod.models),
    fits: (pod, node) =>
      takes(pod.models, node) && (openOf(node) >= pod.slots || (isSharing(pod) && sharedSlot(node, pod) !== null)),
    nodeByPreemption,
    hold: (pod, node) => {
      if (isSharing(pod)) return share(pod, node, change);
      change(node, (held) => move(held, pod.slots));
      return () => change(node, (held) => move(held, -pod.slots));
    },
    change,
  };
}

/** When the first of the youngest teachers of a node started, in whole seconds, as a pod's status tells it. */
function oldestOf({ teachers }: Node<unknown>, youngest: number): number {
  let skip = teachers.size - youngest;
  for (const since of teachers.values()) if (skip-- === 0) return Math.floor(since);
  return Infinity;
}

/** From free to neighbors. */
function move(node: Node<unknown>, slots: number): void {
  node.free -= slots;
  node.neighbors += slots;
}

function takes(models: readonly string[] | null, { model }: Node<unknown>): boolean {
  return models === null || models.includes(model);
}

function isSharing({ slots, milli }: TraceNeighbor): boolean {
  return slots === 1 && milli < wholeSlot;
}

/** Of the slots that are shared already, the fullest that still holds the pod. */
function sharedSlot({ shared }: Node<unknown>, { milli }: TraceNeighbor): { left: number } | null {
  let best: { left: number } | null = null;
  for (const slot of shared) if (slot.left >= milli && (best === null || slot.left < best.left)) best = slot;
  return best;
}

function sharedFit<Teacher>(nodes: readonly Node<Teacher>[], pod: TraceNeighbor): Node<Teacher> | null {
  let best: { readonly node: Node<Teacher>; readonly left: number } | null = null;
  for (const node of nodes) {
    if (node.shared.length === 0 || !takes(pod.models, node)) continue;
    const slot = sharedSlot(node, pod);
    if (slot !== null && (best === null || slot.left < best.left)) best = { node, left: slot.left };
  }
  return best?.node ?? null;
}

/** A slot is shared from its first sharing pod to its last. */
function share<Teacher>(
  { milli, ...rest }: TraceNeighbor,
  node: Node<Teacher>,
  change: Cluster<Teacher>['change'],
): () => void {
  const slot = sharedSlot(node, { milli, ...rest }) ?? { left: wholeSlot };
  if (slot.left === wholeSlot) {
    node.shared.push(slot);
    change(node, (held) => move(held, 1));
  }
  slot.left -= milli;
  return () => {
    slot.left += milli;
    if (slot.left < wholeSlot) return;
    node.shared = node.shared.filter((other) => other !== slot);
    change(node, (held) => move(held, -1));
  };
}
