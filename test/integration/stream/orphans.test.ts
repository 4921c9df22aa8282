/**
 * Streams that lost their job, on a real server: the sweep removes what carries our mark and has no job, and nothing else;
 * it closes the account that a namespace left behind.
 */
import { jobNames } from '@distillery/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { AuthorizationError } from '@nats-io/transport-node';

import type { JobKey } from '../../../src/controller/index.js';
import { OrphanSweep, type OrphanSweepOptions, type SweepReport } from '../../../src/controller/index.js';
import type { StreamOwner } from '../../../src/domain/index.js';
import {
  AccountStreams,
  NatsStreams,
  type NamespaceAccounts,
  type NamespaceAccountsOptions,
  openStreams,
  passwordIssuer,
  SharedAccount,
  type StreamAdmin,
  type StreamHome,
} from '../../../src/stream/index.js';
import { FakeClock } from '../../kit/clock.js';
import { startTestNats, type TestLogin, type TestNats } from '../../kit/nats.js';
import { openNamespaceAccounts } from '../../kit/namespace-accounts.js';
import { type OperatorNats, startOperatorNats } from '../../kit/nats-operator.js';
import { JobMaker } from '../../kit/snapshots.js';
import { connectAs, connectPlain, connectRoot, objectsOf, streamsOf } from '../../kit/stream.js';
import { until } from '../../kit/until.js';

const us = 'lease-ours';
const afterMs = 1_000;
const ownerOf = ({ namespace, name, uid }: JobKey, operator = us): StreamOwner => ({ operator, namespace, name, uid });

const closers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((each) => each.close()));
});

interface Sweeper {
  readonly reports: SweepReport[];
  /** One round, this long after the last. */
  round(passesMs?: number): Promise<void>;
}

function sweeper(home: StreamHome, changes: Partial<OrphanSweepOptions> = {}): Sweeper {
  const clock = new FakeClock(0);
  const reports: SweepReport[] = [];
  const sweep = new OrphanSweep({
    streams: new AccountStreams(home),
    jobs: () => [],
    jobsAreCurrent: () => true,
    jobExists: () => Promise.resolve(false),
    operator: () => Promise.resolve(us),
    namespaces: [],
    afterMs,
    monotonicMs: () => clock.now(),
    clock,
    report: (report) => reports.push(report),
    ...changes,
  });
  return {
    reports,
    round: async (passesMs = 0) => {
      reports.length = 0;
      await clock.advance(passesMs);
      await sweep.round(new AbortController().signal);
    },
  };
}

const removedIn = ({ reports }: Sweeper): string[] =>
  reports.flatMap((report) => (report.kind === 'removed' ? report.streams : [])).toSorted();
const failuresIn = ({ reports }: Sweeper): unknown[] =>
  reports.flatMap((report) => (report.kind === 'failed' ? [report.error] : []));

describe('in one account for all jobs', () => {
  const stays = { namespace: 'team-a', name: 'stays', uid: 'job-a' };
  const gone = { namespace: 'team-b', name: 'gone', uid: 'job-b' };
  let nats: TestNats;
  let admin: StreamAdmin;
  let home: SharedAccount;

  beforeAll(async () => {
    nats = await startTestNats({ uids: ['job-a', 'job-b'] });
  });
  afterAll(() => nats.stop());

  /** An operator's way into NATS, as after a start. */
  async function opened(mayWrite?: () => boolean): Promise<void> {
    admin = openStreams({ url: nats.url, ...nats.operator }, mayWrite);
    home = new SharedAccount(admin, passwordIssuer({ url: nats.url, user: 'worker', password: 'any' }));
    closers.push(home);
    await until('the connection', () => admin.health.connected);
  }

  async function names(): Promise<string[]> {
    return (await admin.listStreams()).map(({ name }) => name).toSorted();
  }

  const provisioned = (job: JobKey, operator?: string): Promise<void> =>
    admin.provision(streamsOf(job.uid, { owner: ownerOf(job, operator) }));
  const namesOf = (uid: string): string[] => streamsOf(uid).streams.map(({ name }) => name);

  afterEach(async () => {
    const { connection, manager } = await connectRoot(nats);
    for await (const name of manager.streams.names()) await manager.streams.delete(name);
    await connection.close();
  });

  test('only what the missing job left goes: not the streams of a job that is there, of others, or without our mark', async () => {
    await opened();
    await provisioned(stays);
    await provisioned(gone);
    await admin.provision(streamsOf('unmarked'));
    await provisioned({ ...gone, uid: 'theirs' }, 'lease-theirs');
    const { connection, manager } = await connectRoot(nats);
    await manager.streams.add({ name: 'orders', subjects: ['orders'], max_bytes: 1_024 });
    // As somebody could name a stream of his own.
    const metadata = { 'distillery.dev/operator': us };
    await manager.streams.add({ name: 'DISTILL_x_ORDERS', subjects: ['x'], max_bytes: 1_024, metadata });
    await connection.close();
    const student = await connectAs(nats, 'student', 'job-a');
    closers.push(student);
    const objects = objectsOf(student, jobNames('job-a'));
    await objects.put('checkpoint', new Uint8Array(1_000));
    const all = await names();

    const sweep = sweeper(home, { jobs: () => [stays] });
    await sweep.round();
    await sweep.round(afterMs - 1);
    expect(await names()).toEqual(all);
    expect(sweep.reports).toEqual([{ kind: 'left', left: { waiting: 6, kept: 0, foreign: 12 } }]);
    await sweep.round(1);
    expect(removedIn(sweep)).toEqual(namesOf('job-b').toSorted());
    expect(await names()).toEqual(all.filter((name) => !name.includes('job-b')));
    expect(await objects.get('checkpoint')).toHaveLength(1_000);
    await sweep.round(9_000);
    expect(sweep.reports).toEqual([{ kind: 'left', left: { waiting: 0, kept: 0, foreign: 12 } }]);
  });

  test('nothing goes while the job list may be outdated, or when the API server knows the job', async () => {
    await opened();
    await provisioned(gone);
    const outdated = sweeper(home, { jobsAreCurrent: () => false });
    await outdated.round();
    await outdated.round(9_000);
    const known = sweeper(home, { jobExists: ({ uid }) => Promise.resolve(uid === 'job-b') });
    await known.round();
    await known.round(9_000);
    expect(known.reports).toMatchObject([{ kind: 'left' }, { kind: 'spared' }]);
    expect(await names()).toEqual(namesOf('job-b').toSorted());
  });

  test('nothing is removed and nothing marked by a process that does not lead', async () => {
    let leads = true;
    await opened(() => leads);
    await provisioned(gone);
    await admin.provision(streamsOf('job-a'));
    leads = false;
    const sweep = sweeper(home, { jobs: () => [stays] });
    await sweep.round();
    expect(failuresIn(sweep)).toHaveLength(6);
    await sweep.round(9_000);
    expect(failuresIn(sweep)).toMatchObject([{ reason: 'notLeading' }]);
    expect(await names()).toHaveLength(12);
    expect((await admin.listStreams()).filter(({ owner }) => owner?.uid === 'job-a')).toEqual([]);
  });

  test('a person keeps all streams of a job by marking one, also before the job went', async () => {
    await opened();
    await provisioned(gone);
    const { connection, manager } = await connectRoot(nats);
    const bucket = `OBJ_${jobNames('job-b').objectBucket}`;
    const { config } = await manager.streams.info(bucket);
    await manager.streams.update(bucket, { metadata: { ...config.metadata, 'distillery.dev/keep': 'true' } });
    // What the operator writes afterwards leaves it.
    await provisioned({ ...gone, name: 'renamed' });
    await admin.markStream(bucket, ownerOf(gone));
    expect((await manager.streams.info(bucket)).config.metadata).toMatchObject({
      'distillery.dev/keep': 'true',
      'distillery.dev/job-name': 'gone',
    });
    const sweep = sweeper(home);
    await sweep.round();
    await sweep.round(9_000);
    expect(sweep.reports).toEqual([{ kind: 'left', left: { waiting: 0, kept: 6, foreign: 0 } }]);
    // What was planned before the mark was set is not done after it.
    expect(await admin.removeOwned([bucket, 'DISTILL_job-b_WORK'], ownerOf(gone))).toEqual([]);
    expect(await admin.removeOwned([bucket, 'DISTILL_job-b_WORK'], ownerOf({ ...gone, name: 'renamed' }))).toEqual([
      'DISTILL_job-b_WORK',
    ]);
    await connection.close();
  });

  test('streams of an earlier version get their mark while their job is there, and lose nothing by it', async () => {
    await opened();
    const student = await connectAs(nats, 'student', 'job-a');
    closers.push(student);
    await admin.provision(streamsOf('job-a'));
    const objects = objectsOf(student, jobNames('job-a'));
    await objects.put('checkpoint', new Uint8Array(1_000));
    const { connection, manager } = await connectRoot(nats);
    const before = await manager.streams.info(`OBJ_${jobNames('job-a').objectBucket}`);
    let jobs: JobKey[] = [stays];
    const sweep = sweeper(home, { jobs: () => jobs });
    await sweep.round();
    expect((await admin.listStreams()).map(({ owner }) => owner)).toEqual(Array(6).fill(ownerOf(stays)));
    const after = await manager.streams.info(`OBJ_${jobNames('job-a').objectBucket}`);
    expect({ ...after.config, metadata: null }).toEqual({ ...before.config, metadata: null });
    expect(await objects.get('checkpoint')).toHaveLength(1_000);
    await connection.close();
    // One that went in the meantime needs no mark.
    await admin.markStream('DISTILL_elsewhere_WORK', ownerOf(stays));
    jobs = [];
    await sweep.round(10);
    await sweep.round(afterMs);
    expect(await names()).toEqual([]);
  });

  test('a job is provisioned with its mark, once: nothing is updated that is as it should be', async () => {
    await opened();
    const { connection } = await connectRoot(nats);
    closers.push(connection);
    const updates: string[] = [];
    connection.subscribe('$JS.API.STREAM.UPDATE.*', { callback: (_error, { subject }) => void updates.push(subject) });
    await connection.flush();
    const port = new NatsStreams(home, () => us);
    const { job } = new JobMaker();
    const { uid = '', namespace = '', name } = job.metadata;
    for (let time = 0; time < 2; time++) await port.provision(job);
    expect((await admin.listStreams()).map(({ owner }) => owner)).toEqual(
      Array(6).fill({ operator: us, namespace, name, uid }),
    );
    // A run on a laptop writes no mark, and takes none away.
    await new NatsStreams(home).provision(job);
    expect((await admin.listStreams()).every(({ owner }) => owner !== null)).toBe(true);
    await connection.flush();
    expect(updates).toEqual([]);
  });

  test('all streams of an account are read, however many the server lists at a time', async () => {
    await opened();
    const { connection, manager } = await connectRoot(nats);
    const count = 300;
    for (let at = 0; at < count; at++) {
      await manager.streams.add({ name: `many-${String(at)}`, subjects: [`many.${String(at)}`], max_bytes: 1_024 });
    }
    await connection.close();
    expect(await names()).toHaveLength(count);
  });
});

describe('with an account for each namespace', () => {
  let nats: OperatorNats;
  beforeAll(async () => {
    nats = await startOperatorNats();
  });
  afterAll(() => nats.stop());

  function opened(changes: Partial<NamespaceAccountsOptions> = {}): NamespaceAccounts {
    const home = openNamespaceAccounts(nats, changes);
    closers.push(home);
    return home;
  }

  async function provisioned(home: NamespaceAccounts, job: JobKey, operator = us): Promise<void> {
    const admin = await home.adminOf(job.namespace);
    await until('the account', () => admin.health.connected);
    await home.admit(job);
    await admin.provision(streamsOf(job.uid, { owner: ownerOf(job, operator) }));
  }

  /** The operator ends, and its jobs go without it. */
  async function left(...jobs: readonly JobKey[]): Promise<void> {
    const before = opened({ hasJobs: () => true });
    for (const job of jobs) await provisioned(before, job);
    await before.close();
  }

  async function admits(login: TestLogin): Promise<boolean> {
    try {
      await (await connectPlain(nats, login)).close();
      return true;
    } catch (error) {
      if (error instanceof AuthorizationError) return false;
      throw error;
    }
  }

  async function connected(home: NamespaceAccounts): Promise<void> {
    await until('the system account', () => home.connected);
  }

  test('that a namespace left behind while no operator ran is found, emptied and closed; others stay as they are', async () => {
    const gone = { namespace: 'team-gone', name: 'mnist', uid: 'gone-1' };
    const stays = { namespace: 'team-stays', name: 'mnist', uid: 'stays-1' };
    const elsewhere = { namespace: 'team-elsewhere', name: 'mnist', uid: 'elsewhere-1' };
    await left(gone, stays, elsewhere);
    const home = opened({ hasJobs: (namespace) => namespace === 'team-stays' });
    await connected(home);
    const served = ['team-gone', 'team-stays'];
    const sweep = sweeper(home, { jobs: () => [stays], namespaces: served });
    await sweep.round();
    // The connection to an account without jobs lasts only as long as it is used.
    expect(home.accounts).toEqual({ connected: 1, unreachable: 0 });
    await sweep.round(afterMs);
    expect(removedIn(sweep)).toEqual(
      streamsOf('gone-1')
        .streams.map(({ name }) => name)
        .toSorted(),
    );
    expect(await admits(nats.rootOf('team-gone'))).toBe(true);
    await sweep.round(1);
    await sweep.round(afterMs);
    expect(sweep.reports).toContainEqual({ kind: 'closed', namespace: 'team-gone' });
    expect(await admits(nats.rootOf('team-gone'))).toBe(false);
    expect(await admits(nats.rootOf('team-stays'))).toBe(true);
    expect(await admits(nats.rootOf('team-elsewhere'))).toBe(true);
    expect(await (await home.adminOf('team-stays')).observe('stays-1')).toMatchObject({
      state: 'Present',
      missing: [],
    });

    // It opens again with the next job.
    await provisioned(home, { ...gone, uid: 'gone-2' });
    expect(await (await home.adminOf('team-gone')).observe('gone-2')).toMatchObject({ state: 'Present' });
    expect(await (await home.adminOf('team-gone')).observe('gone-1')).toEqual({ state: 'Absent' });
  });

  test("whose last job is let go without its streams stays open for the sweep, without the job's users", async () => {
    const job = { namespace: 'team-forced', name: 'mnist', uid: 'forced-1' };
    const home = opened();
    await provisioned(home, job);
    const access = home.access('student', { ...job, createdAtMs: Date.now() - 60_000 });
    if (access.kind !== 'creds') throw new Error('expected credentials');
    const student = { creds: access.creds, inboxPrefix: jobNames(job.uid).inboxPrefix('student') };
    expect(await admits(student)).toBe(true);
    home.forget(job);
    await until('the connection to be closed', () => home.accounts.connected === 0);
    await until('its users to be refused', async () => !(await admits(student)));
    expect(await admits(nats.rootOf(job.namespace))).toBe(true);
    const sweep = sweeper(home, { namespaces: [job.namespace] });
    await sweep.round();
    await sweep.round(afterMs);
    expect(removedIn(sweep)).toHaveLength(6);
    await sweep.round(1);
    await sweep.round(afterMs);
    expect(await admits(nats.rootOf(job.namespace))).toBe(false);
  });

  test('of another key, or with streams of others in it, is left alone', async () => {
    const theirs = { namespace: 'team-theirs', name: 'mnist', uid: 'theirs-1' };
    const before = opened({ hasJobs: () => true });
    await provisioned(before, theirs, 'lease-theirs');
    await before.close();
    const home = opened();
    await connected(home);
    const sweep = sweeper(home, { namespaces: ['team-theirs'] });
    await sweep.round();
    for (let round = 0; round < 3; round++) await sweep.round(afterMs);
    expect(sweep.reports).toEqual([{ kind: 'left', left: { waiting: 0, kept: 0, foreign: 6 } }]);
    expect(await admits(nats.rootOf('team-theirs'))).toBe(true);
    // The server has two more accounts, its own and that of the kit: neither follows from our secrets.
    expect((await home.accountsToSweep()).accounts).toContain('team-theirs');
    expect((await home.accountsToSweep()).accounts.every((name) => name?.startsWith('team-'))).toBe(true);
  });

  test('is not closed when a job comes in the moment before', async () => {
    const job = { namespace: 'team-moment', name: 'mnist', uid: 'moment-1' };
    let has = false;
    const home = opened({ hasJobs: () => has });
    await home.adminOf(job.namespace);
    await home.visit(job.namespace, () => Promise.resolve());
    has = true;
    await home.closeAccount(job.namespace);
    await provisioned(home, job);
    expect(await admits(nats.rootOf(job.namespace))).toBe(true);
  });

  test('cannot be listed by a system user without the right: this is reported, and accounts in use are swept', async () => {
    const job = { namespace: 'team-rights', name: 'mnist', uid: 'rights-1' };
    const home = opened({ systemCreds: () => nats.operatorCreds, hasJobs: () => true });
    await left(job);
    expect(await (await home.adminOf(job.namespace)).observe(job.uid)).toMatchObject({ state: 'Present' });
    const sweep = sweeper(home);
    await sweep.round();
    expect(failuresIn(sweep)).toMatchObject([
      { reason: 'unauthorized', message: expect.stringContaining('CLAIMS.LIST') },
    ]);
    await sweep.round(afterMs);
    expect(removedIn(sweep)).toHaveLength(6);
  });
});
