/**
 * The account of all slots of the cluster (DESIGN §5.2): what each node has, what the pods on it take, and so how many
 * more pods of a kind it would hold. Kept up to date pod by pod; the same facts in any order give the same account.
 *
 * Invariants:
 *  K1 A pod takes its share until it is really gone: while it is terminating, too (DESIGN I5).
 *  K2 A pod that ended by itself takes nothing.
 */
import { jsonEqual } from '../../lib/json-equal.js';

import { fits, type NodeFacts, type Placement } from './placement.js';
import { type Amounts, largest, sum } from './resources.js';

export interface LedgerNode extends NodeFacts {
  readonly allocatable: Amounts;
}

export interface LedgerPod {
  readonly uid: string;
  /** null until it is bound. */
  readonly node: string | null;
  /** Succeeded or Failed. */
  readonly ended: boolean;
  readonly requests: Amounts;
}

/** What one more pod asks for. */
export interface PodNeeds extends Placement {
  readonly requests: Amounts;
}

interface Account {
  facts: LedgerNode | null;
  used: Amounts;
}

const podSlots = 'pods';
const onePod: Amounts = { [podSlots]: 1_000 };

export class Ledger {
  readonly #accounts = new Map<string, Account>();
  /** What each pod was booked with, so that exactly that is taken off again. */
  readonly #booked = new Map<string, { readonly node: string; readonly amounts: Amounts }>();

  /** The most that any node has of each resource; null = to be found again. */
  #largest: Amounts | null = null;

  setNode(node: LedgerNode): void {
    const account = this.#account(node.name);
    if (!jsonEqual(account.facts?.allocatable, node.allocatable)) this.#largest = null;
    account.facts = node;
  }

  removeNode(name: string): void {
    const account = this.#accounts.get(name);
    if (account === undefined) return;
    account.facts = null;
    this.#largest = null;
    this.#forgetIfEmpty(name, account);
  }

  setPod({ uid, node, ended, requests }: LedgerPod): void {
    this.removePod(uid);
    if (node === null || ended) return;
    const amounts = sum(requests, onePod);
    const account = this.#account(node);
    account.used = sum(account.used, amounts);
    this.#booked.set(uid, { node, amounts });
  }

  removePod(uid: string): void {
    const booked = this.#booked.get(uid);
    if (booked === undefined) return;
    this.#booked.delete(uid);
    const account = this.#account(booked.node);
    account.used = sum(account.used, negated(booked.amounts));
    this.#forgetIfEmpty(booked.node, account);
  }

  /** How many more pods with these needs the nodes would hold now, counted no further than `most`. */
  room(needs: PodNeeds, most: number): number {
    const wanted = Object.entries(sum(needs.requests, onePod)).filter(([, amount]) => amount > 0);
    let room = 0;
    for (const { facts, used } of this.#accounts.values()) {
      if (room >= most) return most;
      if (facts === null || !fits(needs, facts)) continue;
      const here = wanted.map(([name, amount]) =>
        Math.floor(((facts.allocatable[name] ?? 0) - (used[name] ?? 0)) / amount),
      );
      room += Math.max(0, Math.min(...here));
    }
    return Math.min(room, most);
  }

  /** Whether any node has as much, were it empty. */
  couldHold(requests: Amounts): boolean {
    this.#largest ??= [...this.#accounts.values()].map(({ facts }) => facts?.allocatable ?? {}).reduce(largest, {});
    return Object.entries(requests).every(([name, amount]) => amount <= (this.#largest?.[name] ?? 0));
  }

  #account(node: string): Account {
    const known = this.#accounts.get(node);
    if (known !== undefined) return known;
    const account: Account = { facts: null, used: {} };
    this.#accounts.set(node, account);
    return account;
  }

  #forgetIfEmpty(name: string, { facts, used }: Account): void {
    if (facts === null && Object.values(used).every((amount) => amount === 0)) this.#accounts.delete(name);
  }
}

function negated(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, -amount]));
}
