/**
 * The text of a .creds file, a user's JWT and seed, and the login that it gives.
 *
 * Invariant:
 *  creds/1 No error holds the text: it is a secret.
 */
import { DistilleryError, problemOf } from '@distillery/base';
import { parseCreds } from '@distillery/protocol';
import type { Authenticator } from '@nats-io/transport-node';

import { bytesOfSeed, NkeyError, nkeyOf } from './nkeys.js';

/** A text that is no .creds file of a user. */
export class CredsError extends DistilleryError {
  override readonly name = 'CredsError';
  readonly kind = 'Creds';
  readonly retry = 'AfterSomebodyActs';
}

export interface UserCreds {
  readonly jwt: string;
  /** The 32 bytes of the seed. */
  readonly seed: Uint8Array;
}

/** @throws CredsError */
export function readCreds(text: string): UserCreds {
  const found = parseCreds(text);
  if (found === null) {
    throw new CredsError({
      about: 'NATS credentials',
      found: 'no user JWT and seed',
      expected: 'the text of a .creds file',
      remedy: 'make one with `nsc generate creds`',
    });
  }
  try {
    return { jwt: found.jwt, seed: bytesOfSeed('user', found.seed) };
  } catch (error) {
    if (!(error instanceof NkeyError)) throw error;
    throw new CredsError({
      about: 'NATS credentials',
      problem: problemOf(error.fault),
      remedy: 'make them with `nsc generate creds`',
    });
  }
}

/**
 * Proves to a server who connects, with what `read` gives at each attempt. The client library signs in plain JavaScript and
 * blocks for 12 ms: with one connection per namespace, a restarted server gave up on most of them before they had signed.
 */
export function credsLogin(read: () => string): Authenticator {
  return (nonce) => {
    const { jwt, seed } = readCreds(read());
    const key = nkeyOf('user', seed);
    const signature = nonce === undefined ? '' : Buffer.from(key.sign(Buffer.from(nonce))).toString('base64url');
    return { jwt, nkey: key.publicKey, sig: signature };
  };
}

/** Reads as `read` does; while it throws, gives the last text: the file is being replaced. @throws what the first read throws */
export function lastReadable(read: () => string): () => string {
  let last = read();
  return () => {
    try {
      last = read();
    } catch {
      // The last text may still be valid. If it is not, the server refuses it and the next attempt reads again.
    }
    return last;
  };
}
