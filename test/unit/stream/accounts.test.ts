/** Accounts of namespaces: their keys and claims, held against the official library, and what is brought to the server. */
import { parseCreds } from '@distillery/protocol';
import { decode } from '@nats-io/jwt';
import { createAccount, createOperator } from '@nats-io/nkeys';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NoRespondersError, PermissionViolationError, RequestError, TimeoutError } from '@nats-io/transport-node';

import { AccountBook } from '../../../src/stream/accounts/account-book.js';
import type { SystemRequests } from '../../../src/stream/accounts/account-requests.js';
import {
  type AccountLimits,
  accountJwt,
  accountUserCreds,
  foundAccount,
  isAsWanted,
  Keyring,
  type WantedAccount,
  workersOf,
} from '../../../src/stream/accounts/accounts.js';
import { credsIssuer } from '../../../src/stream/index.js';
import { claimsOf } from '../../../src/stream/access/jwt.js';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const operatorKey = createOperator();
const signingSeed = text(operatorKey.getSeed());
const keyring = new Keyring({ signingSeed, accountsSeed: signingSeed });
const limits: AccountLimits = { storageBytes: 1e9, memoryBytes: null, streams: 50, consumers: null, connections: 100 };
const nowMs = Date.UTC(2026, 5, 1);

function wantedOf(changes: Partial<WantedAccount> = {}): WantedAccount {
  const keys = keyring.keysOf('team-a');
  return {
    namespace: 'team-a',
    keys,
    operator: keyring.operator,
    state: 'Open',
    limits,
    revoked: new Map(),
    ...changes,
  };
}

describe('the keys of a namespace', () => {
  const namespaces = fc.stringMatching(/^[a-z0-9]{1,20}$/);

  test('are the same every time, and those of no other namespace', () => {
    fc.assert(
      fc.property(namespaces, namespaces, (one, other) => {
        const again = new Keyring({ signingSeed: `${signingSeed}\n`, accountsSeed: signingSeed });
        expect(again.keysOf(one).account).toBe(keyring.keysOf(one).account);
        expect(again.keysOf(one).signer.seed).toBe(keyring.keysOf(one).signer.seed);
        if (one === other) return;
        expect(keyring.keysOf(one).account).not.toBe(keyring.keysOf(other).account);
        expect(keyring.keysOf(one).signer.seed).not.toBe(keyring.keysOf(other).signer.seed);
      }),
      { numRuns: 30 },
    );
  });

  test('name the same account when the signing key is exchanged and the first one is kept, and sign with another', () => {
    const renewed = new Keyring({ signingSeed: text(createOperator().getSeed()), accountsSeed: signingSeed });
    expect(renewed.keysOf('team-a').account).toBe(keyring.keysOf('team-a').account);
    expect(renewed.keysOf('team-a').signer.publicKey).not.toBe(keyring.keysOf('team-a').signer.publicKey);
  });

  test('are the same again for a namespace that was forgotten for a thousand others', () => {
    const first = keyring.keysOf('team-a').account;
    for (let at = 0; at < 1_100; at++) keyring.keysOf(`filler-${String(at)}`);
    expect(keyring.keysOf('team-a').account).toBe(first);
  });

  test.each([
    ['no seed', 'SOsecretsecret'],
    ['the seed of an account', text(createAccount().getSeed())],
  ])('are not made of %s, which is not shown', (_, seed) => {
    const made = (): Keyring => new Keyring({ signingSeed: seed, accountsSeed: signingSeed });
    expect(made).toThrow(
      /^NATS signing key: found .*an operator key.*SO\. Make one with `nsc edit operator --sk generate`/,
    );
    expect(made).not.toThrow(new RegExp(seed.slice(4, 20)));
  });
});

describe('the JWT of an account', () => {
  test('holds its limits and nothing else that it may do, as the official library reads it', () => {
    const wanted = wantedOf({ revoked: new Map([['UABC', 7]]) });
    const claims = decode(accountJwt(wanted, null, nowMs));
    expect(claims).toMatchObject({
      iat: nowMs / 1_000,
      iss: operatorKey.getPublicKey(),
      sub: wanted.keys.account,
      name: 'distillery-team-a',
      nats: {
        limits: {
          imports: 0,
          exports: 0,
          leaf: 0,
          conn: 100,
          disk_storage: 1e9,
          mem_storage: -1,
          streams: 50,
          consumer: -1,
          disallow_bearer: true,
          max_bytes_required: true,
        },
        signing_keys: [wanted.keys.signer.publicKey],
        revocations: { UABC: 7 },
        type: 'account',
        version: 2,
      },
    });
    expect(claims.nats).not.toHaveProperty('imports');
    expect(claims.nats).not.toHaveProperty('exports');
  });

  test('of a namespace without jobs refuses every user and has no JetStream, and remembers who was revoked', () => {
    const wanted = wantedOf({ state: 'Closed', revoked: new Map([['UABC', 7]]) });
    const jwt = accountJwt(wanted, null, nowMs);
    const { nats } = decode<{ revocations?: Record<string, number>; limits: Record<string, number> }>(jwt);
    expect(nats.revocations?.['*']).toBeGreaterThan(Date.UTC(2090, 0) / 1_000);
    expect(nats.limits).toMatchObject({ disk_storage: 0, mem_storage: 0, streams: 0, consumer: 0 });
    expect(foundAccount(jwt)?.revoked).toEqual(new Map([['UABC', 7]]));
  });

  test('is later than the one that the server has, also when that is of the future', () => {
    const ahead = foundAccount(accountJwt(wantedOf(), null, nowMs + 3_600_000));
    expect(foundAccount(accountJwt(wantedOf(), ahead, nowMs))?.issuedAtSeconds).toBe(nowMs / 1_000 + 3_601);
  });

  test('is as wanted when the server has just that, whenever it was made, and not otherwise', () => {
    const found = foundAccount(accountJwt(wantedOf(), null, nowMs));
    expect(isAsWanted(found, wantedOf())).toBe(true);
    expect(isAsWanted(null, wantedOf())).toBe(false);
    const others: Partial<WantedAccount>[] = [
      { state: 'Closed' },
      { limits: { ...limits, streams: 51 } },
      { revoked: new Map([['UABC', 7]]) },
      { operator: new Keyring({ signingSeed: text(createOperator().getSeed()), accountsSeed: signingSeed }).operator },
    ];
    for (const other of others) expect(isAsWanted(found, wantedOf(other))).toBe(false);
  });

  test.each(['', 'no token', 'a.b.c', 'e30.bnVsbA.x'])('that is %j is none', (jwt) => {
    expect(foundAccount(jwt)).toBeNull();
  });
});

test('a user of an account is signed by its signing key, at a time that no server takes for a revocation', () => {
  const keys = keyring.keysOf('team-a');
  const creds = accountUserCreds(keys, 'operator', { publish: ['a.>'], subscribe: ['b'] });
  const claims = decode(parseCreds(creds)?.jwt ?? '');
  expect(claims).toMatchObject({
    iss: keys.signer.publicKey,
    nats: { issuer_account: keys.account, pub: { allow: ['a.>'] }, sub: { allow: ['b'] } },
  });
  expect(claims.iat).toBeGreaterThan(0);
});

test('the keys that are revoked are those of the users that were issued', () => {
  const keys = keyring.keysOf('team-a');
  const issue = credsIssuer({ url: 'nats://n:4222', signingSeed: keys.signer.seed, account: keys.account });
  const issued = (['teacher', 'student', 'reader'] as const).map((role) => {
    const access = issue({ uid: 'j', createdAtMs: nowMs }, role);
    return access.kind === 'creds' ? decode(parseCreds(access.creds)?.jwt ?? '').sub : '';
  });
  expect([...workersOf(keys, 'j')].sort()).toEqual(issued.sort());
});

/** A server's resolver: keeps what it is given. */
class FakeServer implements SystemRequests {
  readonly accounts = new Map<string, string>();
  pushes = 0;
  lookups = 0;
  /** No answer comes before it is open. */
  gate: Promise<unknown> = Promise.resolve();
  fails: Error | null = null;
  answer: string | null = null;

  async request(subject: string, payload: string): Promise<string> {
    await this.gate;
    if (this.fails !== null) throw this.fails;
    const [, account] = /^\$SYS\.REQ\.ACCOUNT\.(.*)\.CLAIMS\.LOOKUP$/.exec(subject) ?? [];
    if (account !== undefined) {
      this.lookups += 1;
      return this.accounts.get(account) ?? '';
    }
    this.pushes += 1;
    if (this.answer !== null) return this.answer;
    const { sub } = claimsOf(payload) as { readonly sub: string };
    this.accounts.set(sub, payload);
    return JSON.stringify({ server: {}, data: { account: sub, code: 200, message: 'jwt updated' } });
  }

  of(namespace: string): { readonly revoked: string[]; readonly closed: boolean } {
    const { nats } = claimsOf(this.accounts.get(keyring.keysOf(namespace).account) ?? '') as {
      readonly nats: { readonly revocations?: Record<string, number> };
    };
    const users = Object.keys(nats.revocations ?? {});
    return { revoked: users.filter((user) => user !== '*'), closed: users.includes('*') };
  }
}

function bookOf(server: FakeServer, mayAct = true): AccountBook {
  return new AccountBook({ system: server, keyring, limitsOf: () => limits, nowMs: () => nowMs, mayAct: () => mayAct });
}

describe('the book of accounts', () => {
  test('brings an account once, and again when the server has lost or changed it', async () => {
    const server = new FakeServer();
    const book = bookOf(server);
    expect([await book.open('a'), await book.open('a'), await bookOf(server).open('a')]).toEqual([
      'Pushed',
      'Known',
      'Known',
    ]);
    server.accounts.clear();
    expect(await book.open('a')).toBe('Pushed');
    server.accounts.set(
      keyring.keysOf('a').account,
      accountJwt(wantedOf({ limits: { ...limits, streams: 1 } }), null, nowMs),
    );
    await book.compareAll();
    expect([server.pushes, await book.open('a')]).toEqual([3, 'Known']);
  });

  test('keeps who was revoked by whichever operator, over openings and closings, and lets a job in again', async () => {
    const server = new FakeServer();
    const book = bookOf(server);
    await book.open('a');
    await book.revoke('a', 'j-1');
    await book.close('a');
    expect(server.of('a')).toEqual({ revoked: workersOf(keyring.keysOf('a'), 'j-1'), closed: true });
    const later = bookOf(server);
    await later.open('a');
    await later.revoke('a', 'j-2');
    expect(server.of('a').revoked).toEqual(['j-1', 'j-2'].flatMap((uid) => workersOf(keyring.keysOf('a'), uid)));
    const before = server.pushes;
    await later.revoke('a', 'j-2');
    await later.readmit('a', 'j-3');
    expect(server.pushes).toBe(before);
    await later.readmit('a', 'j-1');
    expect(server.of('a').revoked).toEqual(workersOf(keyring.keysOf('a'), 'j-2'));
  });

  test('loses nothing of what is asked at the same time, and ends as it was asked last', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('open', 'close', 'revoke'), { minLength: 1, maxLength: 12 }),
        async (asked) => {
          const server = new FakeServer();
          const book = bookOf(server);
          await Promise.all(
            asked.map((what, at) => (what === 'revoke' ? book.revoke('a', `j-${String(at)}`) : book[what]('a'))),
          );
          const revoked = asked.flatMap((what, at) =>
            what === 'revoke' ? workersOf(keyring.keysOf('a'), `j-${String(at)}`) : [],
          );
          expect([...server.of('a').revoked].sort()).toEqual(revoked.sort());
          const states = asked.filter((what) => what !== 'revoke');
          expect(server.of('a').closed).toBe(states.at(-1) === 'close');
        },
      ),
      { numRuns: 50 },
    );
  });

  test('remembers the users of the 256 jobs that went last, and no more', async () => {
    const server = new FakeServer();
    const book = bookOf(server);
    await book.open('a');
    for (let at = 0; at < 260; at++) await book.revoke('a', `j-${String(at)}`);
    const { revoked } = server.of('a');
    expect(revoked).toHaveLength(768);
    expect(revoked).toContain(workersOf(keyring.keysOf('a'), 'j-259')[0]);
    expect(revoked).not.toContain(workersOf(keyring.keysOf('a'), 'j-3')[0]);
  });

  test('does what failed when it is asked to compare again', async () => {
    const server = new FakeServer();
    const book = bookOf(server);
    await book.open('a');
    await book.open('b');
    server.fails = new TimeoutError();
    await expect(book.revoke('a', 'j-1')).rejects.toMatchObject({ reason: 'unreachable' });
    await expect(book.close('b')).rejects.toMatchObject({ reason: 'unreachable' });
    await book.compareAll();
    server.fails = null;
    await book.compareAll();
    expect(server.of('a')).toEqual({ revoked: workersOf(keyring.keysOf('a'), 'j-1'), closed: false });
    expect(server.of('b').closed).toBe(true);
  });

  test('closes no account whose job came while others were compared', async () => {
    const server = new FakeServer();
    const book = bookOf(server);
    // More than are compared at a time: the turn of the late one comes after its job.
    for (let at = 0; at < 40; at++) await book.open(`other-${String(at)}`);
    server.fails = new TimeoutError();
    await expect(book.close('late')).rejects.toMatchObject({ reason: 'unreachable' });
    server.fails = null;
    const gate = Promise.withResolvers<undefined>();
    server.gate = gate.promise;
    const compared = book.compareAll();
    const opened = book.open('late');
    gate.resolve(undefined);
    await Promise.all([compared, opened]);
    expect(server.of('late').closed).toBe(false);
  });

  test('knows what failed, and tries that again and nothing else', async () => {
    const server = new FakeServer();
    const book = bookOf(server);
    await book.open('a');
    await book.open('b');
    expect(book.isSettled).toBe(true);
    server.fails = new TimeoutError();
    await expect(book.close('b')).rejects.toMatchObject({ reason: 'unreachable' });
    await book.settleRest();
    expect(book.isSettled).toBe(false);
    server.fails = null;
    const asked = server.lookups;
    await book.settleRest();
    expect({ settled: book.isSettled, closed: server.of('b').closed, asked: server.lookups - asked }).toEqual({
      settled: true,
      closed: true,
      asked: 1,
    });
  });

  test('changes nothing in a process that does not lead', async () => {
    const server = new FakeServer();
    await expect(bookOf(server, false).open('a')).rejects.toMatchObject({ reason: 'unreachable', retry: 'Later' });
    expect(server.pushes).toBe(0);
    await bookOf(server).open('a');
    expect(await bookOf(server, false).open('a')).toBe('Known');
  });

  test.each<[string, Error, string, RegExp]>([
    [
      'that takes no accounts',
      new RequestError('', { cause: new NoRespondersError('x') }),
      'refused',
      /no server takes accounts.*resolver/,
    ],
    [
      'that refuses the user',
      new RequestError('', { cause: new PermissionViolationError('', 'publish', 'x') }),
      'unauthorized',
      /may not publish to \$SYS.*docs\/operator.md/,
    ],
    ['that does not answer', new RequestError('timeout'), 'unreachable', /no answer from NATS \(timeout\)/],
  ])('names the namespace and the remedy for a server %s', async (_, fails, reason, sentence) => {
    const server = new FakeServer();
    server.fails = fails;
    const opening = bookOf(server).open('team-a');
    await expect(opening).rejects.toMatchObject({ reason });
    await expect(opening).rejects.toThrow(/^NATS account of namespace team-a: /);
    await expect(opening).rejects.toThrow(sentence);
  });

  test.each([
    [
      JSON.stringify({ error: { account: 'A', code: 500, description: 'jwt validation failed' } }),
      /refused it: jwt validation failed\./,
    ],
    [JSON.stringify({ error: { code: 500 } }), /it gave no reason/],
    ['<html>', /its answer cannot be read/],
  ])('reports a refusal that says %j', async (answer, sentence) => {
    const server = new FakeServer();
    server.answer = answer;
    await expect(bookOf(server).open('a')).rejects.toMatchObject({ reason: 'refused' });
    await expect(bookOf(server).open('a')).rejects.toThrow(sentence);
  });
});
