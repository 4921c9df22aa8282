/**
 * What servers are asked through a user of the system account: about accounts, and how full they are; and what their answers and
 * refusals mean.
 *
 * A process that may not act pushes no account (account-book/B3).
 */
import { within } from '@distillery/base';
import { hasNoListener, permissionViolationIn } from '@distillery/nats';

import { foundAccount } from './accounts.js';
import { StreamError } from '../errors/index.js';
import { fullestStorage, type ServerStorage } from './server-storage.js';

/** The connection of the system account's user. */
export interface SystemRequests {
  /** @throws StreamError unreachable, or what the client library throws */
  request(subject: string, payload: string): Promise<string>;
}

/** The same connection, for what every server answers. */
export interface ServerRequests {
  /** @throws StreamError unreachable, or what the client library throws */
  requestAll(subject: string): Promise<string[]>;
}

/** What the server has of an account; null = nothing. */
export type FoundAccount = ReturnType<typeof foundAccount>;

export class AccountRequests {
  readonly #system: SystemRequests;
  readonly #mayAct: () => boolean;

  constructor(system: SystemRequests, mayAct: () => boolean) {
    this.#system = system;
    this.#mayAct = mayAct;
  }

  /** Public keys of all accounts on the server. @throws StreamError */
  async list(): Promise<string[]> {
    return accountsIn(await this.#ask('NATS accounts', '$SYS.REQ.CLAIMS.LIST', ''));
  }

  /** @param what names the account in an error @throws StreamError */
  async find(what: string, account: string): Promise<FoundAccount> {
    return foundAccount(await this.#ask(what, `$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`, ''));
  }

  /** Creates or replaces an account. @throws StreamError */
  async push(what: string, jwt: string): Promise<void> {
    if (!this.#mayAct()) {
      throw new StreamError('unreachable', {
        about: what,
        problem: 'this process no longer leads, and nothing was sent to NATS',
        remedy: '',
      });
    }
    const refusal = refusalIn(await this.#ask(what, '$SYS.REQ.CLAIMS.UPDATE', jwt));
    if (refusal === null) return;
    throw new StreamError('refused', {
      about: what,
      problem: `the server refused it: ${refusal}`,
      remedy: 'check the resolver and the signing key',
    });
  }

  /** @param what begins the message of an error */
  async #ask(what: string, subject: string, payload: string): Promise<string> {
    try {
      return await this.#system.request(subject, payload);
    } catch (error) {
      throw hasNoListener(error) ? noResolver(what, subject, error) : requestError(what, subject, error);
    }
  }
}

function noResolver(what: string, subject: string, cause: unknown): StreamError {
  return new StreamError(
    'refused',
    {
      about: what,
      problem: `no server takes accounts from ${subject}`,
      remedy:
        'set `resolver: { type: full }` in the NATS configuration and give the operator credentials of a user of the system account',
    },
    { cause },
  );
}

/** How full the fullest server is, by kind of storage; empty when no server says so. @throws StreamError */
export async function askStorage(servers: ServerRequests): Promise<ServerStorage[]> {
  const subject = '$SYS.REQ.SERVER.PING.JSZ';
  try {
    return fullestStorage(await servers.requestAll(subject));
  } catch (error) {
    throw requestError('storage of the NATS servers', subject, error);
  }
}

/** @param what begins the message */
function requestError(what: string, subject: string, error: unknown): StreamError {
  if (error instanceof StreamError) return new StreamError(error.reason, within(what, error.fault), { cause: error });
  if (permissionViolationIn(error) !== null) {
    return new StreamError(
      'unauthorized',
      {
        about: what,
        problem: `the system account's user may not publish to ${subject}`,
        remedy: 'give it the rights of docs/operator.md',
      },
      { cause: error },
    );
  }
  const text = error instanceof Error ? error.message : String(error);
  return new StreamError(
    'unreachable',
    { about: what, problem: `no answer from NATS (${text})`, remedy: '' },
    { cause: error },
  );
}

/** Public keys of the accounts that a server lists; empty when its answer cannot be read. */
function accountsIn(answer: string): string[] {
  try {
    const { data } = JSON.parse(answer) as { readonly data?: unknown };
    return Array.isArray(data) ? data.filter((account): account is string => typeof account === 'string') : [];
  } catch {
    return [];
  }
}

/** Why the server refused a push; null when it accepted the account. */
function refusalIn(answer: string): string | null {
  try {
    const { data, error } = JSON.parse(answer) as {
      readonly data?: { readonly code?: number };
      readonly error?: { readonly description?: string };
    };
    return data?.code === 200 ? null : (error?.description ?? 'it gave no reason');
  } catch {
    return 'its answer cannot be read';
  }
}
