/** Credentials of workers: what is in them, that they are the same every time, and that nothing secret is shown. */
import { bytesOfSeed, credsLogin, NkeyError, nkeyOf } from '@distillery/nats';
import { jobNames, type NatsAccess, parseCreds, workerRoles } from '@distillery/protocol';
import { decode, parseCreds as parseOfficially } from '@nats-io/jwt';
import { createAccount, createUser, fromSeed } from '@nats-io/nkeys';
import { credsAuthenticator } from '@nats-io/transport-node';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  accountOfCreds,
  credsIssuer,
  type CredsLifetime,
  passwordIssuer,
  permissionsFor,
} from '../../../src/stream/index.js';
import { claimsOf } from '../../../src/stream/access/jwt.js';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const signer = createAccount();
const signingSeed = text(signer.getSeed());
const account = createAccount().getPublicKey();
const url = 'nats://nats:4222';
const job = { uid: '6a1f0c5e-0000-4000-8000-0123456789ab', createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678) };

const second = 1_000;
const hour = 3_600 * second;
/** Valid for four hours. */
const lifetimeAt = (nowMs: number): CredsLifetime => ({ seconds: (4 * hour) / second, nowMs: () => nowMs });
const lifetime = lifetimeAt(job.createdAtMs);

function credsOf(access: NatsAccess): string {
  if (access.kind !== 'creds') throw new Error('expected credentials');
  return access.creds;
}

function sentenceOf(refused: () => unknown): string {
  try {
    refused();
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error('nothing was refused');
}

describe('a key', () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });

  test('is the one that the official library makes of the same seed', () => {
    fc.assert(
      fc.property(
        bytes,
        fc.uint8Array({ maxLength: 100 }),
        fc.constantFrom('operator', 'account', 'user'),
        (raw, data, kind) => {
          const ours = nkeyOf(kind, raw);
          const theirs = fromSeed(new TextEncoder().encode(ours.seed));
          expect(theirs.getPublicKey()).toBe(ours.publicKey);
          expect(theirs.verify(data, ours.sign(data))).toBe(true);
          expect(Buffer.from(bytesOfSeed(kind, ours.seed)).equals(Buffer.from(raw))).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('is read from a file that ends in a line break', () => {
    expect(nkeyOf('account', bytesOfSeed('account', `${signingSeed}\n`)).publicKey).toBe(signer.getPublicKey());
  });

  const user = text(createUser().getSeed());
  const typo = `${signingSeed.slice(0, 20)}${signingSeed[20] === 'A' ? 'B' : 'A'}${signingSeed.slice(21)}`;
  test.each([
    ['nothing', '', /^found something else, expected the seed of an account key/],
    ['a public key', account, /^found something else/],
    ['letters that no key has', `${signingSeed.slice(0, -1)}!`, /^found something else/],
    ['a typing error', typo, /^found a seed with a wrong checksum/],
    ['a seed of a user', user, /^found another kind of key/],
  ])('is refused when it is %s, and not shown', (_, seed, sentence) => {
    expect(() => bytesOfSeed('account', seed)).toThrow(NkeyError);
    const message = sentenceOf(() => bytesOfSeed('account', seed));
    expect(message).toMatch(sentence);
    if (seed !== '') expect(message).not.toContain(seed.slice(4, 20));
  });
});

describe('the credentials of a job', () => {
  const issue = credsIssuer({ url, signingSeed, account, lifetime });

  test.each(workerRoles)('hold for a %s what its role may do, and no more', async (role) => {
    const creds = credsOf(issue(job, role));
    // The official library checks form and signature.
    const { key, jwt, uc, aid } = await parseOfficially(new TextEncoder().encode(creds));
    const rights = permissionsFor(role, jobNames(job.uid));
    expect(uc).toMatchObject({
      iss: signer.getPublicKey(),
      sub: fromSeed(new TextEncoder().encode(key)).getPublicKey(),
      name: `${role}-${job.uid}`,
      iat: Math.floor(job.createdAtMs / 1_000),
      nats: { pub: { allow: rights.publish }, sub: { allow: rights.subscribe }, type: 'user', version: 2 },
    });
    // A reader's end with the job.
    expect(uc.exp).toBe(role === 'reader' ? undefined : Math.floor(job.createdAtMs / second) + lifetime.seconds);
    expect(aid).toBe(account);
    expect(decode(jwt)).toEqual(uc);
    expect(parseCreds(creds)).toEqual({ jwt, seed: key });
  });

  test('are the same on every start of the operator, byte for byte', () => {
    for (const role of workerRoles) {
      const again = credsIssuer({ url, signingSeed: `${signingSeed}\n`, account, lifetime });
      expect(again(job, role)).toEqual(issue(job, role));
      expect(issue(job, role)).toEqual(issue(job, role));
    }
  });

  test('differ in key by role, by job and by signing key', () => {
    const other = credsIssuer({ url, signingSeed: text(createAccount().getSeed()), account, lifetime });
    const seeds = [issue, other].flatMap((issuer) =>
      ['a', 'b'].flatMap((uid) => workerRoles.map((role) => parseCreds(credsOf(issuer({ ...job, uid }, role)))?.seed)),
    );
    expect(new Set(seeds).size).toBe(12);
  });

  test('are issued again after a quarter of their lifetime, with the same key', () => {
    const timesAfter = (elapsedMs: number, role: 'teacher' | 'reader' = 'teacher'): object => {
      const issuer = credsIssuer({ url, signingSeed, account, lifetime: lifetimeAt(job.createdAtMs + elapsedMs) });
      const { jwt = '', seed } = parseCreds(credsOf(issuer(job, role))) ?? {};
      expect(seed).toBe(parseCreds(credsOf(issue(job, role)))?.seed);
      const { iat, exp } = decode(jwt);
      const created = Math.floor(job.createdAtMs / second);
      return [iat - created, exp === undefined ? null : exp - created];
    };
    expect(timesAfter(hour - second)).toEqual([0, 4 * 3_600]);
    expect(timesAfter(hour)).toEqual([3_600, 5 * 3_600]);
    expect(timesAfter(1_000.5 * hour)).toEqual([1_000 * 3_600, 1_004 * 3_600]);
    // The API server's clock is ahead of ours.
    expect(timesAfter(-hour)).toEqual([0, 4 * 3_600]);
    expect(timesAfter(1_000.5 * hour, 'reader')).toEqual([0, null]);
  });

  test('are valid for at least three quarters of their lifetime, whenever they are asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 48, max: 8_760 }),
        fc.integer({ min: 0, max: 10 * 8_760 * 3_600 }),
        (hours, elapsed) => {
          const nowMs = job.createdAtMs + elapsed * second;
          const seconds = hours * 3_600;
          const issuer = credsIssuer({ url, signingSeed, account, lifetime: { seconds, nowMs: () => nowMs } });
          // Not by the official library, which also checks the signature, in a hundred times the time.
          const { exp } = claimsOf(parseCreds(credsOf(issuer(job, 'student')))?.jwt ?? '') as { exp: number };
          expect(exp - nowMs / second).toBeGreaterThanOrEqual((seconds * 3) / 4 - 1);
          expect(exp - nowMs / second).toBeLessThanOrEqual(seconds);
        },
      ),
    );
  });

  test('follow a job that was created again under its uid', () => {
    const later = { ...job, createdAtMs: job.createdAtMs + 60_000 };
    const { seed, jwt } = parseCreds(credsOf(issue(later, 'teacher'))) ?? {};
    expect(seed).toBe(parseCreds(credsOf(issue(job, 'teacher')))?.seed);
    expect(decode(jwt ?? '').iat).toBe(Math.floor(later.createdAtMs / 1_000));
  });

  test('name no account when its own key signs', () => {
    const own = credsIssuer({ url, signingSeed, account: signer.getPublicKey(), lifetime });
    const creds = credsOf(own(job, 'student'));
    expect(decode(parseCreds(creds)?.jwt ?? '').nats).not.toHaveProperty('issuer_account');
    expect(accountOfCreds(creds)).toBe(signer.getPublicKey());
  });

  test('tell their account', () => {
    expect(accountOfCreds(credsOf(issue(job, 'reader')))).toBe(account);
  });

  test('are the same again for a job that was forgotten for thousands of others', () => {
    const first = issue(job, 'reader');
    for (let at = 0; at < 4_200; at++) issue({ uid: `filler-${String(at)}`, createdAtMs: 0 }, 'reader');
    expect(issue(job, 'reader')).toEqual(first);
  });

  test('are not made for a uid that would reach beyond its job', () => {
    expect(() => issue({ ...job, uid: '*' }, 'teacher')).toThrow(/job uid: found "\*"/);
  });
});

describe('a login with credentials', () => {
  const issue = credsIssuer({ url, signingSeed, account, lifetime });
  const creds = credsOf(issue(job, 'teacher'));

  test('signs what the server asks, as the official library would', () => {
    const nonce = 'a-nonce-of-the-server';
    const ours = credsLogin(() => creds)(nonce);
    const theirs = credsAuthenticator(new TextEncoder().encode(creds))(nonce);
    if (ours === undefined || theirs === undefined || !('sig' in ours) || !('sig' in theirs))
      throw new Error('expected signatures');
    const bytesOf = (signature: string): Buffer => Buffer.from(signature, 'base64url');
    expect(bytesOf(ours.sig ?? '').equals(bytesOf(theirs.sig ?? ''))).toBe(true);
    expect({ ...ours, sig: '' }).toEqual({ ...theirs, sig: '' });
  });

  test('reads them again at every attempt', () => {
    const texts = [creds, credsOf(issue({ ...job, uid: 'other' }, 'teacher'))];
    const login = credsLogin(() => texts.shift() ?? '');
    expect(login('n')).not.toEqual(login('n'));
    expect(() => login('n')).toThrow(/^NATS credentials: found no user JWT/);
  });

  test('that hold the seed of another kind of key are refused without being shown', () => {
    const wrong = creds.replace(parseCreds(creds)?.seed ?? '', signingSeed);
    expect(() => credsLogin(() => wrong)('n')).toThrow(/^NATS credentials: found another kind of key/);
    expect(() => credsLogin(() => wrong)('n')).not.toThrow(new RegExp(signingSeed.slice(4, 20)));
  });
});

test.each([
  [
    'a signing key',
    () => credsIssuer({ url, signingSeed: 'SAsecretsecret', account, lifetime }),
    /^NATS signing key: found .*nsc/,
  ],
  [
    'credentials',
    () => accountOfCreds('-----BEGIN NATS USER JWT-----\nsecret\n'),
    /^NATS credentials: found no user JWT/,
  ],
  ['a JWT', () => accountOfCreds(withJwt('e30.e30.secret')), /^NATS credentials: found a JWT without an account/],
  ['claims', () => accountOfCreds(withJwt('a.secret.c')), /^NATS credentials: found a JWT without an account/],
])('an invalid %s is reported without being shown', (_, use, sentence) => {
  const message = sentenceOf(use);
  expect(message).toMatch(sentence);
  expect(message).not.toContain('secret');
});

function withJwt(jwt: string): string {
  const seed = text(createUser().getSeed());
  return `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
}

test('with passwords every role of every job has the one login', () => {
  const issue = passwordIssuer({ url, user: 'distillery', password: 'p' });
  for (const role of workerRoles) {
    expect(issue(job, role)).toEqual({ kind: 'password', url, user: 'distillery', password: 'p' });
  }
});
