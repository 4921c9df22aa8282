/**
 * Credentials of a job's workers (docs/adr/0009): for each role a NATS user that holds exactly the rights of permissions.ts.
 *
 * Invariants:
 *  credentials/U1 Deterministic: the same signing key, job, role and quarter of a lifetime give the same text, byte for
 *     byte, on every start of every operator. Nothing is stored, and a Secret is written once a quarter.
 *  credentials/U3 Credentials that are issued now are valid for at least three quarters of their lifetime (docs/adr/0056).
 *  credentials/U2 The signing key leaves this file only as signatures and as users' seeds derived one-way from it; no
 *     message holds a seed, a password or a token.
 */
import { RecentMap } from '@distillery/base';
import {
  bytesOfSeed,
  CredsError,
  derivedBytes,
  type Nkey,
  type NkeyKind,
  NkeyError,
  nkeyOf,
  readCreds,
  type UserCreds,
} from '@distillery/nats';
import { jobNames, type NatsAccess, type WorkerRole } from '@distillery/protocol';

import { StreamError } from '../errors/index.js';
import { claimsOf, signedJwt } from './jwt.js';
import { type Permissions, permissionsFor } from './permissions.js';

export interface JobIdentity {
  readonly uid: string;
  /** When the job was created: the time at which its users count as issued. */
  readonly createdAtMs: number;
}

/** How a role of a job reaches NATS. */
export type AccessIssuer = (job: JobIdentity, role: WorkerRole) => NatsAccess;

export interface CredsIssuerOptions {
  /** As workers reach the server. */
  readonly url: string;
  /** Seed of the account's signing key (SA…), or of the account itself. */
  readonly signingSeed: string;
  /** Public key of the account (A…): `accountOfCreds` of the operator's own credentials. */
  readonly account: string;
  readonly lifetime: CredsLifetime;
}

/** How long the credentials of workers are valid. A reader's do not expire: they end with the job. */
export interface CredsLifetime {
  /** Seconds from issue to expiry; a quarter of it later they are issued again. */
  readonly seconds: number;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** Roles whose pods read their credentials again when the server ends the connection. */
const expiringRoles: readonly WorkerRole[] = ['student', 'teacher'];
const issuesPerLifetime = 4;

/** Jobs whose credentials are remembered, those used last. About 6 KB each. */
const rememberedJobs = 4_096;

/**
 * A user JWT and its seed for each role of each job.
 * @throws StreamError unauthorized when the seed is invalid, without showing it
 */
export function credsIssuer({ url, signingSeed, account, lifetime }: CredsIssuerOptions): AccessIssuer {
  const signingBytes = bytesOfSecret('account', signingSeed);
  const signer = nkeyOf('account', signingBytes);

  const mint = (uid: string, role: WorkerRole, issuedAtSeconds: number): string =>
    userCreds({
      signer,
      account,
      user: workerKey(signingBytes, uid, role),
      name: `${role}-${uid}`,
      rights: permissionsFor(role, jobNames(uid)),
      issuedAtSeconds,
      expiresAtSeconds: expiringRoles.includes(role) ? issuedAtSeconds + lifetime.seconds : null,
    });

  const known = new RecentMap<string, Map<WorkerRole, Issued>>(rememberedJobs);
  return (job, role) => {
    const ofJob = known.get(job.uid) ?? new Map<WorkerRole, Issued>();
    known.set(job.uid, ofJob);
    const issuedAtSeconds = issueSeconds(job, role, lifetime);
    const earlier = ofJob.get(role);
    const issued =
      earlier?.issuedAtSeconds === issuedAtSeconds
        ? earlier
        : { issuedAtSeconds, creds: mint(job.uid, role, issuedAtSeconds) };
    ofJob.set(role, issued);
    return { kind: 'creds', url, creds: issued.creds };
  };
}

interface Issued {
  readonly issuedAtSeconds: number;
  readonly creds: string;
}

/**
 * When the credentials that are handed out now count as issued. Quarters of a lifetime are counted from the job's creation,
 * so that the Secrets of many jobs are not written at the same moment. A clock behind the API server's changes nothing.
 */
function issueSeconds({ createdAtMs }: JobIdentity, role: WorkerRole, { seconds, nowMs }: CredsLifetime): number {
  const created = Math.floor(createdAtMs / 1_000);
  if (!expiringRoles.includes(role)) return created;
  const quarter = seconds / issuesPerLifetime;
  const quarters = Math.max(0, Math.floor((nowMs() / 1_000 - created) / quarter));
  return Math.floor(created + quarters * quarter);
}

/** Key of the user that a role of a job logs in as. @param signingBytes of the signing key of its account */
export function workerKey(signingBytes: Uint8Array, uid: string, role: WorkerRole): Nkey {
  return nkeyOf('user', derivedBytes(signingBytes, `distillery/v1/user/${uid}/${role}`));
}

export interface UserOptions {
  /** The account's own key, or one of its signing keys. */
  readonly signer: Nkey;
  /** Public key of the account. */
  readonly account: string;
  readonly user: Nkey;
  readonly name: string;
  readonly rights: Permissions;
  readonly issuedAtSeconds: number;
  /** null = never. */
  readonly expiresAtSeconds: number | null;
}

/** Text of the .creds file of one user; a secret. */
export function userCreds({
  signer,
  account,
  user,
  name,
  rights,
  issuedAtSeconds,
  expiresAtSeconds,
}: UserOptions): string {
  // A key of the account itself needs no mention of the account.
  const issuerAccount = signer.publicKey === account ? {} : { issuer_account: account };
  const claims = {
    ...(expiresAtSeconds === null ? {} : { exp: expiresAtSeconds }),
    iat: issuedAtSeconds,
    iss: signer.publicKey,
    name,
    sub: user.publicKey,
    nats: {
      pub: { allow: rights.publish },
      sub: { allow: rights.subscribe },
      subs: -1,
      data: -1,
      payload: -1,
      ...issuerAccount,
      type: 'user',
      version: 2,
    },
  };
  return credsText(signedJwt(claims, signer), user.seed);
}

/** One login for every role of every job: for a server without accounts, on trusted ground (docs/adr/0005). */
export function passwordIssuer(login: Omit<Extract<NatsAccess, { kind: 'password' }>, 'kind'>): AccessIssuer {
  const access: NatsAccess = { kind: 'password', ...login };
  return () => access;
}

/** @throws StreamError unauthorized, without showing the text, when it is no .creds file */
export function checkCreds(text: string): void {
  credsIn(text);
}

function credsIn(text: string): UserCreds {
  try {
    return readCreds(text);
  } catch (error) {
    throw error instanceof CredsError ? new StreamError('unauthorized', error.fault, { cause: error }) : error;
  }
}

/** Public key of the account of a .creds file's user. @throws StreamError unauthorized */
export function accountOfCreds(text: string): string {
  const claims = claimsOf(credsIn(text).jwt) as Claims | null;
  const account = claims?.nats?.issuer_account ?? claims?.iss;
  if (account?.startsWith('A') === true) return account;
  throw new StreamError('unauthorized', {
    about: 'NATS credentials',
    found: 'a JWT without an account',
    expected: 'one of a user',
    remedy: 'make them with `nsc generate creds`',
  });
}

/** When a .creds file ends, in seconds since 1970; null = never. @throws StreamError unauthorized */
export function credsEndSeconds(text: string): number | null {
  const end = (claimsOf(credsIn(text).jwt) as Claims | null)?.exp;
  return typeof end === 'number' && end > 0 ? end : null;
}

interface Claims {
  readonly iss?: string;
  readonly exp?: unknown;
  readonly nats?: { readonly issuer_account?: string };
}

/** The 32 bytes of a signing key's seed. @throws StreamError unauthorized, without showing it */
export function bytesOfSecret(kind: Exclude<NkeyKind, 'user'>, text: string): Uint8Array {
  try {
    return bytesOfSeed(kind, text);
  } catch (error) {
    if (!(error instanceof NkeyError)) throw error;
    throw new StreamError('unauthorized', {
      about: 'NATS signing key',
      problem: error.message,
      remedy: `make one with \`nsc edit ${kind} --sk generate\``,
    });
  }
}

function credsText(jwt: string, seed: string): string {
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`;
}
