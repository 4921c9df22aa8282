/**
 * All slots of the cluster (design §5.2): what each node has, what its pods take, and so where one more pod fits. Updated
 * pod by pod; the same facts give the same ledger in any order.
 *
 * Invariants:
 *  ledger/K1 A pod takes its resources until it is gone: also while it terminates (I5).
 *  ledger/K2 A pod that ended by itself takes nothing.
 *  ledger/K4 An allocated claim takes its devices until it is deallocated; the pods that share it take none themselves.
 *  ledger/K3 The ledger forgets nodes and pods that are gone.
 */
import {
  Columns,
  countClaim,
  countPod,
  emptyUsage,
  isAccelerator,
  isEmpty,
  leftOf,
  type LedgerNode,
  type LedgerPod,
  type NodeUsage,
  setAllocatable,
} from './node-usage.js';
import type { Amounts } from './resources.js';
import { type Placement, placementOn } from './placement.js';
import type { PodNeeds } from './pod-kinds.js';

/** Known nodes sorted by name, and the index of each. */
interface Order {
  readonly nodes: readonly NodeUsage[];
  readonly indexes: ReadonlyMap<string, number>;
}

export class Ledger {
  readonly #columns: Columns;
  readonly #nodes = new Map<string, NodeUsage>();
  /** Each pod as it was counted, so that exactly the same amounts are removed again. */
  readonly #counted = new Map<string, LedgerPod>();

  /** Devices of drivers, by node: they are not part of a node's allocatable. */
  readonly #devices = new Map<string, Amounts>();
  /** Allocatable of nodes as they were set, without devices. */
  readonly #plain = new Map<string, LedgerNode>();
  /** Each allocated claim as it was counted: devices by node. */
  readonly #claims = new Map<string, ReadonlyMap<string, Amounts>>();

  /** null = nodes came or went since: sort again. */
  #order: Order | null = null;

  /** @param accelerators patterns of resource names (node-usage.ts); absent = the default ones */
  constructor(accelerators?: readonly string[]) {
    this.#columns = new Columns((resource) => isAccelerator(resource, accelerators));
  }

  setNode(plain: LedgerNode): void {
    const usage = this.#usageOf(plain.name);
    if (usage.facts === null) this.#order = null;
    this.#plain.set(plain.name, plain);
    const devices = this.#devices.get(plain.name);
    const node = devices === undefined ? plain : { ...plain, allocatable: { ...plain.allocatable, ...devices } };
    usage.facts = node;
    setAllocatable(usage, node.allocatable, this.#columns);
  }

  /** What drivers offer on a node. @param devices an empty object for none */
  setDevices(node: string, devices: Amounts): void {
    if (Object.keys(devices).length === 0) this.#devices.delete(node);
    else this.#devices.set(node, devices);
    const plain = this.#plain.get(node);
    if (plain !== undefined) this.setNode(plain);
  }

  /** The devices that an allocated claim holds, by node. */
  setClaim(uid: string, held: ReadonlyMap<string, Amounts>): void {
    this.removeClaim(uid);
    if (held.size === 0) return;
    this.#claims.set(uid, held);
    for (const [node, devices] of held) countClaim(this.#usageOf(node), devices, 1, this.#columns);
  }

  removeClaim(uid: string): void {
    for (const [node, devices] of this.#claims.get(uid) ?? []) {
      const usage = this.#usageOf(node);
      countClaim(usage, devices, -1, this.#columns);
      if (isEmpty(usage)) this.#nodes.delete(node);
    }
    this.#claims.delete(uid);
  }

  /** Extended resources that DRA serves, and the resource of their devices (node-usage/N2). Everything is counted again. */
  setAliases(aliases: ReadonlyMap<string, string>): void {
    const [nodes, pods, claims] = [[...this.#plain.values()], [...this.#counted.values()], [...this.#claims]];
    this.#nodes.clear();
    this.#counted.clear();
    this.#claims.clear();
    this.#order = null;
    this.#columns.alias(aliases);
    for (const node of nodes) this.setNode(node);
    for (const pod of pods) this.setPod(pod);
    for (const [uid, held] of claims) this.setClaim(uid, held);
  }

  /** From now on claims are counted, and no node is given up for a pod that has some (node-usage/N1). */
  countDevices(): void {
    this.#columns.countsDevices = true;
  }

  removeNode(name: string): void {
    const usage = this.#nodes.get(name);
    if (usage === undefined) return;
    usage.facts = null;
    this.#plain.delete(name);
    this.#order = null;
    if (isEmpty(usage)) this.#nodes.delete(name);
  }

  setPod(pod: LedgerPod): void {
    this.removePod(pod.uid);
    const node = pod.node ?? pod.nominated;
    if (node === null || pod.ended) return;
    const usage = this.#usageOf(node);
    if (pod.node === null) usage.nominated.add(pod);
    else countPod(usage, pod, 1, this.#columns);
    this.#counted.set(pod.uid, pod);
  }

  removePod(uid: string): void {
    const pod = this.#counted.get(uid);
    if (pod === undefined) return;
    this.#counted.delete(uid);
    const usage = this.#usageOf(pod.node ?? pod.nominated ?? '');
    if (pod.node === null) usage.nominated.delete(pod);
    else countPod(usage, pod, -1, this.#columns);
    if (isEmpty(usage)) this.#nodes.delete(usage.name);
  }

  /** A copy of the free room as it is now, on which placements are tried. */
  placement(): Placement<PodNeeds> {
    const { nodes, indexes } = this.#inOrder();
    return placementOn(nodes, this.#columns, (node) => indexes.get(node));
  }

  /** Whole units of a resource on nodes that take pods. */
  unitsOf(resource: string): number {
    const column = this.#columns.find(resource);
    if (column === undefined) return 0;
    let units = 0;
    for (const { facts, allocatable } of this.#inOrder().nodes) {
      if (facts?.takesPods === true) units += Math.floor((allocatable[column] ?? 0) / 1_000);
    }
    return units;
  }

  /**
   * Whole units of a resource that are left on nodes that take pods.
   * @param given by node, units that count as left although pods hold them
   */
  unitsFree(resource: string, given: ReadonlyMap<string, number>): number {
    const column = this.#columns.find(resource);
    if (column === undefined) return 0;
    let units = 0;
    for (const usage of this.#inOrder().nodes) {
      if (usage.facts?.takesPods !== true) continue;
      const left = leftOf(usage, column, this.#columns) / 1_000;
      units += Math.max(0, Math.floor(left) + (given.get(usage.name) ?? 0));
    }
    return units;
  }

  /** Units of a resource that pods hold on a node, rounded up. */
  unitsUsed(node: string, resource: string): number {
    const column = this.#columns.find(resource);
    const used = column === undefined ? undefined : this.#nodes.get(node)?.used[column];
    return Math.ceil((used ?? 0) / 1_000);
  }

  /** All nodes and pods of the ledger, as plain data. A claim is a pod that takes its devices. */
  facts(): { readonly nodes: readonly LedgerNode[]; readonly pods: readonly LedgerPod[] } {
    const nodes = this.#inOrder().nodes.flatMap(({ facts }) => facts ?? []);
    const { countsDevices } = this.#columns;
    // Callers may pass objects with more fields: copy only those of the type.
    const pods = [...this.#counted.values()].map(
      ({ uid, node, nominated, priority, ended, requests, claimsDevices }): LedgerPod => {
        return { uid, node, nominated, priority, ended, requests, claimsDevices: claimsDevices && !countsDevices };
      },
    );
    const claims = [...this.#claims].flatMap(([uid, held]) =>
      Array.from(held, ([node, requests]): LedgerPod => {
        return {
          uid: `${uid} ${node}`,
          node,
          nominated: null,
          priority: 0,
          ended: false,
          requests,
          claimsDevices: false,
        };
      }),
    );
    return { nodes, pods: [...pods, ...claims] };
  }

  /** Number of nodes, those that only pods name included. */
  get size(): number {
    return this.#nodes.size;
  }

  #inOrder(): Order {
    if (this.#order === null) {
      const nodes = [...this.#nodes.values()]
        .filter(({ facts }) => facts !== null)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      this.#order = { nodes, indexes: new Map(nodes.map(({ name }, index) => [name, index])) };
    }
    return this.#order;
  }

  #usageOf(node: string): NodeUsage {
    const known = this.#nodes.get(node);
    if (known !== undefined) return known;
    const usage = emptyUsage(node);
    this.#nodes.set(node, usage);
    return usage;
  }
}
