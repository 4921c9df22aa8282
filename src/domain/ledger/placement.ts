/**
 * A draft of the account, on which placements are tried: what the nodes have free. Nothing done on it changes the ledger.
 *
 * Invariants:
 *  B1 The same account gives the same answers, in whatever order nodes and pods were told: nodes are tried by name.
 *  B2 Placing takes constant time over many: room only shrinks, so a node that was too full for needs like these is not
 *     looked at again, and one that has too few accelerators left for one kind is passed over by all that ask for as many.
 *     A release is rare, and forgets what was passed over.
 *  B3 Pods for which the scheduler keeps a place on a node hold it against everybody of no higher priority, as in
 *     RunFilterPluginsWithNominatedPods.
 */
import { type Account, type Columns, leftOf, type LedgerPod, podColumn } from './node-usage.js';
import { close, firstOpen, openNodes, type OpenNodes } from './open-nodes.js';
import { judgeOf, type NodeFacts, type Placement } from './constraints.js';
import { type Amounts, wholeUnits } from './resources.js';

/** What one more pod asks for. Callers keep the object for pods that are alike: known needs are found without reading them. */
export interface PodNeeds extends Placement {
  readonly requests: Amounts;
  /** Absent: below everybody's. */
  readonly priority?: number;
}

export interface Draft {
  /** Books one more pod. @returns its node; null when none would hold it */
  readonly place: (needs: PodNeeds) => string | null;
  /** Books a pod on a node. @returns false, and books nothing, when it may not run there or has no room */
  readonly placeOn: (node: string, needs: PodNeeds) => boolean;
  /** Books a pod on a node, room or not: it is there. */
  readonly take: (node: string, needs: PodNeeds) => void;
  /** Takes a booked pod off. */
  readonly release: (node: string, needs: PodNeeds) => void;
  /** A copy that goes its own way. */
  readonly fork: () => Draft;
}

/** Needs that are alike. */
interface Kind {
  /** Where a draft keeps what it knows of this kind. */
  readonly index: number;
  readonly columns: readonly number[];
  /** Of each column, above 0; Infinity for what no node has. */
  readonly amounts: readonly number[];
  readonly priority: number;
  readonly place: Place;
  /** What it asks for of accelerators; null = none. */
  readonly devices: Devices | null;
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
  readonly index: number;
  readonly column: number;
  readonly amount: number;
}

/** A place kept on a node (B3). */
interface Kept {
  readonly priority: number;
  readonly amounts: readonly number[];
}

/** What does not depend on what is booked: one draft and its forks share it. */
interface Ground {
  readonly accounts: readonly Account[];
  /** Columns that were known when the draft was made. */
  readonly width: number;
  readonly kept: readonly (readonly Kept[] | undefined)[];
  readonly indexOf: (node: string) => number | undefined;
  readonly kindOf: (needs: PodNeeds) => Kind;
}

/** @param accounts with facts, by name */
export function draftOf(
  accounts: readonly Account[],
  columns: Columns,
  indexOf: (node: string) => number | undefined,
): Draft {
  const width = columns.count;
  const free = freeAmounts(accounts, columns);
  const kept = keptPlaces(accounts, columns);
  return openDraft({ accounts, width, kept, indexOf, kindOf: kindsOf(accounts.length, columns, width) }, free);
}

/** Knows needs again: by the object, or else by what they ask for. */
function kindsOf(nodes: number, columns: Columns, width: number): Ground['kindOf'] {
  const places = new Map<string, Place>();
  const devices = new Map<string, Devices>();
  const kinds = new Map<string, Kind>();
  const byNeeds = new WeakMap<PodNeeds, Kind>();

  const placeOf = (signature: string, needs: PodNeeds): Place => {
    const fresh = (): Place => ({ judge: judgeOf(needs), taking: new Uint8Array(nodes), open: openNodes(nodes) });
    const place = places.get(signature) ?? fresh();
    places.set(signature, place);
    return place;
  };

  const devicesOf = (column: number, amount: number): Devices => {
    const signature = `${String(column)} ${String(amount)}`;
    const asked = devices.get(signature) ?? { index: devices.size, column, amount };
    devices.set(signature, asked);
    return asked;
  };

  const newKind = (
    place: string,
    needs: PodNeeds,
    asked: readonly (readonly [string, number])[],
    priority: number,
  ): Kind => {
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
      place: placeOf(place, needs),
      devices: accelerator === undefined ? null : devicesOf(accelerator.column, accelerator.amount),
    };
  };

  return (needs) => {
    const known = byNeeds.get(needs);
    if (known !== undefined) return known;
    const { nodeSelector, requiredTerms, tolerations, requests, priority = -Infinity } = needs;
    const place = JSON.stringify([nodeSelector, requiredTerms, tolerations]);
    const asked = Object.entries(wholeUnits(requests)).filter(([, amount]) => amount > 0);
    const signature = JSON.stringify([place, String(priority), asked.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    const like = kinds.get(signature) ?? newKind(place, needs, asked, priority);
    kinds.set(signature, like);
    byNeeds.set(needs, like);
    return like;
  };
}

/** @param free by node and column; the draft's own from now on */
function openDraft(ground: Ground, free: Float64Array): Draft {
  const { accounts, width, kept, indexOf, kindOf } = ground;
  /** By kind: the first node that may have room (B2). */
  const next: number[] = [];
  /** By number of accelerators: without nodes that have fewer left. */
  const enough: OpenNodes[] = [];
  /** The first node of which something was taken off since: whatever was passed over is forgotten at the next question. */
  let freed = Infinity;
  const reopen = (): void => {
    if (freed === Infinity) return;
    for (const kind of next.keys()) next[kind] = Math.min(next[kind] ?? 0, freed);
    enough.length = 0;
    freed = Infinity;
  };

  const takes = ({ judge, taking }: Place, node: number): boolean => {
    if (taking[node] === 1) return true;
    const facts = accounts[node]?.facts ?? null;
    if (facts === null || !judge(facts)) return false;
    taking[node] = 1;
    return true;
  };

  /** The first node at or behind this one that takes such pods, and that may have enough accelerators. */
  const candidate = ({ place, devices }: Kind, from: number): number => {
    const having = devices === null ? null : (enough[devices.index] ??= openNodes(accounts.length));
    let node = from;
    while (node < accounts.length) {
      const open = firstOpen(place.open, having === null ? node : firstOpen(having, node));
      if (open !== node) {
        node = open;
      } else if (having !== null && devices !== null && (free[node * width + devices.column] ?? 0) < devices.amount) {
        close(having, node);
      } else if (takes(place, node)) {
        return node;
      } else {
        close(place.open, node);
      }
    }
    return node;
  };

  const hasRoom = (kind: Kind, node: number): boolean => {
    const keptHere = kept[node];
    for (let at = 0; at < kind.columns.length; at++) {
      const column = kind.columns[at] ?? podColumn;
      let left = free[node * width + column] ?? 0;
      if (keptHere !== undefined) left -= keptAgainst(keptHere, kind.priority, column);
      if (left < (kind.amounts[at] ?? Infinity)) return false;
    }
    return true;
  };

  const book = (kind: Kind, node: number, times: 1 | -1): void => {
    for (let at = 0; at < kind.columns.length; at++) {
      const amount = kind.amounts[at] ?? 0;
      const cell = node * width + (kind.columns[at] ?? podColumn);
      // What no node has cannot be taken of one.
      if (amount !== Infinity) free[cell] = (free[cell] ?? 0) - times * amount;
    }
  };

  return {
    place(needs) {
      reopen();
      const kind = kindOf(needs);
      let node = candidate(kind, next[kind.index] ?? 0);
      while (node < accounts.length && !hasRoom(kind, node)) node = candidate(kind, node + 1);
      next[kind.index] = node;
      const account = accounts[node];
      if (account === undefined) return null;
      book(kind, node, 1);
      return account.name;
    },
    placeOn(name, needs) {
      const kind = kindOf(needs);
      const node = indexOf(name);
      if (node === undefined || !takes(kind.place, node) || !hasRoom(kind, node)) return false;
      book(kind, node, 1);
      return true;
    },
    take(name, needs) {
      const node = indexOf(name);
      if (node !== undefined) book(kindOf(needs), node, 1);
    },
    release(name, needs) {
      const node = indexOf(name);
      if (node === undefined) return;
      book(kindOf(needs), node, -1);
      freed = Math.min(freed, node);
    },
    fork: () => openDraft(ground, free.slice()),
  };
}

/** Thousandths by node and column; below 0 where a node is overdrawn. */
function freeAmounts(accounts: readonly Account[], columns: Columns): Float64Array {
  const width = columns.count;
  const free = new Float64Array(accounts.length * width);
  for (const [node, account] of accounts.entries()) {
    for (let column = 0; column < width; column++) free[node * width + column] = leftOf(account, column, columns);
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
function keptPlaces(accounts: readonly Account[], columns: Columns): readonly (readonly Kept[] | undefined)[] {
  const kept: Kept[][] = [];
  for (const [node, { nominated }] of accounts.entries()) {
    if (nominated.size > 0) kept[node] = Array.from(nominated, (pod) => keptFor(pod, columns));
  }
  return kept;
}

function keptFor({ priority, requests, claimsDevices }: LedgerPod, columns: Columns): Kept {
  const amounts: number[] = [];
  for (const [resource, amount] of Object.entries(requests)) amounts[columns.of(resource)] = amount;
  amounts[podColumn] = 1_000;
  // N1 of the account, for the pod that is to come.
  if (claimsDevices) for (const column of columns.accelerators) amounts[column] = Infinity;
  return { priority, amounts };
}
