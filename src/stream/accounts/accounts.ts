/**
 * One NATS account per namespace (docs/adr/0014): its keys, its limits and its JWT. Pure.
 *
 * Invariants:
 *  accounts/T1 Deterministic: keys follow from the operator's secrets and the namespace alone. An operator that starts
 *     again, or a server that forgot everything, ends with the same accounts and the same users.
 *  accounts/T2 An account imports and exports nothing: no subject of one namespace reaches another.
 *  accounts/T3 A closed account refuses every user and reserves no storage. It stays known, with its revoked users.
 */
import { isDeepStrictEqual } from 'node:util';

import { derivedBytes, type Nkey, nkeyOf } from '@distillery/nats';
import { workerRoles } from '@distillery/protocol';

import { bytesOfSecret, claimsOf, type Permissions, signedJwt, userCreds, workerKey } from '../access/index.js';

/** Limits of a namespace on the NATS server; null = only the server's own limit. */
export interface AccountLimits {
  /** Bytes on disk that streams may reserve, every replica counted. */
  readonly storageBytes: number | null;
  /** The same in memory. */
  readonly memoryBytes: number | null;
  /** A job has six. */
  readonly streams: number | null;
  /** A job has two. */
  readonly consumers: number | null;
  /** Of workers, readers and the operator. */
  readonly connections: number | null;
}

/** Open: jobs run in the namespace. Closed: it has no job (accounts/T3). */
export type AccountState = 'Open' | 'Closed';

export interface AccountKeys {
  /** Public key that names the account. */
  readonly account: string;
  /** Signs users; the account's own key does not. */
  readonly signer: Nkey;
  readonly signingBytes: Uint8Array;
}

export interface KeyringOptions {
  /** Seed (SO…) of a signing key of the NATS operator: signs accounts, and accounts' signing keys follow from it. */
  readonly signingSeed: string;
  /** Seed (SO…) from which the accounts' own keys follow; stays the same when the signing key is exchanged. */
  readonly accountsSeed: string;
}

/** Namespaces whose keys are remembered; the oldest entry is removed first. */
const rememberedNamespaces = 1_024;

/** The keys of all namespaces' accounts. */
export class Keyring {
  readonly operator: Nkey;
  readonly #signingBytes: Uint8Array;
  readonly #accountsBytes: Uint8Array;
  readonly #known = new Map<string, AccountKeys>();

  /** @throws StreamError unauthorized when a seed is invalid, without showing it */
  constructor({ signingSeed, accountsSeed }: KeyringOptions) {
    this.#signingBytes = bytesOfSecret('operator', signingSeed);
    this.#accountsBytes = bytesOfSecret('operator', accountsSeed);
    this.operator = nkeyOf('operator', this.#signingBytes);
  }

  keysOf(namespace: string): AccountKeys {
    const known = this.#known.get(namespace) ?? this.#derived(namespace);
    if (!this.#known.has(namespace)) {
      this.#known.set(namespace, known);
      const [oldest] = this.#known.keys();
      if (this.#known.size > rememberedNamespaces && oldest !== undefined) this.#known.delete(oldest);
    }
    return known;
  }

  #derived(namespace: string): AccountKeys {
    const account = nkeyOf('account', derivedBytes(this.#accountsBytes, `distillery/v1/account/${namespace}`));
    const signingBytes = derivedBytes(this.#signingBytes, `distillery/v1/account-signing/${namespace}`);
    return { account: account.publicKey, signer: nkeyOf('account', signingBytes), signingBytes };
  }
}

/** Servers take a user without a time for a revoked one. */
const someTimeSeconds = 1;

/** Text of a .creds file: a user of that account for us or for a test, with exactly these rights. */
export function accountUserCreds(keys: AccountKeys, name: string, rights: Permissions): string {
  const user = nkeyOf('user', derivedBytes(keys.signingBytes, `distillery/v1/account-user/${name}`));
  return userCreds({
    signer: keys.signer,
    account: keys.account,
    user,
    name,
    rights,
    issuedAtSeconds: someTimeSeconds,
  });
}

/** Public keys of the users of a job's roles. */
export function workersOf({ signingBytes }: AccountKeys, uid: string): string[] {
  return workerRoles.map((role) => workerKey(signingBytes, uid, role).publicKey);
}

/** Public keys of revoked users, and until when their JWTs were issued, in seconds since 1970. */
export type Revocations = ReadonlyMap<string, number>;

export interface WantedAccount {
  readonly namespace: string;
  readonly keys: AccountKeys;
  readonly operator: Nkey;
  readonly state: AccountState;
  readonly limits: AccountLimits;
  readonly revoked: Revocations;
}

/** Of the names of accounts; the rest is the namespace. */
const namePrefix = 'distillery-';
/** As NATS writes it among revoked users. */
const everyUser = '*';
/** Seconds since 1970, in the year 2100: whenever a user was issued, it is refused. */
const endOfTime = Date.UTC(2100, 0) / 1_000;

/** The claims of an account, but for when they were made. */
function contentOf({ namespace, keys, operator, state, limits, revoked }: WantedAccount): AccountContent {
  const open = state === 'Open';
  const revocations = { ...Object.fromEntries(revoked), ...(open ? {} : { [everyUser]: endOfTime }) };
  const limit = (most: number | null): number => (open ? (most ?? -1) : 0);
  return {
    iss: operator.publicKey,
    name: `${namePrefix}${namespace}`,
    sub: keys.account,
    nats: {
      limits: {
        subs: -1,
        data: -1,
        payload: -1,
        imports: 0,
        exports: 0,
        wildcards: false,
        disallow_bearer: true,
        conn: limits.connections ?? -1,
        leaf: 0,
        mem_storage: limit(limits.memoryBytes),
        disk_storage: limit(limits.storageBytes),
        streams: limit(limits.streams),
        consumer: limit(limits.consumers),
        // A stream without a bound of its own would count for nothing until it is full.
        max_bytes_required: true,
      },
      signing_keys: [keys.signer.publicKey],
      ...(Object.keys(revocations).length === 0 ? {} : { revocations }),
      type: 'account',
      version: 2,
    },
  };
}

interface AccountContent {
  readonly iss?: unknown;
  readonly name?: unknown;
  readonly sub?: unknown;
  readonly nats?: { readonly revocations?: Record<string, unknown>; readonly [field: string]: unknown };
}

/** What a server holds of an account. */
export interface FoundAccount {
  readonly content: AccountContent;
  /** Seconds since 1970; of two JWTs, servers keep the one with the later time. */
  readonly issuedAtSeconds: number;
  readonly revoked: Revocations;
}

/** null when the text is empty or no JWT. */
export function foundAccount(jwt: string): FoundAccount | null {
  const claims = claimsOf(jwt);
  if (typeof claims !== 'object' || claims === null) return null;
  const { iat, iss, name, sub, nats } = claims as AccountContent & { readonly iat?: unknown };
  const revoked = Object.entries(nats?.revocations ?? {}).filter(
    (entry): entry is [string, number] => entry[0] !== everyUser && typeof entry[1] === 'number',
  );
  return {
    content: { iss, name, sub, nats: nats ?? {} },
    issuedAtSeconds: typeof iat === 'number' ? iat : 0,
    revoked: new Map(revoked),
  };
}

/** The namespace that the account's name says it is for; null = the name is not one of ours. */
export function namespaceOf({ content: { name } }: FoundAccount): string | null {
  return typeof name === 'string' && name.startsWith(namePrefix) ? name.slice(namePrefix.length) : null;
}

/** True when the account refuses every user (accounts/T3). */
export function isClosed({ content: { nats } }: FoundAccount): boolean {
  return nats?.revocations?.[everyUser] !== undefined;
}

/** True when the server's account is the wanted one. */
export function isAsWanted(found: FoundAccount | null, wanted: WantedAccount): boolean {
  return found !== null && isDeepStrictEqual(found.content, contentOf(wanted));
}

/** The account's JWT, later than the one found. */
export function accountJwt(wanted: WantedAccount, found: FoundAccount | null, nowMs: number): string {
  const iat = Math.max(Math.floor(nowMs / 1_000), (found?.issuedAtSeconds ?? 0) + 1);
  return signedJwt({ iat, ...contentOf(wanted) }, wanted.operator);
}
