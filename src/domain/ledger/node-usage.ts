/**
 * What one node has and what is taken of it. Amounts stand in a column for each resource, in thousandths, so that adding a
 * pod and copying all nodes is arithmetic on numbers. Pure but for the account itself.
 *
 * Invariants:
 *  N1 No device plugin and no kubelet says which devices are held through ResourceClaims (DRA, KEP-4381), nor does the pod:
 *     class and number are in the claim, which the operator does not read. So a node with a bound pod that claims devices
 *     counts as full for every accelerator, and as it is for all else. Extended resources that DRA serves (KEP-5004) are in
 *     no node's allocatable: nodes have none of them here, although a scheduler that has that gate may place more.
 */
import type { NodeFacts } from './constraints.js';
import { type Amounts, wholeUnits } from './resources.js';

export interface LedgerNode extends NodeFacts {
  readonly allocatable: Amounts;
}

export interface LedgerPod {
  readonly uid: string;
  /** null until it is bound. */
  readonly node: string | null;
  /** status.nominatedNodeName: where the scheduler keeps a place for it; null = nowhere. */
  readonly nominated: string | null;
  readonly priority: number;
  /** Succeeded or Failed. */
  readonly ended: boolean;
  readonly requests: Amounts;
  /** It has devices through ResourceClaims (DRA), or will have. */
  readonly claimsDevices: boolean;
}

const podSlots = 'pods';

/** The column of places for pods. */
export const podColumn = 0;

/** Resource names by column; grows with every name that is met, a handful in a cluster. */
export class Columns {
  readonly #columns = new Map<string, number>([[podSlots, podColumn]]);
  readonly #isAccelerator: (resource: string) => boolean;
  readonly #accelerators: number[] = [];

  constructor(isAccelerator: (resource: string) => boolean) {
    this.#isAccelerator = isAccelerator;
  }

  get count(): number {
    return this.#columns.size;
  }

  /** Columns of accelerators. */
  get accelerators(): readonly number[] {
    return this.#accelerators;
  }

  of(resource: string): number {
    const known = this.#columns.get(resource);
    if (known !== undefined) return known;
    const column = this.#columns.size;
    this.#columns.set(resource, column);
    if (this.#isAccelerator(resource)) this.#accelerators.push(column);
    return column;
  }

  /** undefined for one that no node and no pod has named. */
  find(resource: string): number | undefined {
    return this.#columns.get(resource);
  }
}

export interface Account {
  readonly name: string;
  /** null while only pods say that there is such a node. */
  facts: LedgerNode | null;
  readonly allocatable: number[];
  /** By bound pods. */
  readonly used: number[];
  /** Bound pods with claimed devices. */
  claimants: number;
  /** Pods for which the scheduler keeps a place here. */
  readonly nominated: Set<LedgerPod>;
}

export function openAccount(name: string): Account {
  return { name, facts: null, allocatable: [], used: [], claimants: 0, nominated: new Set() };
}

export function isEmpty({ facts, used, nominated }: Account): boolean {
  return facts === null && (used[podColumn] ?? 0) === 0 && nominated.size === 0;
}

export function setAllocatable(account: Account, amounts: Amounts, columns: Columns): void {
  account.allocatable.length = 0;
  addTo(account.allocatable, wholeUnits(amounts), 1, columns);
}

/** @param times 1 when the pod comes, −1 when it goes */
export function book(account: Account, pod: LedgerPod, times: 1 | -1, columns: Columns): void {
  addTo(account.used, pod.requests, times, columns);
  account.used[podColumn] = (account.used[podColumn] ?? 0) + times * 1_000;
  if (pod.claimsDevices) account.claimants += times;
}

/** What is left of a column, in thousandths; below 0 where a node is overdrawn. */
export function leftOf({ allocatable, used, claimants }: Account, column: number, columns: Columns): number {
  const left = (allocatable[column] ?? 0) - (used[column] ?? 0);
  // N1.
  return claimants > 0 && columns.accelerators.includes(column) ? Math.min(0, left) : left;
}

function addTo(row: number[], amounts: Amounts, times: number, columns: Columns): void {
  // Tens of thousands of pods are read so: no list of entries is made for each.
  for (const resource in amounts) {
    const column = columns.of(resource);
    while (row.length <= column) row.push(0);
    row[column] = (row[column] ?? 0) + times * (amounts[resource] ?? 0);
  }
}
