/**
 * Trial placements on a copy of what the nodes have free. They never change the ledger.
 *
 * Invariants:
 *  placement/B1 The same ledger gives the same answers, in whatever order nodes and pods arrived: nodes are tried by name.
 *  placement/B2 Placing takes amortized constant time. Free amounts only shrink, so a node that was too full for a kind is
 *     not tried again, and every kind that asks for as many accelerators skips a node with too few of them. A release is
 *     rare, and clears what was skipped.
 *  placement/B3 A pod with a nominated node holds its room there against all pods of the same or a lower priority, as in
 *     RunFilterPluginsWithNominatedPods.
 */
import { type Columns, leftOf, type LedgerPod, type NodeUsage, podColumn } from './node-usage.js';
import {
  close,
  type EligibleNodes,
  firstOpen,
  openNodes,
  type OpenNodes,
  type PodKind,
  podKinds,
  type PodNeeds,
} from './pod-kinds.js';

/**
 * A copy of the cluster's free room, on which placements are tried. Every method takes amortized constant time, also for
 * many releases in a row, and equal calls give equal answers. An unknown node has room for nothing; adding a pod to it or
 * removing one does nothing.
 */
export interface Placement<Needs> {
  /** Adds one more pod on the first node that has room. @returns its node; null when no node has room */
  place(needs: Needs): string | null;
  /** Adds a pod to a node where it may run and that has room. @returns false, and adds nothing, otherwise */
  placeOn(node: string, needs: Needs): boolean;
  /** Adds a pod to a node, whether or not there is room: it runs there. */
  add(node: string, needs: Needs): void;
  /** Removes a pod that was added. */
  remove(node: string, needs: Needs): void;
  /** An independent copy. */
  fork(): Placement<Needs>;
}

/** Room reserved on a node for a nominated pod (placement/B3). */
interface Reservation {
  readonly priority: number;
  readonly amounts: readonly number[];
}

/** What placed pods do not change: a placement and its forks share it. */
interface Ground {
  readonly nodes: readonly NodeUsage[];
  /** Number of columns when the placement was made. */
  readonly width: number;
  readonly reserved: readonly (readonly Reservation[] | undefined)[];
  readonly indexOf: (node: string) => number | undefined;
  readonly kindOf: (needs: PodNeeds) => PodKind;
}

/** @param nodes all have facts, sorted by name */
export function placementOn(
  nodes: readonly NodeUsage[],
  columns: Columns,
  indexOf: (node: string) => number | undefined,
): Placement<PodNeeds> {
  const width = columns.count;
  const free = freeAmounts(nodes, columns);
  const reserved = reservations(nodes, columns);
  return openPlacement({ nodes, width, reserved, indexOf, kindOf: podKinds(nodes.length, columns, width) }, free);
}

/** @param free by node and column; the placement changes it */
function openPlacement(ground: Ground, free: Float64Array): Placement<PodNeeds> {
  const { nodes, width, reserved, indexOf, kindOf } = ground;
  /** By kind: the first node that may have room (placement/B2). */
  const next: number[] = [];
  /** By device request: without nodes that have fewer left. */
  const enough: OpenNodes[] = [];
  /** The first node from which a pod was removed since the last search: the next one forgets what was skipped. */
  let freed = Infinity;
  const reopen = (): void => {
    if (freed === Infinity) return;
    for (const kind of next.keys()) next[kind] = Math.min(next[kind] ?? 0, freed);
    enough.length = 0;
    freed = Infinity;
  };

  const isEligible = ({ judge, known }: EligibleNodes, node: number): boolean => {
    if (known[node] === 1) return true;
    const facts = nodes[node]?.facts ?? null;
    if (facts === null || !judge(facts)) return false;
    known[node] = 1;
    return true;
  };

  /** The first eligible node at or after this one that may have enough accelerators. */
  const candidate = ({ eligible, devices }: PodKind, from: number): number => {
    const having = devices === null ? null : (enough[devices.index] ??= openNodes(nodes.length));
    let node = from;
    while (node < nodes.length) {
      const open = firstOpen(eligible.open, having === null ? node : firstOpen(having, node));
      if (open !== node) {
        node = open;
      } else if (having !== null && devices !== null && (free[node * width + devices.column] ?? 0) < devices.amount) {
        close(having, node);
      } else if (isEligible(eligible, node)) {
        return node;
      } else {
        close(eligible.open, node);
      }
    }
    return node;
  };

  const hasRoom = (kind: PodKind, node: number): boolean => {
    const reservedHere = reserved[node];
    for (let at = 0; at < kind.columns.length; at++) {
      const column = kind.columns[at] ?? podColumn;
      let left = free[node * width + column] ?? 0;
      if (reservedHere !== undefined) left -= reservedAgainst(reservedHere, kind.priority, column);
      if (left < (kind.amounts[at] ?? Infinity)) return false;
    }
    return true;
  };

  const count = (kind: PodKind, node: number, times: 1 | -1): void => {
    for (let at = 0; at < kind.columns.length; at++) {
      const amount = kind.amounts[at] ?? 0;
      const cell = node * width + (kind.columns[at] ?? podColumn);
      // Infinity marks a resource that no node has: there is nothing to subtract from.
      if (amount !== Infinity) free[cell] = (free[cell] ?? 0) - times * amount;
    }
  };

  return {
    place(needs) {
      reopen();
      const kind = kindOf(needs);
      let node = candidate(kind, next[kind.index] ?? 0);
      while (node < nodes.length && !hasRoom(kind, node)) node = candidate(kind, node + 1);
      next[kind.index] = node;
      const found = nodes[node];
      if (found === undefined) return null;
      count(kind, node, 1);
      return found.name;
    },
    placeOn(name, needs) {
      const kind = kindOf(needs);
      const node = indexOf(name);
      if (node === undefined || !isEligible(kind.eligible, node) || !hasRoom(kind, node)) return false;
      count(kind, node, 1);
      return true;
    },
    add(name, needs) {
      const node = indexOf(name);
      if (node !== undefined) count(kindOf(needs), node, 1);
    },
    remove(name, needs) {
      const node = indexOf(name);
      if (node === undefined) return;
      count(kindOf(needs), node, -1);
      freed = Math.min(freed, node);
    },
    fork: () => openPlacement(ground, free.slice()),
  };
}

/** Thousandths by node and column; below 0 on an overcommitted node. */
function freeAmounts(nodes: readonly NodeUsage[], columns: Columns): Float64Array {
  const width = columns.count;
  const free = new Float64Array(nodes.length * width);
  for (const [node, usage] of nodes.entries()) {
    for (let column = 0; column < width; column++) free[node * width + column] = leftOf(usage, column, columns);
  }
  return free;
}

/** What is reserved in a column against pods of this priority (placement/B3). */
function reservedAgainst(reservations: readonly Reservation[], own: number, column: number): number {
  let sum = 0;
  for (const { priority, amounts } of reservations) if (priority >= own) sum += amounts[column] ?? 0;
  return sum;
}

/** By node; undefined for nodes without one. */
function reservations(nodes: readonly NodeUsage[], columns: Columns): readonly (readonly Reservation[] | undefined)[] {
  const reserved: Reservation[][] = [];
  for (const [node, { nominated }] of nodes.entries()) {
    if (nominated.size > 0) reserved[node] = Array.from(nominated, (pod) => reservationFor(pod, columns));
  }
  return reserved;
}

function reservationFor({ priority, requests, claimsDevices }: LedgerPod, columns: Columns): Reservation {
  const amounts: number[] = [];
  for (const [resource, amount] of Object.entries(requests)) amounts[columns.of(resource)] = amount;
  amounts[podColumn] = 1_000;
  // node-usage/N1 holds for a pod that is still to come, too.
  if (claimsDevices && !columns.countsDevices) for (const column of columns.accelerators) amounts[column] = Infinity;
  return { priority, amounts };
}
