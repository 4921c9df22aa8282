/** One account per namespace, made as it is needed (docs/adr/0014). Invariants: homes.ts. */
import { setTimeout as sleep } from 'node:timers/promises';

import { Turns } from '@distillery/base';
import { type Certificates, firstDelayMs } from '@distillery/nats';
import type { NatsAccess, WorkerRole } from '@distillery/protocol';
import type { NatsConnection } from '@nats-io/transport-node';

import {
  AccountBook,
  type AccountLimits,
  accountUserCreds,
  askStorage,
  Keyring,
  type KeyringOptions,
  type ServerStorage,
} from '../accounts/index.js';
import { StreamAdmin } from '../job/index.js';
import { type AccessIssuer, credsIssuer, type JobIdentity, permissionsForOperator } from '../access/index.js';
import { accountSettings, StreamError, streamErrorFrom } from '../errors/index.js';
import {
  type AccountName,
  type AccountStorage,
  type JobRef,
  storageOf,
  type StreamHome,
  type SweptAccounts,
} from './homes.js';
import { type ConnectionEvent, type LinkOptions, OperatorLink, type StreamHealth } from '../link/index.js';

export interface NamespaceAccountsOptions {
  readonly url: string;
  readonly tls?: Certificates | undefined;
  /** As workers reach the server. */
  readonly workerUrl: string;
  /** Text of a .creds file of a user of the system account; read at every attempt. */
  readonly systemCreds: () => string;
  readonly keys: KeyringOptions;
  readonly limitsOf: (namespace: string) => AccountLimits;
  /** Seconds for which workers' credentials are valid (docs/adr/0056). */
  readonly credentialSeconds: number;
  readonly nowMs: () => number;
  /** False in a process that does not lead: it changes no account. */
  readonly mayAct: () => boolean;
  readonly hasJobs: (namespace: string) => boolean;
  /** A job's state changed. @param uid null = that of any job of the namespace may have */
  readonly onChange: (namespace: string, uid: string | null) => void;
  /** How long after a failed change of an account it is tried again; absent = 30 s. */
  readonly retryMs?: number;
  /** Namespaces with jobs that are served; absent = 1,024. */
  readonly mostNamespaces?: number;
  /** @param namespace null = the connection of the system account */
  readonly onStatus: (namespace: string | null, event: ConnectionEvent) => void;
}

interface Tenant {
  readonly link: OperatorLink;
  readonly admin: StreamAdmin;
  readonly issue: AccessIssuer;
}

/** Each is a connection of its own: about 100 KB here and a few more in the server. */
const usualMostNamespaces = 1_024;
/** Connections made at a time: a thousand at once take longer than servers wait for a login. */
const mostDials = 32;
const usualRetryMs = 30_000;
/** A server takes an account at once and passes it to the others of its cluster, which may need a moment. */
const spreadAttempts = 5;

export class NamespaceAccounts implements StreamHome {
  readonly #options: NamespaceAccountsOptions;
  readonly #keyring: Keyring;
  readonly #system: OperatorLink;
  readonly #book: AccountBook;
  readonly #tenants = new Map<string, Tenant>();
  readonly #dials = new Turns(mostDials);
  readonly #closing = new AbortController();
  /** False after a refusal, until the next connection: the server writes each into its log. */
  #mayAskServers = true;

  /** Opens the connection of the system account. @throws StreamError unauthorized when a seed is invalid */
  constructor(options: NamespaceAccountsOptions) {
    const { url, tls, systemCreds, limitsOf, nowMs, mayAct } = options;
    this.#options = options;
    this.#keyring = new Keyring(options.keys);
    this.#system = OperatorLink.open({
      url,
      tls,
      creds: systemCreds,
      onStatus: (event) => {
        options.onStatus(null, event);
        if (event.kind !== 'connected' && event.kind !== 'reconnected') return;
        // The credentials may be new.
        this.#mayAskServers = true;
        // The server may have lost accounts; without a push their users would wait without end.
        void this.#book.compareAll();
      },
    });
    this.#book = new AccountBook({ system: this.#system, keyring: this.#keyring, limitsOf, nowMs, mayAct });
    void this.#settleRest(options.retryMs ?? usualRetryMs);
  }

  get connected(): boolean {
    return this.#system.health.connected;
  }

  get health(): StreamHealth {
    if (!this.#system.health.connected) return this.#system.health;
    const reasons = [...this.#tenants.values()].flatMap(({ link: { health } }) =>
      health.connected ? [] : [health.reason],
    );
    const [first] = reasons;
    if (first === undefined) return { connected: true };
    return {
      connected: false,
      reason: `${String(reasons.length)} of ${String(this.#tenants.size)} accounts: ${first}`,
    };
  }

  get accounts(): { readonly connected: number; readonly unreachable: number } {
    const connected = [...this.#tenants.values()].filter(({ link }) => link.health.connected).length;
    return { connected, unreachable: this.#tenants.size - connected };
  }

  storage(): Promise<readonly AccountStorage[]> {
    return storageOf(new Map([...this.#tenants].map(([namespace, { admin }]) => [namespace, admin])));
  }

  async serverStorage(): Promise<readonly ServerStorage[]> {
    await this.#system.settled();
    if (!this.connected || !this.#mayAskServers) return [];
    try {
      return await askStorage(this.#system);
    } catch (error) {
      if (error instanceof StreamError && error.reason === 'unauthorized') {
        this.#mayAskServers = false;
        this.#options.onStatus(null, { kind: 'error', message: error.message });
      }
      return [];
    }
  }

  async adminOf(namespace: string): Promise<StreamAdmin> {
    const { link, admin } = this.#tenantOf(namespace);
    await link.settled();
    return admin;
  }

  access(role: WorkerRole, job: JobRef & JobIdentity): NatsAccess {
    return this.#tenantOf(job.namespace).issue(job, role);
  }

  async admit({ namespace, uid }: JobRef): Promise<void> {
    await this.#book.readmit(namespace, uid);
  }

  async accountsToSweep(): Promise<SweptAccounts> {
    const used = [...this.#tenants.keys()];
    try {
      const open = await this.#book.openAccounts();
      return { accounts: [...new Set([...used, ...open])], problem: null };
    } catch (error) {
      return { accounts: used, problem: streamErrorFrom(error, 'list the NATS accounts') };
    }
  }

  async visit<T>(account: AccountName, work: (admin: StreamAdmin) => Promise<T>): Promise<T> {
    if (account === null) throw new Error('there is no account of all namespaces here');
    const admin = await this.adminOf(account);
    try {
      return await work(admin);
    } finally {
      if (!this.#options.hasJobs(account)) await this.#disconnect(account);
    }
  }

  async closeAccount(namespace: string): Promise<void> {
    if (this.#tenants.has(namespace) || this.#options.hasJobs(namespace)) return;
    await this.#book.close(namespace);
  }

  /** Throws only in a process that does not lead: a job must not stay because the system account is away. */
  async dismiss({ namespace, uid }: JobRef): Promise<void> {
    try {
      await this.#book.revoke(namespace, uid);
    } catch (error) {
      if (!(error instanceof StreamError) || !this.#options.mayAct()) throw error;
      this.#options.onStatus(namespace, { kind: 'error', message: error.message });
    }
  }

  forget({ namespace, uid }: JobRef): void {
    if (!this.#tenants.has(namespace)) return;
    // A job that was let go without its streams was not dismissed. What fails now is tried again when NATS is back.
    const dismissed = this.#book.revoke(namespace, uid);
    void dismissed.catch(() => undefined).then(() => this.#leave(namespace));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const links = [this.#system, ...[...this.#tenants.values()].map(({ link }) => link)];
    this.#tenants.clear();
    await Promise.all(links.map((link) => link.close()));
  }

  /**
   * homes/H1, homes/H3: a close or a revocation that failed on a connection that stays, such as one whose answer came too late, is
   * tried again. Without this it would wait for the next reconnect.
   */
  async #settleRest(retryMs: number): Promise<void> {
    const { signal } = this.#closing;
    while (!this.#isClosed()) {
      await sleep(retryMs, undefined, { signal, ref: false }).catch(() => undefined);
      const mayTry = !this.#isClosed() && this.connected && this.#options.mayAct();
      if (mayTry && !this.#book.isSettled) await this.#book.settleRest();
    }
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** homes/H1. */
  async #leave(namespace: string): Promise<void> {
    const tenant = this.#tenants.get(namespace);
    if (tenant === undefined || this.#options.hasJobs(namespace)) return;
    const mayHoldStreams = await holdsStreams(tenant);
    // Meanwhile a job may have come, or a visit may have ended.
    if (this.#tenants.get(namespace) !== tenant || this.#options.hasJobs(namespace)) return;
    await this.#disconnect(namespace);
    if (mayHoldStreams || this.#tenants.has(namespace)) return;
    await this.#book.close(namespace).catch(() => undefined);
  }

  /** Ends our connection to an account that no job uses; the account stays as it is. */
  async #disconnect(namespace: string): Promise<void> {
    const tenant = this.#tenants.get(namespace);
    this.#tenants.delete(namespace);
    await tenant?.link.close();
    if (!this.#tenants.has(namespace)) this.#book.leave(namespace);
  }

  #tenantOf(namespace: string): Tenant {
    const known = this.#tenants.get(namespace);
    if (known !== undefined) return known;
    const { mostNamespaces = usualMostNamespaces } = this.#options;
    if (this.#tenants.size >= mostNamespaces) {
      throw new StreamError('unreachable', {
        about: `NATS account of namespace ${namespace}`,
        problem: `${String(mostNamespaces)} namespaces have jobs already`,
        remedy: 'delete jobs that are over, or install another operator for some namespaces',
      });
    }
    const tenant = this.#begin(namespace);
    this.#tenants.set(namespace, tenant);
    return tenant;
  }

  #begin(namespace: string): Tenant {
    const { url, tls, workerUrl, mayAct, onStatus, onChange, credentialSeconds: seconds, nowMs } = this.#options;
    const keys = this.#keyring.keysOf(namespace);
    const options: LinkOptions = {
      url,
      tls,
      creds: accountUserCreds(keys, 'operator', permissionsForOperator),
      onStatus: (event) => onStatus(namespace, event),
      through: (attempt) => this.#dials.run(() => this.#enter(namespace, attempt)),
    };
    const link = OperatorLink.open(options);
    const admin = new StreamAdmin(link, mayAct, accountSettings.perNamespace);
    admin.watchAll((uid) => onChange(namespace, uid));
    const { account, signer } = keys;
    const lifetime = { seconds, nowMs };
    return { link, admin, issue: credsIssuer({ url: workerUrl, signingSeed: signer.seed, account, lifetime }) };
  }

  /** Sees that the server knows the account, and connects to it. */
  async #enter(namespace: string, attempt: () => Promise<NatsConnection>): Promise<NatsConnection> {
    await this.#system.settled();
    // Its jobs may have gone while it waited for its turn; the account would stay open.
    if (!this.#tenants.has(namespace)) {
      throw new StreamError('unreachable', {
        about: `NATS account of namespace ${namespace}`,
        problem: 'the namespace has no jobs any more',
        remedy: '',
      });
    }
    const opened = await this.#book.open(namespace).catch((error: unknown) => error);
    for (let attempts = opened === 'Pushed' ? spreadAttempts : 1; ; attempts--) {
      try {
        // Also after a failure: an account that the server knows already can be used as it is.
        return await attempt();
      } catch (error) {
        if (opened instanceof Error) throw opened;
        if (!(error instanceof StreamError) || error.reason !== 'unauthorized') throw error;
        if (attempts <= 1) throw refusedAccount(namespace, error);
      }
      await sleep(firstDelayMs);
    }
  }
}

/** True when there are streams, or when the account cannot be reached to find out. */
async function holdsStreams({ link, admin }: Tenant): Promise<boolean> {
  await link.settled();
  try {
    return (await admin.listStreams()).length > 0;
  } catch {
    return true;
  }
}

/** Servers take any well-formed account, and judge its signature only at a login. */
function refusedAccount(namespace: string, cause: StreamError): StreamError {
  return new StreamError(
    'unauthorized',
    {
      about: `NATS account of namespace ${namespace}`,
      problem: 'the server knows it and refuses its users',
      remedy:
        'check that the signing key is one of the operator that the server trusts, and that the account allows as many connections as there are workers',
    },
    { cause },
  );
}
