/**
 * A draft of the account, on which placements are tried: what the nodes have free, some pods left out. Nothing done on it
 * changes the ledger.
 *
 * Invariants:
 *  B1 The same account gives the same answers, in whatever order nodes and pods were told: nodes are tried by name.
 *  B2 Placing takes constant time over many: room only shrinks, so a node that was too full for needs like these is not
 *     looked at again, and one that has too few accelerators left for one kind is passed over by all that ask for as many.
 *     A release is rare, and forgets what was passed over.
 *  B3 Pods for which the scheduler keeps a place on a node hold it against everybody of no higher priority, as in
 *     RunFilterPluginsWithNominatedPods.
 *  B4 No device plugin and no kubelet says which devices are held through ResourceClaims (DRA, KEP-4381), nor does the pod:
 *     class and number are in the claim, which the operator does not read. So a node with a bound pod that claims devices
 *     counts as full for every accelerator, and as it is for all else. Extended resources that DRA serves (KEP-5004) are in
 *     no node's allocatable: nodes have none of them here, although a scheduler that has that gate may place more.
 */
import { type Account, type Columns, type LedgerPod, podColumn } from './account.js';
import { close, firstOpen, openAll, openNodes, type OpenNodes } from './open-nodes.js';
import { judgeOf, type NodeFacts, type Placement } from './placement.js';
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
  readonly place: Place;
  /** What it asks for of accelerators; null = none. */
  readonly devices: Devices | null;
  /** The first node that may have room (B2). */
  next: number;
}

/** Shared by the kinds that may go to the same nodes. */
interface Place {
  readonly judge: (node: NodeFacts) => boolean;
  /** Nodes that were judged to take such pods, resources aside. */
  readonly taking: Uint8Array;
  /** Without nodes that do not take them. */
  readonly open: OpenNodes;
}

/** Shared by the kinds that ask for as many accelerators. */
interface Devices {
  readonly column: number;
  readonly amount: number;
  /** Without nodes that have fewer left. */
  readonly open: OpenNodes;
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
  const places = new Map<string, Place>();
  const devices = new Map<string, Devices>();
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
    const columnOf = (resource: string): number | undefined => {
      const column = columns.find(resource);
      return column !== undefined && column < width ? column : undefined;
    };
    const wanted = asked.map(([resource, amount]) => {
      const column = columnOf(resource);
      return column === undefined ? { column: podColumn, amount: Infinity } : { column, amount };
    });
    const accelerator = wanted.find(({ column }) => columns.accelerators.includes(column));
    return {
      columns: [podColumn, ...wanted.map(({ column }) => column)],
      amounts: [1_000, ...wanted.map(({ amount }) => amount)],
      priority,
      place: placeOf(place, needs),
      devices: accelerator === undefined ? null : devicesOf(accelerator.column, accelerator.amount),
      next: 0,
    };
  };

  const placeOf = (signature: string, needs: PodNeeds): Place => {
    const fresh = (): Place => ({
      judge: judgeOf(needs),
      taking: new Uint8Array(accounts.length),
      open: openNodes(accounts.length),
    });
    const place = places.get(signature) ?? fresh();
    places.set(signature, place);
    return place;
  };

  const devicesOf = (column: number, amount: number): Devices => {
    const signature = `${String(column)} ${String(amount)}`;
    const asked = devices.get(signature) ?? { column, amount, open: openNodes(accounts.length) };
    devices.set(signature, asked);
    return asked;
  };

  const takes = ({ judge, taking }: Place, node: number): boolean => {
    if (taking[node] === 1) return true;
    const facts = accounts[node]?.facts ?? null;
    if (facts === null || !judge(facts)) return false;
    taking[node] = 1;
    return true;
  };

  /** The first node at or behind this one that takes such pods, and that may have enough accelerators. */
  const candidate = ({ place, devices: wanted }: Kind, from: number): number => {
    let node = from;
    while (node < accounts.length) {
      const open = firstOpen(place.open, wanted === null ? node : firstOpen(wanted.open, node));
      if (open !== node) {
        node = open;
      } else if (wanted !== null && (free[node * width + wanted.column] ?? 0) < wanted.amount) {
        close(wanted.open, node);
      } else if (takes(place, node)) {
        return node;
      } else {
        close(place.open, node);
      }
    }
    return node;
  };

  const seatsOn = (kind: Kind, node: number): number => {
    const keptHere = kept[node];
    let seats = Infinity;
    for (let at = 0; at < kind.columns.length; at++) {
      const column = kind.columns[at] ?? podColumn;
      const amount = kind.amounts[at] ?? Infinity;
      let left = free[node * width + column] ?? 0;
      if (keptHere !== undefined) left -= keptAgainst(keptHere, kind.priority, column);
      if (left < amount) return 0;
      seats = Math.min(seats, Math.floor(left / amount));
    }
    return seats;
  };

  const take = (kind: Kind, node: number, times: 1 | -1): void => {
    for (let at = 0; at < kind.columns.length; at++) {
      const cell = node * width + (kind.columns[at] ?? podColumn);
      free[cell] = (free[cell] ?? 0) - times * (kind.amounts[at] ?? 0);
    }
  };

  return {
    place(needs) {
      const kind = kindOf(needs);
      kind.next = candidate(kind, kind.next);
      while (kind.next < accounts.length && seatsOn(kind, kind.next) === 0) kind.next = candidate(kind, kind.next + 1);
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
      for (const { open } of devices.values()) openAll(open);
    },
    room(needs, most) {
      const kind = kindOf(needs);
      let room = 0;
      for (
        let node = candidate(kind, kind.next);
        node < accounts.length && room < most;
        node = candidate(kind, node + 1)
      ) {
        room += seatsOn(kind, node);
      }
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
    for (const resource in pod.requests) add(columns.of(resource), pod.requests[resource] ?? 0);
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

/** What is kept of one resource against pods of this priority (B3). */
function keptAgainst(places: readonly Kept[], own: number, column: number): number {
  let sum = 0;
  for (const { priority, amounts } of places) if (priority >= own) sum += amounts[column] ?? 0;
  return sum;
}

/** By node, where there are any. */
function keptPlaces(
  accounts: readonly Account[],
  columns: Columns,
  without: ReadonlySet<LedgerPod>,
): readonly (readonly Kept[] | undefined)[] {
  const kept: Kept[][] = [];
  for (const [node, { nominated }] of accounts.entries()) {
    if (nominated.size === 0) continue;
    const staying = [...nominated].filter((pod) => !without.has(pod));
    if (staying.length > 0) kept[node] = staying.map((pod) => keptFor(pod, columns));
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
