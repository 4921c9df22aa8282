/**
 * Credentials of a job's workers (docs/adr/0009): for each role a NATS user that holds exactly the rights of permissions.ts.
 *
 * Invariants:
 *  U1 Deterministic: the same signing key, job and role give the same text, byte for byte, on every start of every
 *     operator. Nothing is stored, and no Secret is written twice.
 *  U2 The signing key leaves this file only as signatures and as users' seeds derived one-way from it; no message holds
 *     a seed, a password or a token.
 */
import { createHash, hkdfSync } from 'node:crypto';

import { jobNames, type NatsAccess, parseCreds, type WorkerRole } from '../protocol/index.js';

import { StreamError } from './errors.js';
import { bytesOfSeed, NkeyError, nkeyOf, toBase32 } from './nkeys.js';
import { permissionsFor } from './permissions.js';

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
}

/** Jobs whose credentials are remembered; the longest known goes first. About 6 KB each. */
const rememberedJobs = 4_096;

/**
 * A user JWT and its seed for each role of each job.
 * @throws StreamError unauthorized when the seed is none, without showing it
 */
export function credsIssuer({ url, signingSeed, account }: CredsIssuerOptions): AccessIssuer {
  const signingBytes = seedBytes(signingSeed);
  const signer = nkeyOf('account', signingBytes);
  // A key of the account itself needs no mention of the account.
  const issuerAccount = signer.publicKey === account ? {} : { issuer_account: account };

  const mint = ({ uid, createdAtMs }: JobIdentity, role: WorkerRole): string => {
    const { publish, subscribe } = permissionsFor(role, jobNames(uid));
    const derived = hkdfSync('sha256', signingBytes, '', `distillery/v1/user/${uid}/${role}`, 32);
    const user = nkeyOf('user', new Uint8Array(derived));
    const claims = {
      iat: Math.floor(createdAtMs / 1_000),
      iss: signer.publicKey,
      name: `${role}-${uid}`,
      sub: user.publicKey,
      nats: {
        pub: { allow: publish },
        sub: { allow: subscribe },
        subs: -1,
        data: -1,
        payload: -1,
        ...issuerAccount,
        type: 'user',
        version: 2,
      },
    };
    const jti = toBase32(createHash('sha256').update(JSON.stringify(claims)).digest());
    const signed = `${encoded({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encoded({ jti, ...claims })}`;
    const signature = Buffer.from(signer.sign(Buffer.from(signed))).toString('base64url');
    return credsText(`${signed}.${signature}`, user.seed);
  };

  const known = new Map<string, { readonly createdAtMs: number; readonly creds: Map<WorkerRole, string> }>();
  return (job, role) => {
    let entry = known.get(job.uid);
    if (entry?.createdAtMs !== job.createdAtMs) {
      entry = { createdAtMs: job.createdAtMs, creds: new Map() };
      known.delete(job.uid);
      known.set(job.uid, entry);
      const [oldest] = known.keys();
      if (known.size > rememberedJobs && oldest !== undefined) known.delete(oldest);
    }
    const creds = entry.creds.get(role) ?? mint(job, role);
    entry.creds.set(role, creds);
    return { kind: 'creds', url, creds };
  };
}

/** One login for every role of every job: for a server without accounts, on trusted ground (docs/adr/0005). */
export function passwordIssuer(login: Omit<Extract<NatsAccess, { kind: 'password' }>, 'kind'>): AccessIssuer {
  const access: NatsAccess = { kind: 'password', ...login };
  return () => access;
}

/** @returns the text itself. @throws StreamError unauthorized, without showing it */
export function checkCreds(text: string): string {
  if (parseCreds(text) !== null) return text;
  throw new StreamError(
    'unauthorized',
    'NATS credentials: found no user JWT and seed, expected the text of a .creds file; make one with `nsc generate creds`',
  );
}

/** Public key of the account of a .creds file's user. @throws StreamError unauthorized */
export function accountOfCreds(text: string): string {
  const [, payload = ''] = parseCreds(checkCreds(text))?.jwt.split('.') ?? [];
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
    const account = claims.nats?.issuer_account ?? claims.iss;
    if (account?.startsWith('A') === true) return account;
  } catch {
    // Said below: whatever it is, it is no user of an account.
  }
  throw new StreamError('unauthorized', 'NATS credentials: found a JWT without an account, expected one of a user');
}

interface Claims {
  readonly iss?: string;
  readonly nats?: { readonly issuer_account?: string };
}

function seedBytes(text: string): Uint8Array {
  try {
    return bytesOfSeed('account', text);
  } catch (error) {
    if (!(error instanceof NkeyError)) throw error;
    throw new StreamError(
      'unauthorized',
      `NATS signing key: ${error.message}; make one with \`nsc edit account --sk generate\``,
    );
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
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
