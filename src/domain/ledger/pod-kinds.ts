/**
 * Pods with equal needs are one kind: a placement reads and judges needs once for each kind and not once for each pod.
 * Also the index of open nodes by which a placement skips nodes that cannot hold a kind.
 */
import { judgeOf, type NodeFacts, type SchedulingConstraints } from './constraints.js';
import { type Columns, podColumn } from './node-usage.js';
import { type Amounts, wholeUnits } from './resources.js';

/** What one more pod asks for. Callers share one object between equal pods: a known object is found without reading it. */
export interface PodNeeds extends SchedulingConstraints {
  readonly requests: Amounts;
  /** Absent = below every other priority. */
  readonly priority?: number;
}

/** Pods with equal needs. */
export interface PodKind {
  /** A placement keeps what it knows of this kind under this index. */
  readonly index: number;
  readonly columns: readonly number[];
  /** The amount in each column, above 0; Infinity for a resource that no node has. */
  readonly amounts: readonly number[];
  readonly priority: number;
  readonly eligible: EligibleNodes;
  /** The accelerators that it asks for; null = none. */
  readonly devices: DeviceRequest | null;
}

/** Shared by the kinds with equal scheduling constraints. */
export interface EligibleNodes {
  readonly judge: (node: NodeFacts) => boolean;
  /** 1 for nodes that were judged eligible, resources aside. */
  readonly known: Uint8Array;
  /** Without nodes that were judged not eligible. */
  readonly open: OpenNodes;
}

/** Shared by the kinds that ask for the same amount of the same accelerator. */
export interface DeviceRequest {
  readonly index: number;
  readonly column: number;
  readonly amount: number;
}

/** @returns a function that finds the kind of a pod: by the identity of the object, else by its content */
export function podKinds(nodes: number, columns: Columns, width: number): (needs: PodNeeds) => PodKind {
  const eligible = new Map<string, EligibleNodes>();
  const devices = new Map<string, DeviceRequest>();
  const kinds = new Map<string, PodKind>();
  const byNeeds = new WeakMap<PodNeeds, PodKind>();

  const eligibleFor = (signature: string, needs: PodNeeds): EligibleNodes => {
    const fresh = (): EligibleNodes => ({
      judge: judgeOf(needs),
      known: new Uint8Array(nodes),
      open: openNodes(nodes),
    });
    const found = eligible.get(signature) ?? fresh();
    eligible.set(signature, found);
    return found;
  };

  const devicesOf = (column: number, amount: number): DeviceRequest => {
    const signature = `${String(column)} ${String(amount)}`;
    const asked = devices.get(signature) ?? { index: devices.size, column, amount };
    devices.set(signature, asked);
    return asked;
  };

  const newKind = (
    constraints: string,
    needs: PodNeeds,
    asked: readonly (readonly [string, number])[],
    priority: number,
  ): PodKind => {
    const wanted = asked.map(([resource, amount]) => {
      const column = columns.find(resource);
      const isThere = column !== undefined && column < width;
      return isThere ? { column, amount } : { column: podColumn, amount: Infinity };
    });
    const accelerator = wanted.find(({ column }) => columns.accelerators.includes(column));
    return {
      index: kinds.size,
      columns: [podColumn, ...wanted.map(({ column }) => column)],
      amounts: [1_000, ...wanted.map(({ amount }) => amount)],
      priority,
      eligible: eligibleFor(constraints, needs),
      devices: accelerator === undefined ? null : devicesOf(accelerator.column, accelerator.amount),
    };
  };

  return (needs) => {
    const known = byNeeds.get(needs);
    if (known !== undefined) return known;
    const { nodeSelector, requiredTerms, tolerations, requests, priority = -Infinity } = needs;
    const constraints = JSON.stringify([nodeSelector, requiredTerms, tolerations]);
    const asked = Object.entries(wholeUnits(requests)).filter(([, amount]) => amount > 0);
    const signature = JSON.stringify([constraints, String(priority), asked.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    const like = kinds.get(signature) ?? newKind(constraints, needs, asked, priority);
    kinds.set(signature, like);
    byNeeds.set(needs, like);
    return like;
  };
}

/**
 * Open and closed nodes: each entry points from a node toward the next open one. A search shortens the path that it
 * follows (path halving, as in disjoint sets), so that closed nodes cost nothing in the long run.
 */
export type OpenNodes = Int32Array;

/** All nodes are open. */
export function openNodes(count: number): OpenNodes {
  return Int32Array.from({ length: count }, (_, at) => at);
}

/** The first open node at or after this one; the count of nodes when there is none. */
export function firstOpen(nodes: OpenNodes, from: number): number {
  let at = from;
  for (let next = nodes[at]; next !== undefined && next !== at; next = nodes[at]) {
    nodes[at] = nodes[next] ?? next;
    at = next;
  }
  return at;
}

export function close(nodes: OpenNodes, at: number): void {
  nodes[at] = at + 1;
}
