/**
 * What one node has and what its pods take. Each resource has a column, in thousandths, so that adding a pod and copying
 * all nodes is arithmetic on numbers.
 *
 * Invariants:
 *  node-usage/N1 While devices are not counted, a node with a bound pod that claims devices counts as full for every
 *     accelerator, and unchanged for everything else: the pod does not say which devices its ResourceClaims hold (DRA, KEP-4381).
 *     Devices are counted once the operator has listed the slices and claims (`Columns.countsDevices`); what is allocated then
 *     takes devices of its driver, and nothing else.
 *  node-usage/N2 An extended resource that DRA serves (KEP-5004) is in no node's allocatable. It shares the column of its driver's
 *     devices (`Columns.alias`), so that a pod that names it finds them.
 */
import { matchesPattern } from '@distillery/base';

import { isDeviceResource } from './devices.js';
import type { NodeFacts } from './constraints.js';
import { type Amounts, wholeUnits } from './resources.js';

/**
 * Patterns of the names of accelerator resources; `*` stands for any characters, including none. They cover whole devices,
 * MIG slices (nvidia.com/mig-1g.10gb), time-sliced devices (nvidia.com/gpu.shared) and AMD's partitions (amd.com/cpx_nps4).
 */
export const defaultAccelerators: readonly string[] = [
  'nvidia.com/gpu*',
  'nvidia.com/mig-*',
  'amd.com/*',
  'gpu.intel.com/i915',
  'gpu.intel.com/xe',
  'habana.ai/gaudi',
  'aws.amazon.com/neuron*',
  'google.com/tpu',
];

export function isAccelerator(resource: string, configured: readonly string[] = defaultAccelerators): boolean {
  return isDeviceResource(resource) || configured.some((pattern) => matchesPattern(resource, pattern));
}

export interface LedgerNode extends NodeFacts {
  readonly allocatable: Amounts;
}

export interface LedgerPod {
  readonly uid: string;
  /** null until it is bound. */
  readonly node: string | null;
  /** `status.nominatedNodeName`: where the scheduler reserves room for it; null = nowhere. */
  readonly nominated: string | null;
  readonly priority: number;
  /** Succeeded or Failed. */
  readonly ended: boolean;
  readonly requests: Amounts;
  /** It gets devices through ResourceClaims (DRA). */
  readonly claimsDevices: boolean;
}

const podSlots = 'pods';

/** The column that counts pods. */
export const podColumn = 0;

/** The column of each resource name. Grows with every new name: a handful in a cluster. */
export class Columns {
  readonly #columns = new Map<string, number>([[podSlots, podColumn]]);
  readonly #isAccelerator: (resource: string) => boolean;
  readonly #accelerators: number[] = [];
  #aliases: readonly string[] = [];
  #count = 1;
  /** Whether claims of devices are counted (node-usage/N1). */
  countsDevices = false;

  constructor(isAccelerator: (resource: string) => boolean) {
    this.#isAccelerator = isAccelerator;
  }

  get count(): number {
    return this.#count;
  }

  /** Columns of accelerators. */
  get accelerators(): readonly number[] {
    return this.#accelerators;
  }

  /** From now on these resources share the columns of others; nothing must be counted under an old column any more. */
  alias(aliases: ReadonlyMap<string, string>): void {
    for (const resource of this.#aliases) this.#columns.delete(resource);
    for (const [resource, target] of aliases) {
      const column = this.of(target);
      this.#columns.set(resource, column);
    }
    this.#aliases = [...aliases.keys()];
  }

  of(resource: string): number {
    const known = this.#columns.get(resource);
    if (known !== undefined) return known;
    const column = this.#count++;
    this.#columns.set(resource, column);
    if (this.#isAccelerator(resource)) this.#accelerators.push(column);
    return column;
  }

  /** undefined for a resource that no node and no pod has named. */
  find(resource: string): number | undefined {
    return this.#columns.get(resource);
  }
}

export interface NodeUsage {
  readonly name: string;
  /** null while only pods name this node. */
  facts: LedgerNode | null;
  readonly allocatable: number[];
  /** By bound pods. */
  readonly used: number[];
  /** Bound pods with claimed devices. */
  claimants: number;
  /** Claims with devices here. */
  claims: number;
  /** Pods for which the scheduler reserves room here. */
  readonly nominated: Set<LedgerPod>;
}

export function emptyUsage(name: string): NodeUsage {
  return { name, facts: null, allocatable: [], used: [], claimants: 0, claims: 0, nominated: new Set() };
}

export function isEmpty({ facts, used, claims, nominated }: NodeUsage): boolean {
  return facts === null && (used[podColumn] ?? 0) === 0 && claims === 0 && nominated.size === 0;
}

export function setAllocatable(usage: NodeUsage, amounts: Amounts, columns: Columns): void {
  usage.allocatable.length = 0;
  addTo(usage.allocatable, wholeUnits(amounts), 1, columns);
}

/** @param times 1 adds the pod, −1 removes it */
export function countPod(usage: NodeUsage, pod: LedgerPod, times: 1 | -1, columns: Columns): void {
  addTo(usage.used, pod.requests, times, columns);
  usage.used[podColumn] = (usage.used[podColumn] ?? 0) + times * 1_000;
  if (pod.claimsDevices) usage.claimants += times;
}

/** Counts the devices that a claim holds. @param times 1 adds them, −1 removes them */
export function countClaim(usage: NodeUsage, devices: Amounts, times: 1 | -1, columns: Columns): void {
  addTo(usage.used, devices, times, columns);
  usage.claims += times;
}

/** What is left in a column, in thousandths; below 0 on an overcommitted node. */
export function leftOf({ allocatable, used, claimants }: NodeUsage, column: number, columns: Columns): number {
  const left = (allocatable[column] ?? 0) - (used[column] ?? 0);
  // node-usage/N1.
  return claimants > 0 && !columns.countsDevices && columns.accelerators.includes(column) ? Math.min(0, left) : left;
}

function addTo(row: number[], amounts: Amounts, times: number, columns: Columns): void {
  // for…in instead of Object.entries: this runs for tens of thousands of pods and must not allocate.
  for (const resource in amounts) {
    const column = columns.of(resource);
    while (row.length <= column) row.push(0);
    row[column] = (row[column] ?? 0) + times * (amounts[resource] ?? 0);
  }
}
