/**
 * Every publish may be done twice: behind a proxy that loses each answer once, on a link that is slower than the patience
 * of the worker, and on a server that stands still while pieces are on their way.
 */
import { randomBytes } from 'node:crypto';

import type { Clock } from '@distillery/base';
import { jobNames, type WorkerRole } from '@distillery/protocol';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

import type { StreamAdmin } from '../../../src/stream/index.js';
import {
  publishDeadLetter,
  claimAttempt,
  connectWorker,
  createReference,
  feed,
  probe,
  publishFrame,
  publishTeacherState,
  type StreamLink,
} from '../../../workers/stream/index.js';
import { FaultyProxy, type Filters } from '../../kit/faulty-proxy.js';
import { losingEachReplyOnce } from '../../kit/nats-replies.js';
import { startTestNats, type TestNats } from '../../kit/nats.js';
import {
  connectAdmin,
  connectAs,
  connectRoot,
  frameOf,
  objectsOf,
  quietLog,
  streamsOf,
  studentState,
  systemClock,
  teacherState,
  workerLogin,
  workItem,
} from '../../kit/stream.js';

const uid = 'job';
const names = jobNames(uid);
const pieceBytes = 256 * 1024;

let nats: TestNats;
let admin: StreamAdmin;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  nats = await startTestNats({ uids: [uid] });
  admin = await connectAdmin(nats);
  await admin.provision(streamsOf(uid));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await admin.close();
  await nats.stop();
});

/** A clock whose waits are short, so that patience is over soon. */
function fastClock(factor: number): Clock {
  return { now: () => systemClock.now() * factor, sleep: (ms, signal) => systemClock.sleep(ms / factor, signal) };
}

async function proxy(filters?: () => Filters): Promise<FaultyProxy> {
  const faulty = await FaultyProxy.start(nats.url.replace('nats:', 'https:'), filters);
  closing.push(() => faulty.stop());
  return faulty;
}

async function connectThrough(faulty: FaultyProxy, role: WorkerRole, clock: Clock): Promise<StreamLink> {
  const login = nats.userFor(role, uid);
  const link = await connectWorker({
    url: faulty.url.replace('https:', 'nats:'),
    login: workerLogin(login),
    inboxPrefix: login.inboxPrefix,
    name: `${role}-test`,
    waitMs: 5_000,
    clock,
    log: quietLog,
  });
  closing.push(() => link.close());
  return link;
}

/** Messages a subject of a stream. */
async function subjectsOf(stream: string): Promise<Record<string, number>> {
  const { connection, manager } = await connectRoot(nats);
  const { state } = await manager.streams.info(stream, { subjects_filter: '>' });
  await connection.close();
  return state.subjects ?? {};
}

test('each answer lost once: everything is stored once and comes back whole', async () => {
  const faulty = await proxy(losingEachReplyOnce());
  const student = await connectThrough(faulty, 'student', fastClock(40));
  const teacher = await connectThrough(faulty, 'teacher', fastClock(40));

  const store = objectsOf(student, names);
  const [first, second] = [randomBytes(3 * pieceBytes + 1), randomBytes(2 * pieceBytes)];
  await store.put('a', first);
  await store.put('a', second);
  await store.put('b', first);
  expect(Buffer.compare((await store.get('a'))!, second)).toBe(0);
  expect(Buffer.compare((await store.get('b'))!, first)).toBe(0);
  await store.delete('b');
  const stored = await subjectsOf(`OBJ_${names.objectBucket}`);
  expect(Object.values(stored).sort()).toEqual([1, 2]);

  // An answer that is late looks to a feed as if somebody had fed the step: it is there either way.
  expect(['fed', 'alreadyThere']).toContain(await feed(student, names, workItem(5)));
  expect(['stored', 'duplicate']).toContain(await publishFrame(teacher, names, { shard: 0, step: 5 }, frameOf(5)));
  await publishDeadLetter(teacher, names, {
    shard: 0,
    step: 6,
    teacher: 't',
    deliveries: 5,
    error: 'always',
    item: null,
  });
  await publishTeacherState(teacher, names, teacherState('t-1', { items: 7 }));
  const reference = { teacherDigest: '0123456789abcdef', columns: 1, indices: [3], logits: [[0.5]] };
  expect(await createReference(teacher, names, reference)).toEqual(reference);
  const claim = await claimAttempt(student, names, 0, (attempt) => studentState({ attempt }));
  expect(claim.attempt).toBe(1);
  await claim.update(studentState({ attempt: claim.attempt, step: 5 }));
  await claim.update(studentState({ attempt: claim.attempt, step: 6 }));
  expect(await admin.observe(uid, { teachers: ['t-1'] })).toMatchObject({
    work: { messages: 1 },
    logits: { messages: 1 },
    dead: { messages: 1 },
    student: { attempt: claim.attempt, step: 6 },
    teachers: [{ pod: 't-1', items: 7 }],
    reference,
    garbage: 0,
  });
  expect(await probe(student, names, 0, 5)).toMatchObject({ frame: { data: frameOf(5) } });
});

test('a link slower than the patience only takes its time', async () => {
  const faulty = await proxy();
  // Patience is 50 ms, an answer takes 160.
  const student = await connectThrough(faulty, 'student', fastClock(40));
  faulty.delay(80);
  const store = objectsOf(student, names);
  const data = randomBytes(pieceBytes + 7);
  await store.put('slow', data);
  await faulty.heal();
  expect(Buffer.compare((await store.get('slow'))!, data)).toBe(0);
  expect(Object.values(await subjectsOf(`OBJ_${names.objectBucket}`)).sort()).toEqual([1, 2]);
});

test('a server that stands still for 2.4 s while pieces are written costs that time and no piece', async () => {
  const student = await connectAs(nats, 'student', uid);
  closing.push(() => student.close());
  const store = objectsOf(student, names);
  const contents = Array.from({ length: 12 }, () => randomBytes(8 * pieceBytes));
  let written = 0;
  const writing = (async (): Promise<void> => {
    for (const [at, data] of contents.entries()) {
      await store.put(`checkpoint-${at}`, data);
      written += 1;
    }
  })();
  for (const standsAfter of [2, 6]) {
    while (written < standsAfter) await systemClock.sleep(1);
    // In the middle of the next one.
    await systemClock.sleep(3);
    process.kill(nats.serverPid, 'SIGSTOP');
    await systemClock.sleep(2_400);
    process.kill(nats.serverPid, 'SIGCONT');
  }
  await writing;
  for (const [at, data] of contents.entries()) {
    expect(Buffer.compare((await store.get(`checkpoint-${at}`))!, data)).toBe(0);
  }
  expect(Object.values(await subjectsOf(`OBJ_${names.objectBucket}`)).reduce((sum, count) => sum + count)).toBe(12 * 9);
});
