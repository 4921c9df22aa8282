/**
 * The account of all slots of the cluster (DESIGN §5.2): what each node has, what the pods on it take, and so where one more
 * would find room. Kept up to date pod by pod; the same facts in any order give the same account.
 *
 * Invariants:
 *  K1 A pod takes its share until it is really gone: while it is terminating, too (DESIGN I5).
 *  K2 A pod that ended by itself takes nothing.
 *  K3 Nothing is kept of nodes and pods that are gone.
 */
import {
  type Account,
  book,
  Columns,
  isEmpty,
  leftOf,
  type LedgerNode,
  type LedgerPod,
  openAccount,
  setAllocatable,
} from './node-usage.js';
import { isAccelerator } from './accelerators.js';
import { type Draft, draftOf } from './placement.js';

/** Nodes that are there, by name, and where each stands. */
interface Order {
  readonly accounts: readonly Account[];
  readonly indexes: ReadonlyMap<string, number>;
}

export class Ledger {
  readonly #columns: Columns;
  readonly #accounts = new Map<string, Account>();
  /** Each pod as it was booked, so that exactly that is taken off again. */
  readonly #booked = new Map<string, LedgerPod>();

  /** null = to be put in order again. */
  #order: Order | null = null;

  /** @param accelerators patterns of resource names (accelerators.ts); absent = the usual ones */
  constructor(accelerators?: readonly string[]) {
    this.#columns = new Columns((resource) => isAccelerator(resource, accelerators));
  }

  setNode(node: LedgerNode): void {
    const account = this.#account(node.name);
    if (account.facts === null) this.#order = null;
    account.facts = node;
    setAllocatable(account, node.allocatable, this.#columns);
  }

  removeNode(name: string): void {
    const account = this.#accounts.get(name);
    if (account === undefined) return;
    account.facts = null;
    this.#order = null;
    if (isEmpty(account)) this.#accounts.delete(name);
  }

  setPod(pod: LedgerPod): void {
    this.removePod(pod.uid);
    const place = pod.node ?? pod.nominated;
    if (place === null || pod.ended) return;
    const account = this.#account(place);
    if (pod.node === null) account.nominated.add(pod);
    else book(account, pod, 1, this.#columns);
    this.#booked.set(pod.uid, pod);
  }

  removePod(uid: string): void {
    const pod = this.#booked.get(uid);
    if (pod === undefined) return;
    this.#booked.delete(uid);
    const account = this.#account(pod.node ?? pod.nominated ?? '');
    if (pod.node === null) account.nominated.delete(pod);
    else book(account, pod, -1, this.#columns);
    if (isEmpty(account)) this.#accounts.delete(account.name);
  }

  /** The account as it is now, to try placements on. */
  draft(): Draft {
    const { accounts, indexes } = this.#inOrder();
    return draftOf(accounts, this.#columns, (node) => indexes.get(node));
  }

  /** Whole units of a resource that nodes have which take pods. */
  unitsOf(resource: string): number {
    const { accounts } = this.#inOrder();
    let units = 0;
    for (const { facts } of accounts) {
      if (facts?.takesPods === true) units += Math.floor((facts.allocatable[resource] ?? 0) / 1_000);
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
    for (const account of this.#inOrder().accounts) {
      if (account.facts?.takesPods !== true) continue;
      const left = leftOf(account, column, this.#columns) / 1_000;
      units += Math.max(0, Math.floor(left) + (given.get(account.name) ?? 0));
    }
    return units;
  }

  /** Units of a resource that pods hold on a node, rounded up. */
  unitsUsed(node: string, resource: string): number {
    const column = this.#columns.find(resource);
    const used = column === undefined ? undefined : this.#accounts.get(node)?.used[column];
    return Math.ceil((used ?? 0) / 1_000);
  }

  /** What it was told, as plain data. */
  facts(): { readonly nodes: readonly LedgerNode[]; readonly pods: readonly LedgerPod[] } {
    const nodes = this.#inOrder().accounts.flatMap(({ facts }) => facts ?? []);
    // Callers' pods may hold more than the account needs.
    const pods = [...this.#booked.values()].map(
      ({ uid, node, nominated, priority, ended, requests, claimsDevices }): LedgerPod => {
        return { uid, node, nominated, priority, ended, requests, claimsDevices };
      },
    );
    return { nodes, pods };
  }

  /** Accounts that are open: nodes, and nodes of which only pods are known yet. */
  get size(): number {
    return this.#accounts.size;
  }

  #inOrder(): Order {
    if (this.#order === null) {
      const accounts = [...this.#accounts.values()]
        .filter(({ facts }) => facts !== null)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      this.#order = { accounts, indexes: new Map(accounts.map(({ name }, index) => [name, index])) };
    }
    return this.#order;
  }

  #account(node: string): Account {
    const known = this.#accounts.get(node);
    if (known !== undefined) return known;
    const account = openAccount(node);
    this.#accounts.set(node, account);
    return account;
  }
}
