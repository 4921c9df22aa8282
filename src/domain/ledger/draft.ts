/**
 * A draft of the account, on which placements are tried: what the nodes have free, some pods left out. Nothing done on it
 * changes the ledger.
 *
 * Invariants:
 *  B1 The same account gives the same answers, in whatever order nodes and pods were told: nodes are tried by name.
 *  B2 Placing takes constant time over many: room only shrinks, so a node that was too full for needs like these is not
 *     looked at again, until something on it is released.
 *  B3 Pods for which the scheduler keeps a place on a node hold it against everybody of no higher priority, as in
 *     RunFilterPluginsWithNominatedPods.
 *  B4 No device plugin and no kubelet says which devices are held through ResourceClaims (DRA, KEP-4381), nor does the pod:
 *     class and number are in the claim, which the operator does not read. So a node with a bound pod that claims devices
 *     counts as full for every accelerator, and as it is for all else. Extended resources that DRA serves (KEP-5004) are in
 *     no node's allocatable: nodes have none of them here, although a scheduler that has that gate may place more.
 */
import { type Account, type Columns, type LedgerPod, podColumn } from './account.js';
import { fits, type Placement } from './placement.js';
import { type Amounts, wholeUnits } from './resources.js';

/** What one more pod asks for. Callers keep the object for pods that are alike: known needs are found without reading them. */
export interface PodNeeds extends Placement {
  readonly requests: Amounts;
  /** Absent: below everybody's. */
  readonly priority?: number;
}

export interface Draft {
  /** Places one more pod. @returns its node; null when none would hold it */
  readonly place: (needs: PodNeeds) => string | null;
  /** Takes back one that was placed on this draft. */
  readonly release: (needs: PodNeeds, node: string) => void;
  /** How many more pods with these needs would find a place, counted no further than `most`; places none. */
  readonly room: (needs: PodNeeds, most: number) => number;
}

/** Needs that are alike. */
interface Kind {
  readonly columns: readonly number[];
  /** Of each column, above 0; Infinity for what no node has. */
  readonly amounts: readonly number[];
  readonly priority: number;
  readonly takes: (node: number) => boolean;
  /** The first node that may have room (B2). */
  next: number;
}

/** A place kept on a node (B3). */
interface Kept {
  readonly priority: number;
  readonly amounts: readonly number[];
}

/**
 * @param accounts with facts, by name
 * @param without bound or nominated pods that count as gone
 */
export function draftOf(
  accounts: readonly Account[],
  columns: Columns,
  without: ReadonlySet<LedgerPod>,
  indexOf: (node: string) => number | undefined,
): Draft {
  const width = columns.count;
  const free = freeAmounts(accounts, columns, without, indexOf);
  const kept = keptPlaces(accounts, columns, without);
  const placements = new Map<string, Kind['takes']>();
  const kinds = new Map<string, Kind>();
  const kindsByNeeds = new WeakMap<PodNeeds, Kind>();

  const kindOf = (needs: PodNeeds): Kind => {
    const known = kindsByNeeds.get(needs);
    if (known !== undefined) return known;
    const { nodeSelector, requiredTerms, tolerations, requests, priority = -Infinity } = needs;
    const place = JSON.stringify([nodeSelector, requiredTerms, tolerations]);
    const asked = Object.entries(wholeUnits(requests)).filter(([, amount]) => amount > 0);
    const signature = JSON.stringify([place, String(priority), asked.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    const like = kinds.get(signature) ?? newKind(place, needs, asked, priority);
    kinds.set(signature, like);
    kindsByNeeds.set(needs, like);
    return like;
  };

  const newKind = (
    place: string,
    needs: PodNeeds,
    asked: readonly (readonly [string, number])[],
    priority: number,
  ): Kind => {
    const takes = placements.get(place) ?? takesOnce(needs, accounts);
    placements.set(place, takes);
    const columnOf = (resource: string): number | undefined => {
      const column = columns.find(resource);
      return column !== undefined && column < width ? column : undefined;
    };
    return {
      columns: [podColumn, ...asked.map(([resource]) => columnOf(resource) ?? podColumn)],
      amounts: [1_000, ...asked.map(([resource, amount]) => (columnOf(resource) === undefined ? Infinity : amount))],
      priority,
      takes,
      next: 0,
    };
  };

  const seatsOn = (kind: Kind, node: number): number => {
    let seats = Infinity;
    for (let at = 0; at < kind.columns.length && seats > 0; at++) {
      const column = kind.columns[at] ?? podColumn;
      let left = free[node * width + column] ?? 0;
      for (const { priority, amounts } of kept.get(node) ?? [])
        if (priority >= kind.priority) left -= amounts[column] ?? 0;
      seats = Math.min(seats, Math.floor(left / (kind.amounts[at] ?? Infinity)));
    }
    return seats > 0 && kind.takes(node) ? seats : 0;
  };

  const take = (kind: Kind, node: number, times: 1 | -1): void => {
    for (const [at, column] of kind.columns.entries()) {
      const cell = node * width + column;
      free[cell] = (free[cell] ?? 0) - times * (kind.amounts[at] ?? 0);
    }
  };

  return {
    place(needs) {
      const kind = kindOf(needs);
      while (kind.next < accounts.length && seatsOn(kind, kind.next) === 0) kind.next++;
      const account = accounts[kind.next];
      if (account === undefined) return null;
      take(kind, kind.next, 1);
      return account.name;
    },
    release(needs, name) {
      const node = indexOf(name);
      if (node === undefined) return;
      take(kindOf(needs), node, -1);
      for (const kind of kinds.values()) kind.next = Math.min(kind.next, node);
    },
    room(needs, most) {
      const kind = kindOf(needs);
      let room = 0;
      for (let node = kind.next; node < accounts.length && room < most; node++) room += seatsOn(kind, node);
      return Math.min(room, most);
    },
  };
}

/** Thousandths by node and column; below 0 where a node is overdrawn. */
function freeAmounts(
  accounts: readonly Account[],
  columns: Columns,
  without: ReadonlySet<LedgerPod>,
  indexOf: (node: string) => number | undefined,
): Float64Array {
  const width = columns.count;
  const free = new Float64Array(accounts.length * width);
  const claimants = new Int32Array(accounts.length);
  for (const [node, account] of accounts.entries()) {
    const { allocatable, used } = account;
    for (let column = 0; column < width; column++) {
      free[node * width + column] = (allocatable[column] ?? 0) - (used[column] ?? 0);
    }
    claimants[node] = account.claimants;
  }
  for (const pod of without) {
    const node = pod.node === null ? undefined : indexOf(pod.node);
    if (node === undefined) continue;
    const add = (column: number, amount: number): void => {
      free[node * width + column] = (free[node * width + column] ?? 0) + amount;
    };
    for (const [resource, amount] of Object.entries(pod.requests)) add(columns.of(resource), amount);
    add(podColumn, 1_000);
    if (pod.claimsDevices) claimants[node] = (claimants[node] ?? 0) - 1;
  }
  for (const [node, count] of claimants.entries()) {
    if (count === 0) continue;
    // B4.
    for (const column of columns.accelerators) {
      free[node * width + column] = Math.min(0, free[node * width + column] ?? 0);
    }
  }
  return free;
}

/** By node, where there are any. */
function keptPlaces(
  accounts: readonly Account[],
  columns: Columns,
  without: ReadonlySet<LedgerPod>,
): ReadonlyMap<number, readonly Kept[]> {
  const kept = new Map<number, Kept[]>();
  for (const [node, { nominated }] of accounts.entries()) {
    if (nominated.size === 0) continue;
    const staying = [...nominated].filter((pod) => !without.has(pod));
    if (staying.length > 0)
      kept.set(
        node,
        staying.map((pod) => keptFor(pod, columns)),
      );
  }
  return kept;
}

function keptFor({ priority, requests, claimsDevices }: LedgerPod, columns: Columns): Kept {
  const amounts: number[] = [];
  for (const [resource, amount] of Object.entries(requests)) amounts[columns.of(resource)] = amount;
  amounts[podColumn] = 1_000;
  // B4, for the pod that is to come.
  if (claimsDevices) for (const column of columns.accelerators) amounts[column] = Infinity;
  return { priority, amounts };
}

/** Whether a node would take such pods, resources aside; each node is judged once. */
function takesOnce(placement: Placement, accounts: readonly Account[]): Kind['takes'] {
  const unknown = 0;
  const yes = 1;
  const no = 2;
  const known = new Uint8Array(accounts.length);
  return (node) => {
    if (known[node] === unknown) {
      const facts = accounts[node]?.facts ?? null;
      known[node] = facts !== null && fits(placement, facts) ? yes : no;
    }
    return known[node] === yes;
  };
}
