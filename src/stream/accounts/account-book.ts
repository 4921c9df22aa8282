/**
 * The namespaces' accounts on the NATS server: reads them and brings them to the wanted state, through a user of
 * the system account (docs/adr/0014).
 *
 * Invariants:
 *  account-book/B1 The server is the memory: revoked users are read from the account's own JWT, kept in every later
 *     one, and bounded.
 *  account-book/B2 One change of an account at a time: no change starts from a state that another is replacing.
 *  account-book/B3 Nothing is changed by a process that may not act.
 */
import { Turns } from '@distillery/base';

import {
  type AccountLimits,
  accountJwt,
  type AccountState,
  isAsWanted,
  isClosed,
  type Keyring,
  namespaceOf,
  workersOf,
} from './accounts.js';
import { AccountRequests, type SystemRequests } from './account-requests.js';

export interface AccountBookOptions {
  readonly system: SystemRequests;
  readonly keyring: Keyring;
  readonly limitsOf: (namespace: string) => AccountLimits;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** account-book/B3. */
  readonly mayAct: () => boolean;
}

/** Users of a namespace that stay revoked: those of the 256 jobs that were deleted last. About 70 bytes each. */
const mostRevoked = 768;
/** Accounts compared at a time when the server is back. */
const mostComparisons = 32;
/** Users count as issued when their job was created, by the API server's clock; ours may be behind it. */
const clockSkewSeconds = 24 * 3_600;

interface Page {
  state: AccountState;
  /** Users to revoke, even if the server does not list them as revoked yet. */
  readonly revoking: Map<string, number>;
  /** Users to readmit: their job was restored from a backup of the API server's store. */
  readonly readmitting: Set<string>;
  /** Revoked users at the last request to the server; null = before the first. */
  revoked: ReadonlySet<string> | null;
  /** False while the server has not confirmed the last requested change. */
  isSettled: boolean;
  /** account-book/B2. */
  last: Promise<unknown>;
}

export class AccountBook {
  readonly #options: AccountBookOptions;
  readonly #requests: AccountRequests;
  readonly #pages = new Map<string, Page>();
  /** Public keys of accounts on the server that are not ours, or closed: `openAccounts` does not read them again. */
  readonly #passedOver = new Set<string>();

  constructor(options: AccountBookOptions) {
    this.#options = options;
    this.#requests = new AccountRequests(options.system, options.mayAct);
  }

  /**
   * Sees that the server knows the account as it should be.
   * @returns Pushed when it had to be changed
   * @throws StreamError
   */
  async open(namespace: string): Promise<'Known' | 'Pushed'> {
    return this.#settle(namespace, 'Open');
  }

  /** Locks all users out, for a namespace without jobs, and forgets it. @throws StreamError */
  async close(namespace: string): Promise<void> {
    await this.#settle(namespace, 'Closed');
    // A job may have been created in the meantime.
    if (this.#pages.get(namespace)?.state === 'Closed') this.#pages.delete(namespace);
  }

  /**
   * Namespaces whose account is open on the server: jobs may have been deleted while no operator ran. Only
   * accounts whose keys follow from our secrets.
   * @throws StreamError
   */
  async openAccounts(): Promise<string[]> {
    const listed = await this.#requests.list();
    const turns = new Turns(mostComparisons);
    const unknown = listed.filter((account) => !this.#passedOver.has(account));
    const namespaces = await Promise.all(unknown.map((account) => turns.run(() => this.#openNamespaceOf(account))));
    return namespaces.filter((namespace) => namespace !== null);
  }

  async #openNamespaceOf(account: string): Promise<string | null> {
    const found = await this.#requests.find(`NATS account ${account}`, account);
    // Deleted in the meantime.
    if (found === null) return null;
    const namespace = namespaceOf(found);
    const isOurs = namespace !== null && this.#options.keyring.keysOf(namespace).account === account;
    if (isOurs && !isClosed(found)) return namespace;
    this.#passedOver.add(account);
    return null;
  }

  /** Forgets an open account that this process no longer uses, unless a change of it is still pending. */
  leave(namespace: string): void {
    const page = this.#pages.get(namespace);
    if (page?.state === 'Open' && page.revoking.size === 0 && page.readmitting.size === 0) {
      this.#pages.delete(namespace);
    }
  }

  /** Revokes the users of a job: the server closes their connections and refuses new ones. @throws StreamError */
  async revoke(namespace: string, uid: string): Promise<void> {
    const page = this.#pageOf(namespace);
    const users = workersOf(this.#options.keyring.keysOf(namespace), uid);
    if (users.every((user) => page.revoked?.has(user) === true)) return;
    const until = Math.floor(this.#options.nowMs() / 1_000) + clockSkewSeconds;
    for (const user of users) {
      page.revoking.set(user, until);
      page.readmitting.delete(user);
    }
    await this.#settle(namespace, page.state);
  }

  /** Undoes `revoke`. @throws StreamError */
  async readmit(namespace: string, uid: string): Promise<void> {
    const page = this.#pageOf(namespace);
    const users = workersOf(this.#options.keyring.keysOf(namespace), uid);
    const { revoked, revoking } = page;
    if (revoked !== null && !users.some((user) => revoked.has(user) || revoking.has(user))) return;
    for (const user of users) {
      page.readmitting.add(user);
      revoking.delete(user);
    }
    // No change is known to be needed: the job continues, and the first comparison readmits its users.
    if (revoked === null) return;
    await this.#settle(namespace, page.state);
  }

  /** Compares every account that is open or not yet closed; an account whose comparison fails stays unsettled. */
  async compareAll(): Promise<void> {
    await this.#compareEach([...this.#pages.keys()]);
  }

  /** Whether a change failed: an account that should be closed, or a user that should be revoked. */
  get isSettled(): boolean {
    return [...this.#pages.values()].every((page) => page.isSettled);
  }

  /** Repeats failed changes. */
  async settleRest(): Promise<void> {
    await this.#compareEach([...this.#pages].flatMap(([namespace, page]) => (page.isSettled ? [] : [namespace])));
  }

  async #compareEach(namespaces: readonly string[]): Promise<void> {
    const turns = new Turns(mostComparisons);
    const compare = async (namespace: string): Promise<void> => {
      // Read at its turn: a job may have been created or deleted while others were compared.
      const state = this.#pages.get(namespace)?.state;
      if (state === 'Open') await this.#settle(namespace, state);
      else if (state === 'Closed') await this.close(namespace);
    };
    await Promise.allSettled(namespaces.map((namespace) => turns.run(() => compare(namespace))));
  }

  #pageOf(namespace: string): Page {
    const page = this.#pages.get(namespace) ?? {
      state: 'Open',
      revoking: new Map<string, number>(),
      readmitting: new Set<string>(),
      revoked: null,
      isSettled: true,
      last: Promise.resolve(),
    };
    this.#pages.set(namespace, page);
    return page;
  }

  async #settle(namespace: string, state: AccountState): Promise<'Known' | 'Pushed'> {
    const page = this.#pageOf(namespace);
    page.state = state;
    page.isSettled = false;
    this.#passedOver.delete(this.#options.keyring.keysOf(namespace).account);
    const turn = page.last.then(() => this.#compare(namespace, page));
    // The next turn follows also on a failure.
    page.last = turn.catch(() => undefined);
    return turn;
  }

  async #compare(namespace: string, page: Page): Promise<'Known' | 'Pushed'> {
    const { keyring, limitsOf, nowMs } = this.#options;
    const keys = keyring.keysOf(namespace);
    const what = `NATS account of namespace ${namespace}`;
    const found = await this.#requests.find(what, keys.account);
    // A copy: further changes may be requested while the server handles this one.
    const { state } = page;
    const revoking = new Map(page.revoking);
    const readmitting = new Set(page.readmitting);
    const remembered = [...(found?.revoked ?? [])].filter(([user]) => !revoking.has(user) && !readmitting.has(user));
    const revoked = new Map([...remembered, ...revoking].slice(-mostRevoked));
    const wanted = { namespace, keys, operator: keyring.operator, state, limits: limitsOf(namespace), revoked };
    const asWanted = isAsWanted(found, wanted);
    if (!asWanted) await this.#requests.push(what, accountJwt(wanted, found, nowMs()));
    // The server remembers them now (account-book/B1).
    page.revoked = new Set(revoked.keys());
    for (const user of revoking.keys()) page.revoking.delete(user);
    for (const user of readmitting) page.readmitting.delete(user);
    // Further changes may have been requested in the meantime; their own turn follows.
    page.isSettled = page.state === state && page.revoking.size === 0 && page.readmitting.size === 0;
    return asWanted ? 'Known' : 'Pushed';
  }
}
