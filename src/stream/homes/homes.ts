/**
 * Where jobs' streams lie, and with which users their workers reach them: in one account for all jobs, or in one account
 * per namespace (namespace-accounts.ts, docs/adr/0014).
 *
 * Invariants:
 *  homes/H1 A namespace with jobs has one connection of ours to its account, kept as long as it has jobs. With the last
 *     job its account is closed, unless streams are left in it: then it stays open until the sweep has removed them.
 *  homes/H2 Trouble with one namespace's account is reported by that namespace's jobs; the others continue.
 *  homes/H3 The users of a job end before its streams do, or as soon as the system account can be reached again.
 */
import { Turns } from '@distillery/base';
import type { NatsAccess, WorkerRole } from '@distillery/protocol';

import type { StorageFigures, StreamAdmin } from '../job/index.js';
import type { AccessIssuer, JobIdentity } from '../access/index.js';
import type { ServerStorage } from '../accounts/index.js';
import type { StreamError } from '../errors/index.js';
import type { StreamHealth } from '../link/index.js';

/** Accounts whose figures are read at a time. */
const mostAsked = 8;

/** Identifies a job by what its streams need. */
export interface JobRef {
  readonly namespace: string;
  readonly uid: string;
}

export interface StreamHome {
  /** Whether there is a connection to NATS at all. */
  readonly connected: boolean;
  /** Health of all accounts together, for readiness. */
  readonly health: StreamHealth;
  /** Accounts that jobs use, by whether they can be used now. */
  readonly accounts: { readonly connected: number; readonly unreachable: number };
  /** What each account in use takes on disk; without those that give no answer now. */
  storage(): Promise<readonly AccountStorage[]>;
  /** How full the fullest server is, by kind of storage; empty where we may not ask, or get no answer now. */
  serverStorage(): Promise<readonly ServerStorage[]>;
  /** The hands on a namespace's streams; waits for the first attempt to connect. @throws StreamError */
  adminOf(namespace: string): Promise<StreamAdmin>;
  access(role: WorkerRole, job: JobRef & JobIdentity): NatsAccess;
  /** Before a job's streams are made: its users may log in. @throws StreamError */
  admit(job: JobRef): Promise<void>;
  /** Before a job's streams are removed: ends its users (homes/H3). @throws StreamError */
  dismiss(job: JobRef): Promise<void>;
  /** The job is gone. */
  forget(job: JobRef): void;
  /** Accounts in which streams of jobs may lie, whether their namespace has jobs or not. */
  accountsToSweep(): Promise<SweptAccounts>;
  /** Connects to the account for as long as `work` takes, if it is not in use anyway. @throws StreamError */
  visit<T>(account: AccountName, work: (admin: StreamAdmin) => Promise<T>): Promise<T>;
  /** Closes the account of a namespace that has no job. @throws StreamError */
  closeAccount(namespace: string): Promise<void>;
  close(): Promise<void>;
}

export interface AccountStorage extends StorageFigures {
  readonly account: AccountName;
}

/** The figures of some accounts; a few are asked at a time. */
export async function storageOf(admins: ReadonlyMap<AccountName, StreamAdmin>): Promise<readonly AccountStorage[]> {
  const turns = new Turns(mostAsked);
  const asked = [...admins].map(([account, admin]) =>
    turns.run(async () => (admin.health.connected ? [{ account, ...(await admin.storage()) }] : [])),
  );
  const answers = await Promise.allSettled(asked);
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
}

/** The namespace of an account; null = the one account of all namespaces. */
export type AccountName = string | null;

export interface SweptAccounts {
  readonly accounts: readonly AccountName[];
  /** Why accounts without jobs may be missing from them; null = none is. */
  readonly problem: StreamError | null;
}

/** One account and one connection for all jobs. */
export class SharedAccount implements StreamHome {
  readonly #admin: StreamAdmin;
  readonly #issue: AccessIssuer;

  constructor(admin: StreamAdmin, issue: AccessIssuer) {
    this.#admin = admin;
    this.#issue = issue;
  }

  get connected(): boolean {
    return this.#admin.health.connected;
  }

  get health(): StreamHealth {
    return this.#admin.health;
  }

  get accounts(): { readonly connected: number; readonly unreachable: number } {
    return this.#admin.health.connected ? { connected: 1, unreachable: 0 } : { connected: 0, unreachable: 1 };
  }

  storage(): Promise<readonly AccountStorage[]> {
    return storageOf(new Map([[null, this.#admin]]));
  }

  /** Only a user of the system account may ask servers. */
  serverStorage(): Promise<readonly ServerStorage[]> {
    return Promise.resolve([]);
  }

  adminOf(): Promise<StreamAdmin> {
    return Promise.resolve(this.#admin);
  }

  access(role: WorkerRole, job: JobIdentity): NatsAccess {
    return this.#issue(job, role);
  }

  admit(): Promise<void> {
    return Promise.resolve();
  }

  /** The account is not ours to change: a user of a job that is gone stays valid (docs/adr/0009). */
  dismiss(): Promise<void> {
    return Promise.resolve();
  }

  forget(): void {
    // Nothing is remembered of a job.
  }

  accountsToSweep(): Promise<SweptAccounts> {
    return Promise.resolve({ accounts: [null], problem: null });
  }

  async visit<T>(_account: AccountName, work: (admin: StreamAdmin) => Promise<T>): Promise<T> {
    return work(this.#admin);
  }

  /** The account is the platform's. */
  closeAccount(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#admin.close();
  }
}
