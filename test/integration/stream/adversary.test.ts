/**
 * A hostile worker against another job: each role's credentials, and every way to make the server act in its place. Between
 * namespaces nothing changes and nothing is read; within one namespace the expectations say what holds and what does not
 * (docs/adr/0014).
 */
import { createHash } from 'node:crypto';

import { jobNames, type JobNames, type WorkerRole, workerRoles } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

import { NamespaceAccounts } from '../../../src/stream/index.js';
import { claimAttempt, connectWorker, feed, publishFrame, publishTeacherState } from '../../../workers/stream/index.js';
import { type OperatorNats, startOperatorNats, testCreatedAtMs, testLifetime } from '../../kit/nats-operator.js';
import {
  connectPlain,
  frameOf,
  objectsOf,
  quietLog,
  streamsOf,
  studentState,
  systemClock,
  teacherState,
  workItem,
} from '../../kit/stream.js';
import { until } from '../../kit/until.js';

/** The attacker's job, one beside it in its namespace, and one of another tenant. */
const mine = { namespace: 'team-a', uid: 'mine' };
const sibling = { namespace: 'team-a', uid: 'sibling' };
const theirs = { namespace: 'team-b', uid: 'theirs' };
type Job = typeof mine;

/** In everything that another job stores: a worker that receives it has read what is not its own. */
const secret = 'the-secret-of-another-job';

let nats: OperatorNats;
let home: NamespaceAccounts;
const roots = new Map<string, { readonly connection: NatsConnection; readonly manager: JetStreamManager }>();
const heard = new Map<string, string[]>();

beforeAll(async () => {
  nats = await startOperatorNats();
  const { systemCreds, operatorSigningSeed } = nats.accounts;
  home = new NamespaceAccounts({
    url: nats.url,
    workerUrl: nats.url,
    systemCreds: () => systemCreds,
    keys: { signingSeed: operatorSigningSeed, accountsSeed: operatorSigningSeed },
    limitsOf: () => ({ storageBytes: null, memoryBytes: null, streams: null, consumers: null, connections: null }),
    credentialSeconds: testLifetime.seconds,
    nowMs: testLifetime.nowMs,
    mayAct: () => true,
    hasJobs: () => true,
    onChange: () => undefined,
    onStatus: () => undefined,
  });
  for (const job of [mine, sibling, theirs]) await fill(job);
  for (const { namespace } of [mine, theirs]) {
    const connection = await connectPlain(nats, nats.rootOf(namespace));
    roots.set(namespace, { connection, manager: await jetstreamManager(connection, { checkAPI: false }) });
    const messages: string[] = [];
    heard.set(namespace, messages);
    connection.subscribe('>', { callback: (_, { subject }) => void messages.push(subject) });
  }
});
afterAll(async () => {
  await Promise.all([...roots.values()].map(({ connection }) => connection.close()));
  await home.close();
  await nats.stop();
});

function loginOf({ namespace, uid }: Job, role: WorkerRole): { readonly creds: string; readonly inboxPrefix: string } {
  const access = home.access(role, { namespace, uid, createdAtMs: testCreatedAtMs });
  if (access.kind !== 'creds') throw new Error('credentials are issued here');
  return { creds: access.creds, inboxPrefix: jobNames(uid).inboxPrefix(role) };
}

/** A job in the middle of its life: something in every stream. */
async function fill(job: Job): Promise<void> {
  const admin = await home.adminOf(job.namespace);
  await until('the account', () => admin.health.connected);
  await admin.provision(streamsOf(job.uid));
  const names = jobNames(job.uid);
  const link = (role: WorkerRole): ReturnType<typeof connectWorker> => {
    const { creds, inboxPrefix } = loginOf(job, role);
    const login = { kind: 'creds', read: () => creds } as const;
    return connectWorker({
      url: nats.url,
      login,
      inboxPrefix,
      name: role,
      waitMs: 5_000,
      clock: systemClock,
      log: quietLog,
    });
  };
  const [student, teacher] = [await link('student'), await link('teacher')];
  await claimAttempt(student, names, 0, (attempt) => studentState({ attempt }));
  for (const step of [1, 2, 3]) await feed(student, names, workItem(step));
  for (const step of [1, 2]) await publishFrame(teacher, names, { shard: 0, step }, frameOf(step));
  await publishTeacherState(teacher, names, teacherState('t-1'));
  await objectsOf(student, names).put('checkpoint-1', new TextEncoder().encode(`${secret} ${job.uid}`));
  await Promise.all([student.close(), teacher.close()]);
}

function streamNames({ streams, stateBucket, teacherBucket, objectBucket }: JobNames): string[] {
  return [
    streams.work,
    streams.logits,
    streams.dead,
    `KV_${stateBucket}`,
    `KV_${teacherBucket}`,
    `OBJ_${objectBucket}`,
  ];
}

/** Everything of a namespace's account: its streams with configuration and content, its consumers, its own JWT. */
async function pictureOf(namespace: string, of: (stream: string) => boolean = () => true): Promise<unknown> {
  const { manager } = roots.get(namespace)!;
  const streams: Record<string, unknown> = {};
  for await (const { config, state } of manager.streams.list()) {
    if (!of(config.name)) continue;
    const messages: string[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.direct.getMessage(config.name, { seq }).catch(() => null);
      if (message !== null) messages.push(`${String(seq)} ${message.subject} ${digest(message.data)}`);
    }
    const consumers: unknown[] = [];
    for await (const { name, delivered, ack_floor, num_pending, config: consumer } of manager.consumers.list(
      config.name,
    )) {
      const { stream_seq, consumer_seq } = delivered;
      consumers.push({ name, stream_seq, consumer_seq, ack_floor: ack_floor.stream_seq, num_pending, consumer });
    }
    streams[config.name] = { config, messages, consumers };
  }
  return streams;
}

function digest(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 12);
}

/** What JetStream takes as orders, when it comes as the body of a reply. */
function orders(victim: JobNames, inbox: string): Record<string, string> {
  const deliver = {
    deliver_subject: `${inbox}.stolen`,
    ack_policy: 'none',
    deliver_policy: 'all',
    replay_policy: 'instant',
  };
  const consumer = (stream: string): string => JSON.stringify({ stream_name: stream, config: deliver });
  const objects = `OBJ_${victim.objectBucket}`;
  return {
    [`$JS.API.CONSUMER.CREATE.${objects}`]: consumer(objects),
    [`$JS.API.STREAM.CREATE.EVIL`]: JSON.stringify({ name: 'EVIL', subjects: ['evil'], max_bytes: 1_024 }),
    [`$JS.API.STREAM.UPDATE.${victim.streams.dead}`]: JSON.stringify({
      name: victim.streams.dead,
      subjects: ['evil.dead'],
    }),
    [`$KV.${victim.stateBucket}.student`]: JSON.stringify(studentState({ attempt: 99 })),
    [`$KV.${victim.teacherBucket}.t-1`]: JSON.stringify(teacherState('t-1', { samplesPerSecond: 1e9 })),
    [victim.subjects.logits(0, 1_000)]: 'a forged frame',
    [`$O.${victim.objectBucket}.M.ZXZpbA==`]: '{}',
    [victim.subjects.work(0, 1_000)]: '{}',
    [`$JS.API.STREAM.PURGE.${victim.streams.work}`]: '{}',
    [`$JS.API.STREAM.PURGE.${objects}`]: '{}',
    [`$JS.API.CONSUMER.DELETE.${victim.streams.work}.teachers`]: '',
    [`$JS.API.STREAM.DELETE.${victim.streams.logits}`]: '',
    [`$JS.API.STREAM.DELETE.KV_${victim.stateBucket}`]: '',
    [`$JS.API.STREAM.INFO.${victim.streams.logits}`]: '',
    [`$JS.API.DIRECT.GET.${objects}`]: '{"seq":1}',
    [`$JS.API.CONSUMER.MSG.NEXT.${victim.streams.work}.teachers`]: '',
    [`$JS.ACK.${victim.streams.work}.teachers.1.1.1.1.0`]: '+TERM',
    [`distill.${victim.uid}.state.student`]: '{}',
    [`${victim.inboxPrefix('student')}.x`]: '{}',
    [`${victim.inboxPrefix('teacher')}.x`]: '{}',
    ['_INBOX_operator.x']: '{}',
    ['$SYS.REQ.CLAIMS.UPDATE']: 'a forged account',
    [`$SYS.REQ.ACCOUNT.${victim.uid}.CLAIMS.DELETE`]: '',
  };
}

/** Questions of its own that a role may ask, and whose answer goes wherever it says; each answers with `body` if it can. */
async function questions(role: WorkerRole, body: string): Promise<[string, string][]> {
  const own = jobNames(mine.uid);
  const objects = `OBJ_${own.objectBucket}`;
  const { manager } = roots.get(mine.namespace)!;
  const info: [string, string] = [`$JS.API.STREAM.INFO.${objects}`, ''];
  if (role === 'teacher') {
    const subject = own.subjects.logits(0, 7_000_000 + Math.floor(Math.random() * 1e6));
    await manager.jetstream().publish(subject, body);
    return [[`$JS.API.DIRECT.GET.${own.streams.logits}.${subject}`, '']];
  }
  // A student may write its own objects; a reader finds what a student of its own wrote.
  const subject = `$O.${own.objectBucket}.C.body${String(Math.floor(Math.random() * 1e9))}`;
  const { seq } = await manager.jetstream().publish(subject, body);
  return [
    [`$JS.API.DIRECT.GET.${objects}.${subject}`, ''],
    [`$JS.API.DIRECT.GET.${objects}`, JSON.stringify({ seq })],
    info,
  ];
}

interface Loot {
  /** What came to the attacker's inboxes and held what another job stored. */
  readonly secrets: number;
  /** Orders that the server took: their answer came to the attacker. */
  readonly refusals: number;
}

/** Every order, straight and as the reply subject of a question of its own. */
async function attack(role: WorkerRole, victim: Job): Promise<Loot> {
  const login = loginOf(mine, role);
  const attacker = await connectPlain(nats, login);
  let secrets = 0;
  let refusals = 0;
  void (async () => {
    for await (const { type } of attacker.status()) if (type === 'error') refusals += 1;
  })();
  // A consumer delivers only where it finds its own subject listened to.
  for (const inbox of ['answer', 'stolen']) {
    attacker.subscribe(`${login.inboxPrefix}.${inbox}`, {
      callback: (_, message) => {
        if (Buffer.from(message.data).includes(`${secret} ${victim.uid}`)) secrets += 1;
      },
    });
  }
  await attacker.flush();
  for (const [order, body] of Object.entries(orders(jobNames(victim.uid), login.inboxPrefix))) {
    attacker.publish(order, body, { reply: `${login.inboxPrefix}.answer` });
    for (const [question, asked] of await questions(role, body)) {
      attacker.publish(question, asked, { reply: order });
    }
    // What reads comes before what erases.
    if (order.includes('CONSUMER.CREATE')) await systemClock.sleep(300);
  }
  // The server works off what one client sends in its order; what it sends to itself follows.
  await attacker.flush();
  await systemClock.sleep(300);
  await attacker.close();
  return { secrets, refusals };
}

describe.each(workerRoles)('a hostile %s', (role) => {
  test('of another namespace changes nothing and reads nothing, also where it lets the server speak', async () => {
    const before = await pictureOf(theirs.namespace);
    heard.get(theirs.namespace)!.length = 0;
    const { secrets, refusals } = await attack(role, theirs);
    expect(secrets).toBe(0);
    expect(refusals).toBeGreaterThan(0);
    // Root's own requests aside, nothing was published in the account, and no event of JetStream tells of a change.
    expect(heard.get(theirs.namespace)!.filter((subject) => !subject.startsWith('_INBOX.'))).toEqual([]);
    expect(await pictureOf(theirs.namespace)).toEqual(before);
  });

  test('receives only its own replies', async () => {
    const login = loginOf(mine, role);
    const attacker = await connectPlain(nats, login);
    const refused: string[] = [];
    const wanted = [
      ...['>', '_INBOX.>', '_INBOX_operator.>', '$JS.EVENT.>', '$SYS.>', '$SYS.ACCOUNT.>', '$JS.API.>'],
      ...[mine, sibling, theirs].flatMap(({ uid }) => [
        `distill.${uid}.>`,
        `$KV.${jobNames(uid).stateBucket}.>`,
        `$KV.${jobNames(uid).teacherBucket}.>`,
        `$O.${jobNames(uid).objectBucket}.>`,
        ...workerRoles
          .filter((other) => uid !== mine.uid || other !== role)
          .map((other) => `${jobNames(uid).inboxPrefix(other)}.>`),
      ]),
    ];
    for (const subject of wanted) {
      attacker.subscribe(subject, {
        callback: (error) => {
          if (error !== null) refused.push(subject);
        },
      });
    }
    await attacker.flush();
    await until('every refusal', () => refused.length === wanted.length);
    await attacker.close();
  });

  test('learns nothing of the account, of other accounts and of the server', async () => {
    const attacker = await connectPlain(nats, loginOf(mine, role));
    for (const subject of [
      '$JS.API.INFO',
      '$JS.API.STREAM.NAMES',
      '$JS.API.STREAM.LIST',
      '$JS.API.CONSUMER.NAMES.DISTILL_sibling_WORK',
      '$SYS.REQ.USER.INFO',
      '$SYS.REQ.SERVER.PING',
      '$SYS.REQ.SERVER.PING.CONNZ',
      '$SYS.REQ.SERVER.PING.JSZ',
      '$SYS.REQ.ACCOUNT.PING.CONNZ',
      '$SYS.REQ.CLAIMS.LIST',
      '$SYS.REQ.CLAIMS.PACK',
    ]) {
      const asked = attacker.request(subject, '', { timeout: 1_000 });
      await expect(asked).rejects.toMatchObject({ cause: { name: 'PermissionViolationError' } });
    }
    await attacker.close();
  });
});

describe('within one namespace, where jobs trust each other', () => {
  const ofSibling = (stream: string): boolean => streamNames(jobNames(sibling.uid)).includes(stream);

  test.each(workerRoles)(
    'a %s that does not trick the server is kept out of the other jobs',
    async (role) => {
      const before = await pictureOf(sibling.namespace, ofSibling);
      const attacker = await connectPlain(nats, loginOf(mine, role));
      const orderList = Object.entries(orders(jobNames(sibling.uid), loginOf(mine, role).inboxPrefix));
      for (const [order, body] of orderList) {
        const asked = attacker.request(order, body, { timeout: 1_000 });
        await expect(asked).rejects.toMatchObject({ cause: { name: 'PermissionViolationError' } });
      }
      await attacker.close();
      expect(await pictureOf(sibling.namespace, ofSibling)).toEqual(before);
    },
    180_000,
  );

  test('one that does reads and changes them: the wall is the account, not the list', async () => {
    const before = await pictureOf(sibling.namespace, ofSibling);
    const { secrets } = await attack('teacher', sibling);
    expect(secrets).toBeGreaterThan(0);
    const after = (await pictureOf(sibling.namespace)) as Record<string, unknown>;
    expect(after).not.toMatchObject(before as Record<string, unknown>);
    expect(Object.keys(after)).toContain('EVIL');
    expect(Object.keys(after)).not.toContain(jobNames(sibling.uid).streams.logits);
  });
});
