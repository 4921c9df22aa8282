/** The operator's link: it outlives its server, starts before it, and goes on with new credentials. */
import { jobNames } from '@distillery/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import {
  type ConnectionEvent,
  connectReader,
  connectStreams,
  credsIssuer,
  openStreams,
  type StreamAdmin,
} from '../../../src/stream/index.js';
import {
  claimAttempt,
  connectWorker,
  feed,
  publishTeacherState,
  type StreamLink,
} from '../../../workers/stream/index.js';
import { type OperatorNats, startOperatorNats, testCreatedAtMs, testLifetime } from '../../kit/nats-operator.js';
import {
  accessOf,
  connectAs,
  quietLog,
  streamsOf,
  studentState,
  systemClock,
  teacherState,
  workItem,
} from '../../kit/stream.js';
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

function opened(options: Partial<Parameters<typeof openStreams>[0]> = {}): StreamAdmin {
  const admin = openStreams({ url: nats.url, creds: nats.operatorCreds, ...options });
  closers.push(admin);
  return admin;
}

/** What an administrator says when it cannot say anything. */
function reasonOf(admin: StreamAdmin): string {
  return admin.health.connected ? '' : admin.health.reason;
}

describe('an operator that starts while its server is down', () => {
  test('says so, refuses to change anything, and goes on by itself when the server comes', async () => {
    await nats.kill();
    const events: ConnectionEvent[] = [];
    const admin = opened({ onStatus: (event) => events.push(event) });
    const heard: (readonly [string | null, string | null])[] = [];
    admin.watchAll((uid, key) => heard.push([uid, key]));
    expect(await admin.observe('early')).toEqual({ state: 'Unreachable', reason: reasonOf(admin) });
    await until('the reason', () => /ECONNREFUSED.*Check that/.test(reasonOf(admin)));
    // The server is down until all of these have ended: none of them waits for it.
    const refusal = { reason: 'unreachable', retry: 'Later', message: expect.stringContaining('ECONNREFUSED') };
    await expect(admin.provision(streamsOf('early'))).rejects.toMatchObject(refusal);
    await expect(admin.remove('early')).rejects.toMatchObject(refusal);
    await expect(admin.listObjects('early')).rejects.toMatchObject(refusal);
    expect(await admin.observe('early')).toMatchObject({ state: 'Unreachable' });
    expect(admin.serverVersion).toBe('unknown');

    await nats.restart();
    await until('the connection', () => admin.health.connected);
    await until('the beginning of the watch', () => heard.some(([uid]) => uid === null));
    await admin.provision(streamsOf('early'));
    expect(await admin.observe('early')).toMatchObject({ state: 'Present', missing: [] });
    expect(admin.serverVersion).toMatch(/^2\./);
    // Each reason once, however often it was met.
    expect(events.map(({ kind }) => kind)).toEqual(['unreachable', 'connected']);
  });

  test('stops on request before its first connection', async () => {
    const admin = openStreams({ url: 'nats://127.0.0.1:1', creds: nats.operatorCreds });
    await admin.close();
    expect(await admin.observe('early')).toMatchObject({ state: 'Unreachable' });
  });
});

test('one watch hears of every job, in which job and of which key', async () => {
  const admin = opened();
  await until('the connection', () => admin.health.connected);
  await admin.provision(streamsOf('watched-a'));
  await admin.provision(streamsOf('watched-b'));
  const heard: string[] = [];
  const stop = admin.watchAll((uid, key) => heard.push(`${uid ?? 'any'} ${key ?? 'any'}`));
  await until('the beginning of the watch', () => heard.includes('any any'));
  const student = await connectAs(nats, 'student', 'watched-a');
  const teacher = await connectAs(nats, 'teacher', 'watched-b');
  closers.push(student, teacher);
  await claimAttempt(student, jobNames('watched-a'), 0, (attempt) => studentState({ attempt }));
  await publishTeacherState(teacher, jobNames('watched-b'), teacherState('t-1'));
  await until('both', () => heard.length >= 3);
  expect(heard).toEqual(['any any', 'watched-a student', 'watched-b teacher.t-1']);

  await nats.kill();
  await until('the loss', () => !admin.health.connected);
  expect(reasonOf(admin)).toBe('the connection to NATS is lost');
  await nats.restart();
  await until('the reconnect', () => heard.filter((each) => each === 'any any').length === 2);
  await publishTeacherState(teacher, jobNames('watched-b'), teacherState('t-2'));
  await until('the change after the reconnect', () => heard.at(-1) === 'watched-b teacher.t-2');
  stop();
  await publishTeacherState(teacher, jobNames('watched-b'), teacherState('t-3'));
  await admin.observe('watched-b');
  expect(heard).not.toContain('watched-b teacher.t-3');
});

describe('an operator that stops leading', () => {
  const uid = 'paused';

  /** One that may write so many times, whatever it is in the middle of. */
  async function leadingFor(writes: number): Promise<StreamAdmin> {
    let left = writes;
    const admin = openStreams({ url: nats.url, creds: nats.operatorCreds }, () => left-- > 0);
    closers.push(admin);
    await until('the connection', () => admin.health.connected);
    return admin;
  }
  const missing = async (admin: StreamAdmin): Promise<number> => {
    const seen = await admin.observe(uid);
    return seen.state === 'Present' ? seen.missing.length : -1;
  };

  test('writes nothing more, not even the rest of what it has begun', async () => {
    const sound = await leadingFor(1_000);
    // Six streams and two consumers are a job's.
    for (const writes of [0, 1, 5, 6, 7]) {
      const admin = await leadingFor(writes);
      await expect(admin.provision(streamsOf(uid))).rejects.toMatchObject({ reason: 'notLeading', retry: 'Later' });
      // What was sent beside the refused one is answered in its own time.
      const left = writes === 0 ? -1 : 8 - writes;
      await until(`${String(left)} parts to be missing after ${String(writes)} writes`, async () => {
        return (await missing(sound)) === left;
      });
      await sound.remove(uid);
    }
    await sound.provision(streamsOf(uid));
    for (const writes of [0, 2]) {
      const admin = await leadingFor(writes);
      await expect(admin.remove(uid)).rejects.toMatchObject({ reason: 'notLeading' });
      expect([writes, (await sound.observe(uid)).state]).toEqual([writes, 'Present']);
      await sound.provision(streamsOf(uid));
    }
    const admin = await leadingFor(0);
    for (const write of [
      () => admin.trim(uid, 5),
      () => admin.deleteFrame(uid, 1),
      () => admin.retryDeadLetters(uid),
    ]) {
      await expect(write()).rejects.toMatchObject({ reason: 'notLeading' });
    }
    await sound.remove(uid);
    expect((await sound.observe(uid)).state).toBe('Absent');
  });
});

describe('credentials', () => {
  const issuedBy = (signingSeed: string): ReturnType<typeof credsIssuer> =>
    credsIssuer({ url: nats.url, signingSeed, account: nats.account, lifetime: testLifetime });

  function join(read: () => string): Promise<StreamLink> {
    return connectWorker({
      url: nats.url,
      login: { kind: 'creds', read },
      inboxPrefix: jobNames('renewed').inboxPrefix('student'),
      name: 'student-test',
      waitMs: 60_000,
      clock: systemClock,
      log: quietLog,
    });
  }

  test('of another account are refused without being shown, by operator, reader and worker', async () => {
    const foreign = await startOperatorNats();
    try {
      const creds = foreign.operatorCreds;
      const connecting = connectStreams({ url: nats.url, creds, waitMs: 5_000 });
      await expect(connecting).rejects.toMatchObject({ reason: 'unauthorized' });
      const admin = opened({ creds });
      await until('the reason', () => reasonOf(admin).includes('does not know the account of these credentials'));
      const reader = connectReader({ ...accessOf(nats, foreign.userFor('reader', 'x')), uid: 'x', waitMs: 5_000 });
      await expect(reader).rejects.toMatchObject({ reason: 'unauthorized' });
      const [, jwt = ''] = creds.split('\n');
      await expect(connecting).rejects.not.toThrow(jwt.slice(0, 40));
      expect(reasonOf(admin)).not.toContain(jwt.slice(0, 40));
    } finally {
      await foreign.stop();
    }
  });

  test('that are no credentials end in a sentence', async () => {
    const connecting = connectStreams({ url: nats.url, creds: 'secret', waitMs: 5_000 });
    await expect(connecting).rejects.toMatchObject({ reason: 'unauthorized' });
    await expect(connecting).rejects.toThrow(/expected the text of a .creds file/);
    await expect(connecting).rejects.not.toThrow(/secret/);
  });

  test('a worker comes back with them after its server was killed', async () => {
    const admin = opened();
    await until('the connection', () => admin.health.connected);
    await admin.provision(streamsOf('renewed'));
    const link = await connectAs(nats, 'student', 'renewed');
    closers.push(link);
    await nats.kill();
    const feeding = feed(link, jobNames('renewed'), workItem(1));
    await nats.restart();
    expect(await feeding).toBe('fed');
  });

  test('of an exchanged signing key are used by a link that reads them again, without a restart', async () => {
    let signingSeed = nats.accountSigningSeed;
    const read = (): string => {
      const access = issuedBy(signingSeed)({ uid: 'renewed', createdAtMs: testCreatedAtMs }, 'student');
      return access.kind === 'creds' ? access.creds : '';
    };
    let operatorCreds = nats.operatorCreds;
    const admin = opened({ creds: () => operatorCreds });
    const link = await join(read);
    closers.push(link);
    const renewed = await nats.rotateSigningKey();
    // The server refuses users of the old key until the file is replaced.
    const beginner = join(read);
    await until('refusals of both', async () => !link.connected && (await nats.refusals()) > 4);
    expect(link.connection.isClosed()).toBe(false);
    await until('the reason', () => reasonOf(admin).includes('does not know the account of these credentials'));
    ({ signingSeed, operatorCreds } = renewed);
    await until('the connections', () => link.connected && admin.health.connected);
    expect(await feed(link, jobNames('renewed'), workItem(2))).toBe('fed');
    closers.push(await beginner);
  });
});
