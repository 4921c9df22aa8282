/** One account per namespace, made by the operator on a real server: made as needed, kept right, shut when over. */
import { setTimeout as sleep } from 'node:timers/promises';

import { bytesOfSeed, derivedBytes, nkeyOf } from '@distillery/nats';
import { jobNames, type NatsAccess } from '@distillery/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { AuthorizationError, TimeoutError } from '@nats-io/transport-node';

import {
  type JobRef,
  NatsStreams,
  type NamespaceAccounts,
  type NamespaceAccountsOptions,
} from '../../../src/stream/index.js';
import { userCreds } from '../../../src/stream/access/credentials.js';
import { claimAttempt, connectWorker, type StreamLink } from '../../../workers/stream/index.js';
import { noAccountLimits, openNamespaceAccounts } from '../../kit/namespace-accounts.js';
import { type OperatorNats, startOperatorNats, testCreatedAtMs } from '../../kit/nats-operator.js';
import { connectPlain, objectsOf, quietLog, streamsOf, studentState, systemClock } from '../../kit/stream.js';
import { until } from '../../kit/until.js';

let nats: OperatorNats;
const closers: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  nats = await startOperatorNats();
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((each) => each.close()));
});
afterAll(() => nats.stop());

/** An operator's way into NATS, as after a start. */
function opened(changes: Partial<NamespaceAccountsOptions> = {}): NamespaceAccounts {
  const home = openNamespaceAccounts(nats, changes);
  closers.push(home);
  return home;
}

async function provisioned(home: NamespaceAccounts, { namespace, uid }: JobRef): Promise<void> {
  const admin = await home.adminOf(namespace);
  await until('the account', () => admin.health.connected);
  await home.admit({ namespace, uid });
  await admin.provision(streamsOf(uid));
}

function credsOf(access: NatsAccess): string {
  if (access.kind !== 'creds') throw new Error('expected credentials');
  return access.creds;
}

async function student(home: NamespaceAccounts, job: JobRef, waitMs = 5_000): Promise<StreamLink> {
  const creds = credsOf(home.access('student', { ...job, createdAtMs: testCreatedAtMs }));
  const link = await connectWorker({
    url: nats.url,
    login: { kind: 'creds', read: () => creds },
    inboxPrefix: jobNames(job.uid).inboxPrefix('student'),
    name: 'student-test',
    waitMs,
    clock: systemClock,
    log: quietLog,
  });
  closers.push(link);
  return link;
}

describe('a namespace', () => {
  test('gets its account with its first job, apart from every other', async () => {
    const home = opened();
    await provisioned(home, { namespace: 'team-a', uid: 'a-1' });
    await provisioned(home, { namespace: 'team-b', uid: 'b-1' });
    expect(home.accounts).toEqual({ connected: 2, unreachable: 0 });
    const [a, b] = [await home.adminOf('team-a'), await home.adminOf('team-b')];
    expect(await a.observe('a-1')).toMatchObject({ state: 'Present', missing: [] });
    expect(await a.observe('b-1')).toEqual({ state: 'Absent' });
    expect(await b.observe('a-1')).toEqual({ state: 'Absent' });
    const link = await student(home, { namespace: 'team-a', uid: 'a-1' });
    await claimAttempt(link, jobNames('a-1'), 0, (attempt) => studentState({ attempt }));
    expect(await a.observe('a-1')).toMatchObject({ student: { attempt: 1 } });
  });

  test('keeps its account and its streams over a restart of the operator, which pushes nothing then', async () => {
    const job = { namespace: 'team-restart', uid: 'restart-1' };
    await provisioned(opened(), job);
    const pushes: string[] = [];
    const later = opened({
      mayAct: () => {
        pushes.push('asked');
        return true;
      },
    });
    expect(await (await later.adminOf(job.namespace)).observe(job.uid)).toMatchObject({
      state: 'Present',
      missing: [],
    });
    expect(pushes).toEqual([]);
  });

  test('without jobs is closed: its users are shut out, those of its last job as well, until a job comes again', async () => {
    const job = { namespace: 'team-over', uid: 'over-1' };
    const home = opened();
    await provisioned(home, job);
    const link = await student(home, job);
    await new NatsStreams(home).remove(job);
    home.forget(job);
    await until('the end of the connection', () => !link.connected);
    await until('the account to be closed', async () => !(await admits(nats.rootOf(job.namespace))));
    expect(home.accounts).toEqual({ connected: 0, unreachable: 0 });

    const next = { ...job, uid: 'over-2' };
    await provisioned(home, next);
    await student(home, next);
    // The first job's users stay out.
    expect(await admits(loginOf(home, job))).toBe(false);
    expect(await admits(loginOf(home, next))).toBe(true);
  });

  test('that still has jobs keeps its account when one goes', async () => {
    const home = opened({ hasJobs: () => true });
    const [gone, stays] = [
      { namespace: 'team-two', uid: 'two-1' },
      { namespace: 'team-two', uid: 'two-2' },
    ];
    await provisioned(home, gone);
    await provisioned(home, stays);
    const link = await student(home, stays);
    home.forget(gone);
    await until('the users of the one that went to be refused', async () => !(await admits(loginOf(home, gone))));
    expect(link.connected).toBe(true);
    expect(home.accounts).toEqual({ connected: 1, unreachable: 0 });
  });
});

describe('a namespace whose last job goes', () => {
  test('without jobs is closed also when that failed at first, on a connection that stays', async () => {
    const job = { namespace: 'team-late', uid: 'late-1' };
    let leads = true;
    const home = opened({ mayAct: () => leads, retryMs: 100 });
    await provisioned(home, job);
    // An account that holds streams is left open (docs/adr/0028).
    await new NatsStreams(home).remove(job);
    leads = false;
    home.forget(job);
    await until('the namespace to be left', () => home.accounts.connected === 0);
    expect(await admits(nats.rootOf(job.namespace))).toBe(true);
    leads = true;
    await until('the account to be closed', async () => !(await admits(nats.rootOf(job.namespace))));
  });

  test('while its connection waits for its turn has its account closed', async () => {
    const job = { namespace: 'team-waiting', uid: 'waiting-1' };
    const home = opened();
    await home.adminOf('team-first');
    // More than are connected at a time.
    const others = Array.from({ length: 40 }, (_, at) => home.adminOf(`team-other-${String(at)}`));
    const last = home.adminOf(job.namespace);
    home.forget(job);
    await Promise.all([...others, last]);
    // Its turn comes after that of the one that went.
    await provisioned(home, { namespace: 'team-after', uid: 'after-1' });
    await until('the account to be closed', async () => !(await admits(nats.rootOf(job.namespace))));
  });

  // The operator asks whether there are jobs twice: before it looks for streams, and after that.
  test.each([
    ['before', 1, ['connected']],
    ['after', 2, ['connected', 'connected']],
  ])(
    'and that gets another one in the moment %s it looked for streams stays open',
    async (when, call, connections) => {
      const job = { namespace: `team-moment-${when}`, uid: `moment-${when}-1` };
      const next = { ...job, uid: `moment-${when}-2` };
      const events: string[] = [];
      const comes = Promise.withResolvers<undefined>();
      let calls = 0;
      const home: NamespaceAccounts = opened({
        hasJobs: () => {
          calls += 1;
          if (calls === call) queueMicrotask(() => comes.resolve(provisioned(home, next).then(() => undefined)));
          return calls > call;
        },
        onStatus: (namespace, { kind }) => namespace !== null && events.push(kind),
      });
      await provisioned(home, job);
      await new NatsStreams(home).remove(job);
      home.forget(job);
      await comes.promise;
      const link = await student(home, next);
      await sleep(500);
      expect(link.connected).toBe(true);
      expect(events).toEqual(connections);
    },
    120_000,
  );
});

test('namespaces beyond the bound report it, and get their turn when another has no jobs any more', async () => {
  const home = opened({ mostNamespaces: 1 });
  const port = new NatsStreams(home);
  const [first, second] = [
    { namespace: 'team-first', uid: 'first-1' },
    { namespace: 'team-second', uid: 'second-1' },
  ];
  expect(await port.observe(first, {})).toEqual({ state: 'Absent' });
  expect(await port.observe(second, {})).toMatchObject({
    state: 'Unreachable',
    reason: expect.stringMatching(/^NATS account of namespace team-second: 1 namespaces have jobs already/),
  });
  home.forget(first);
  await until('its turn', async () => (await port.observe(second, {})).state === 'Absent');
});

describe("a job's users", () => {
  const job = { namespace: 'team-users', uid: 'users-1' };

  test('end with the job at once, stay out for another operator, and come back with a job that was put back', async () => {
    const home = opened({ hasJobs: () => true });
    await provisioned(home, job);
    const link = await student(home, job);
    await home.dismiss(job);
    await until('the end of the connection', () => !link.connected);
    expect(await admits(loginOf(home, job))).toBe(false);

    const later = opened({ hasJobs: () => true });
    await later.adminOf(job.namespace);
    expect(await admits(loginOf(later, job))).toBe(false);
    await provisioned(later, job);
    expect(await admits(loginOf(later, job))).toBe(true);
  });

  test('come back with a job that was put back while the system account was away', async () => {
    const back = { namespace: 'team-back', uid: 'back-1' };
    const before = opened({ hasJobs: () => true });
    await provisioned(before, back);
    await before.dismiss(back);
    const broken = 'no credentials';
    let systemCreds = broken;
    const later = opened({ hasJobs: () => true, systemCreds: () => systemCreds });
    await provisioned(later, back);
    expect(await admits(loginOf(later, back))).toBe(false);
    ({ systemCreds } = nats.accounts);
    await until('its users to be let in', async () => admits(loginOf(later, back)));
  });

  test('are the same bytes on every start of every operator', () => {
    const [first, second] = [opened(), opened()];
    for (const role of ['teacher', 'student', 'reader'] as const) {
      const identity = { ...job, createdAtMs: testCreatedAtMs };
      expect(first.access(role, identity)).toEqual(second.access(role, identity));
    }
  });
});

test('a broken login to the system account stops no job that runs, and keeps no streams of one that goes', async () => {
  const job = { namespace: 'team-broken', uid: 'broken-1' };
  await provisioned(opened(), job);
  const reported: string[] = [];
  const home = opened({
    systemCreds: () => nats.operatorCreds,
    onStatus: (namespace, event) => event.kind === 'error' && reported.push(`${namespace ?? ''}: ${event.message}`),
  });
  const port = new NatsStreams(home);
  expect(await port.observe(job, {})).toMatchObject({ state: 'Present', missing: [] });
  await port.remove(job);
  expect(await port.observe(job, {})).toEqual({ state: 'Absent' });
  expect(reported.join()).toMatch(
    /team-broken: NATS account of namespace team-broken: the system account's user may not publish/,
  );
  expect(await port.observe({ namespace: 'team-broken-new', uid: 'broken-2' }, {})).toMatchObject({
    state: 'Unreachable',
    reason: expect.stringMatching(/the system account's user may not publish/),
  });
});

describe('a server', () => {
  test('that lost all accounts is given them again, and workers come back by themselves', async () => {
    const job = { namespace: 'team-wiped', uid: 'wiped-1' };
    const home = opened();
    await provisioned(home, job);
    const link = await student(home, job);
    await nats.forgetAccounts();
    await until('the operator to be back', () => home.accounts.connected === 1);
    await until('the student to be back', () => link.connected);
    // The streams lie under the account's key, which is the same.
    expect(await (await home.adminOf(job.namespace)).observe(job.uid)).toMatchObject({ state: 'Present', missing: [] });
  });

  test('that is away is waited for, and what it missed is done then', async () => {
    const [gone, stays] = [
      { namespace: 'team-away', uid: 'away-1' },
      { namespace: 'team-away', uid: 'away-2' },
    ];
    const home = opened({ hasJobs: () => true });
    await provisioned(home, gone);
    await provisioned(home, stays);
    await nats.kill();
    await until('the loss', () => !home.connected);
    home.forget(gone);
    expect(await (await home.adminOf('team-away')).observe('away-2')).toMatchObject({ state: 'Unreachable' });
    await nats.restart();
    await until('the connections', () => home.health.connected);
    await until('the users to be refused', async () => !(await admits(loginOf(home, gone))));
    expect(await admits(loginOf(home, stays))).toBe(true);
  });

  test('that takes no accounts is named as the cause, and asked again', async () => {
    const fixed = await startOperatorNats({ resolver: 'memory' });
    try {
      const home = opened({ url: fixed.url, systemCreds: () => fixed.accounts.systemCreds });
      const seen = await (await home.adminOf('team-a')).observe('a-1');
      expect(seen).toMatchObject({
        state: 'Unreachable',
        reason: expect.stringMatching(
          /^NATS account of namespace team-a: no server takes accounts .*resolver: \{ type: full \}/,
        ),
      });
      await expect((await home.adminOf('team-a')).provision(streamsOf('a-1'))).rejects.toMatchObject({
        retry: 'Later',
      });
      expect(home.health).toMatchObject({ connected: false });
      expect(home.connected).toBe(true);
    } finally {
      await fixed.stop();
    }
  });
});

test('an operator that does not lead changes no account, and uses one that is there', async () => {
  const job = { namespace: 'team-standby', uid: 'standby-1' };
  const standby = opened({ mayAct: () => false });
  const refused = await (await standby.adminOf(job.namespace)).observe(job.uid);
  expect(refused).toMatchObject({ state: 'Unreachable', reason: expect.stringContaining('no longer leads') });
  await provisioned(opened(), job);
  await until('the standby to see it', () => standby.accounts.connected === 1);
  // Another limit is not brought by it either.
  const other = opened({ mayAct: () => false, limitsOf: () => ({ ...noAccountLimits, streams: 1 }) });
  expect(await (await other.adminOf(job.namespace)).observe(job.uid)).toMatchObject({ state: 'Present' });
  await expect(other.dismiss(job)).rejects.toMatchObject({ reason: 'unreachable', retry: 'Later' });
});

test('limits of a namespace are held by the server, and leave the others alone', async () => {
  const MiB = 1024 * 1024;
  const home = opened({
    limitsOf: (namespace) =>
      namespace === 'team-small' ? { ...noAccountLimits, storageBytes: 32 * MiB, connections: 2 } : noAccountLimits,
  });
  await provisioned(home, { namespace: 'team-large', uid: 'large-1' });
  // Each of three streams reserves more: of several at a time the server may let one too many in.
  const refusal: unknown = await provisioned(home, { namespace: 'team-small', uid: 'small-1' }).catch(
    (e: unknown) => e,
  );
  expect(refusal).toMatchObject({
    reason: 'full',
    message: expect.stringMatching(
      new RegExp(
        "^create stream \\S+: a limit of the job's NATS account is reached \\(insufficient storage resources available: of 32 MiB " +
          'it has reserved [\\d.]+ (bytes|KiB|MiB), and this stream needs [\\d.]+ (MiB|GiB)\\)\\. Delete finished jobs, lower ' +
          "spec\\.logits\\.maxBytes, or ask the administrator to raise the namespace's limits in `nats\\.accounts` of the chart ",
      ),
    ),
  });
  expect((refusal as Error).message).not.toMatch(/disk|max_file_store/);
  // Of two connections the operator has one.
  const root = await connectPlain(nats, nats.rootOf('team-small'));
  const third = student(home, { namespace: 'team-small', uid: 'small-1' }, 1_000);
  await expect(third).rejects.toThrow(/NATS/);
  await root.close();
  await provisioned(home, { namespace: 'team-large', uid: 'large-2' });

  // With room it goes on, without a restart of anything but the operator.
  const later = opened();
  await provisioned(later, { namespace: 'team-small', uid: 'small-1' });
});

test('a checkpoint that meets the limit of the account says so, and how large the whole checkpoint is', async () => {
  const MiB = 1024 * 1024;
  const job = { namespace: 'team-lowered', uid: 'lowered-1' };
  await provisioned(opened(), job);
  const link = await student(opened(), job);
  const store = objectsOf(link, jobNames(job.uid));
  await store.put('first', new Uint8Array(2 * MiB).fill(1));
  // The administrator lowers the limit below what is stored.
  const lowered = opened({ limitsOf: () => ({ ...noAccountLimits, storageBytes: MiB }) });
  await (await lowered.adminOf(job.namespace)).observe(job.uid);
  await expect(store.put('second', new Uint8Array(2 * MiB).fill(2))).rejects.toMatchObject({
    message: expect.stringMatching(
      /^object second: the job's object store cannot take 2097152 bytes: a limit of the job's NATS account is reached \(.+\)\. Delete finished jobs, lower spec\.student\.checkpoint\.keep, or ask the administrator to raise the limits of that account\.$/,
    ),
  });
  await link.close();
});

test('a namespace at its limit of streams gets a message about streams, not about space', async () => {
  // A job has six.
  const home = opened({ limitsOf: () => ({ ...noAccountLimits, streams: 6 }) });
  await provisioned(home, { namespace: 'team-counted', uid: 'counted-1' });
  await expect(provisioned(home, { namespace: 'team-counted', uid: 'counted-2' })).rejects.toMatchObject({
    reason: 'full',
    retry: 'AfterSomebodyActs',
    message: expect.stringMatching(
      /^create stream \S+: a limit of the job's NATS account is reached \(maximum .*\)\. Delete finished jobs, or ask the administrator/,
    ),
  });
});

test('a limit beyond what the server has is reported by the jobs of that namespace, until it is lowered', async () => {
  const job = { namespace: 'team-huge', uid: 'huge-1' };
  const home = opened({ limitsOf: () => ({ ...noAccountLimits, storageBytes: 2 ** 52 }) });
  await expect(provisioned(home, job)).rejects.toThrow(/jetstream/i);
  await expect((await home.adminOf(job.namespace)).observe(job.uid)).resolves.toMatchObject({
    state: 'Unreachable',
    reason: expect.stringMatching(/jetstream/i),
  });
  const later = opened();
  await provisioned(later, job);
});

test("an account's own key signs no user where the operator requires signing keys", async () => {
  const job = { namespace: 'team-strict', uid: 'strict-1' };
  await provisioned(opened(), job);
  const { operatorSigningSeed } = nats.accounts;
  const bytes = derivedBytes(bytesOfSeed('operator', operatorSigningSeed), `distillery/v1/account/${job.namespace}`);
  const own = nkeyOf('account', bytes);
  const everything = { publish: ['>'], subscribe: ['>'] };
  const forged = { signer: own, account: own.publicKey, user: nkeyOf('user', bytes), name: 'x', issuedAtSeconds: 1 };
  expect(await admits(nats.rootOf(job.namespace))).toBe(true);
  expect(await admits({ creds: userCreds({ ...forged, rights: everything }), inboxPrefix: '_INBOX' })).toBe(false);
});

describe('an exchanged signing key', () => {
  test('leaves accounts and streams as they are when the first key still names them', async () => {
    const job = { namespace: 'team-rotated', uid: 'rotated-1' };
    const before = opened();
    await provisioned(before, job);
    const old = nats.accounts.operatorSigningSeed;
    const renewed = await nats.rotateOperatorKey();
    await until('the old operator to be refused', () => before.accounts.connected === 0);
    await until(
      'the reason',
      () => !before.health.connected && before.health.reason.includes('Check that the signing key'),
    );
    await before.close();

    const after = opened({ keys: { signingSeed: renewed, accountsSeed: old } });
    expect(await (await after.adminOf(job.namespace)).observe(job.uid)).toMatchObject({
      state: 'Present',
      missing: [],
    });
    await student(after, job);
    expect(await admits(loginOf(before, job))).toBe(false);
  });
});

function loginOf(home: NamespaceAccounts, job: JobRef): { readonly creds: string; readonly inboxPrefix: string } {
  const creds = credsOf(home.access('student', { ...job, createdAtMs: testCreatedAtMs }));
  return { creds, inboxPrefix: jobNames(job.uid).inboxPrefix('student') };
}

/** An account that is closed in the middle of a handshake ends the connection without a word, and the client waits on. */
const handshakeMs = 20_000;

/** Whether the server accepts this login now. */
async function admits(login: { readonly creds: string; readonly inboxPrefix: string }): Promise<boolean> {
  for (;;) {
    try {
      const connection = await connectPlain(nats, login, handshakeMs);
      await connection.close();
      return true;
    } catch (error) {
      if (error instanceof AuthorizationError) return false;
      if (!(error instanceof TimeoutError)) throw error;
    }
  }
}
