/** The operator's view of a job's streams, on a real server. */
import { jobNames, objectEntrySubject } from '@distillery/protocol';
import { Objm } from '@nats-io/obj';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { PresentJobStreams, StreamAdmin } from '../../../src/stream/index.js';
import {
  publishDeadLetter,
  claimAttempt,
  feed,
  publishFrame,
  publishTeacherState,
  type StreamLink,
} from '../../../workers/stream/index.js';
import { startTestNats, type TestNats } from '../../kit/nats.js';
import {
  connectAdmin,
  connectAs,
  connectRoot,
  frameOf,
  objectsOf,
  streamsOf,
  studentState,
  teacherState,
  workItem,
} from '../../kit/stream.js';
import { until } from '../../kit/until.js';

const uids = [
  'observed',
  'provisioned',
  'watched',
  'trimmed',
  'removed',
  'dead-letters',
  'objects',
  'forged',
  'garbage',
  'clocks',
  'flooded',
];

let nats: TestNats;
let admin: StreamAdmin;
const links: StreamLink[] = [];

async function join(role: 'teacher' | 'student', uid: string): Promise<StreamLink> {
  const link = await connectAs(nats, role, uid);
  links.push(link);
  return link;
}

async function present(uid: string, options: Parameters<StreamAdmin['observe']>[1] = {}): Promise<PresentJobStreams> {
  const seen = await admin.observe(uid, options);
  if (seen.state !== 'Present') throw new Error(`expected the streams of ${uid}, found ${JSON.stringify(seen)}`);
  return seen;
}

async function contentOf(uid: string, name: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of admin.readObject(uid, name)) pieces.push(piece);
  return Buffer.concat(pieces);
}

beforeAll(async () => {
  nats = await startTestNats({ uids });
  admin = await connectAdmin(nats);
});
afterAll(async () => {
  await Promise.all(links.map((link) => link.close()));
  await admin.close();
  await nats.stop();
});

describe('provisioning', () => {
  test('makes all streams and consumers, and doing it again changes nothing and loses nothing', async () => {
    const names = jobNames('provisioned');
    expect(await admin.observe('provisioned')).toEqual({ state: 'Absent' });
    await admin.provision(streamsOf('provisioned'));
    const student = await join('student', 'provisioned');
    await feed(student, names, workItem(3));

    await admin.provision(streamsOf('provisioned'));
    await admin.provision(streamsOf('provisioned', { maxBytes: 32 * 1024 * 1024 }));

    const seen = await present('provisioned');
    expect(seen.missing).toEqual([]);
    expect(seen.work.messages).toBe(1);
    const root = await connectRoot(nats);
    const { config } = await root.manager.streams.info(names.streams.logits);
    expect(config).toMatchObject({
      max_bytes: 32 * 1024 * 1024,
      max_msgs_per_subject: 1,
      discard_new_per_subject: true,
    });
    await root.connection.close();
  });

  test('names what was deleted underneath, and puts it back', async () => {
    const names = jobNames('provisioned');
    const root = await connectRoot(nats);
    await root.manager.streams.delete(names.streams.logits);
    await root.manager.consumers.delete(names.streams.work, 'teachers');
    const missing = (await present('provisioned')).missing;
    expect(missing).toEqual([
      names.streams.logits,
      `${names.streams.work}/teachers`,
      `${names.streams.logits}/student`,
    ]);
    await admin.provision(streamsOf('provisioned'));
    expect((await present('provisioned')).missing).toEqual([]);
    expect((await present('provisioned')).work.messages).toBe(1);
    await root.connection.close();
  });

  test('two operators at once agree', async () => {
    await Promise.all([1, 2, 3].map(() => admin.provision(streamsOf('removed'))));
    expect((await present('removed')).missing).toEqual([]);
  });
});

test('an observation counts the work, the logits and the telemetry', async () => {
  const names = jobNames('observed');
  await admin.provision(streamsOf('observed'));
  const student = await join('student', 'observed');
  const teacher = await join('teacher', 'observed');
  await feed(student, names, workItem(0));
  await feed(student, names, workItem(1));
  await publishFrame(teacher, names, { shard: 0, step: 0 }, frameOf(0));
  await publishTeacherState(teacher, names, teacherState('t-2'));
  await publishTeacherState(teacher, names, teacherState('t-1', { items: 7 }));
  await claimAttempt(student, names, 0, (attempt) => studentState({ attempt, step: 5, firstNeededSequence: 1 }));

  const seen = await present('observed', { teachers: ['t-1', 't-2', 't-3', 'not.a.key'] });
  expect(seen).toMatchObject({
    work: { messages: 2, pending: 2, ackPending: 0 },
    logits: { messages: 1, firstSequence: 1, lastSequence: 1 },
    dead: { messages: 0 },
    student: { attempt: 1, step: 5 },
    readers: [{ id: 'student', firstNeededSequence: 1 }],
    reference: null,
    garbage: 0,
  });
  expect(seen.teachers.map(({ pod, items }) => [pod, items])).toEqual([
    ['t-1', 7],
    ['t-2', 0],
  ]);
  // A rank without telemetry may still need every frame.
  const { student: first, readers, missing } = await present('observed', { ranks: [0, 1] });
  expect({ step: first?.step, readers, missing }).toEqual({
    step: 5,
    readers: [
      { id: 'student', firstNeededSequence: 1 },
      { id: 'student-1', firstNeededSequence: 0 },
    ],
    missing: [`${names.streams.logits}/student-1`],
  });
  // Only those that were asked for: of pods that exist.
  expect((await present('observed', { teachers: ['t-1'] })).teachers.map(({ pod }) => pod)).toEqual(['t-1']);
});

test('telemetry that is no telemetry is counted and left out', async () => {
  const names = jobNames('garbage');
  await admin.provision(streamsOf('garbage'));
  const teacher = await join('teacher', 'garbage');
  const put = (pod: string, value: string): Promise<unknown> =>
    teacher.client.publish(`$KV.${names.teacherBucket}.${pod}`, value);
  await put('noise', 'no JSON');
  await put('wrong', JSON.stringify({ pod: 'wrong' }));
  await put('liar', JSON.stringify(teacherState('somebody-else')));
  await put('fast', JSON.stringify(teacherState('fast', { capableSamplesPerSecond: 1e300 })));
  await put('good', JSON.stringify(teacherState('good')));
  await teacher.client.publish(`$KV.${names.stateBucket}.reference`, '{}');
  expect(await present('garbage', { teachers: ['noise', 'wrong', 'liar', 'fast', 'good'] })).toMatchObject({
    teachers: [{ pod: 'good' }],
    reference: null,
    garbage: 5,
  });
});

describe('the age of telemetry', () => {
  const hourMs = 3_600_000;
  test('is judged by the time at which the server stored it, whatever the clock of its writer says', async () => {
    const names = jobNames('clocks');
    await admin.provision(streamsOf('clocks'));
    const teacher = await join('teacher', 'clocks');
    const student = await join('student', 'clocks');
    const ahead = Date.now() + 24 * hourMs;
    await publishTeacherState(teacher, names, teacherState('t-1', { updatedAtMs: ahead }));
    await claimAttempt(student, names, 0, (attempt) => studentState({ attempt, updatedAtMs: 0 }));
    // The operator's own clock is an hour behind the server's; ages are the same.
    const nowMs = Date.now() - hourMs;
    const first = await present('clocks', { teachers: ['t-1'], nowMs });
    const ages = [first.student, ...first.teachers].map((state) => nowMs - (state?.updatedAtMs ?? NaN));
    for (const ageMs of ages) {
      expect(ageMs).toBeGreaterThanOrEqual(0);
      expect(ageMs).toBeLessThan(60_000);
    }
    // A value that is not written again ages.
    await until('the value to age', async () => {
      const [state] = (await present('clocks', { teachers: ['t-1'], nowMs })).teachers;
      return nowMs - (state?.updatedAtMs ?? NaN) > (ages[1] ?? NaN) + 200;
    });
  });
});

describe('a worker that stores all that it may', () => {
  test('neither fills the student’s bucket nor makes the operator read or hear more than the pods that exist', async () => {
    const names = jobNames('flooded');
    await admin.provision(streamsOf('flooded'));
    const teacher = await join('teacher', 'flooded');
    const student = await join('student', 'flooded');
    await publishTeacherState(teacher, names, teacherState('early'));
    const heard: string[] = [];
    const root = await connectRoot(nats);
    const bytes: number[] = [];
    root.connection.subscribe(`distill.flooded.state.>`, {
      callback: (_error, message) => void bytes.push(message.data.length),
    });
    const stop = admin.watch('flooded', (key) => heard.push(key ?? ''));
    await until('the watch', () => heard.includes(''));
    let refused = 0;
    const noise = 'x'.repeat(1_500);
    for (let from = 0; from < 12_000; from += 500) {
      const puts = Array.from({ length: 500 }, (_, at) =>
        teacher.client.publish(`$KV.${names.teacherBucket}.t-${String(from + at)}`, noise),
      );
      refused += (await Promise.allSettled(puts)).filter(({ status }) => status === 'rejected').length;
    }
    const { state } = await root.manager.streams.info(`KV_${names.teacherBucket}`);
    expect(state.messages).toBeLessThanOrEqual(8_192);
    expect(state.bytes).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(refused).toBeGreaterThanOrEqual(12_000 - 8_192);
    await expect(teacher.client.publish(`$KV.${names.teacherBucket}.big`, 'x'.repeat(4_096))).rejects.toThrow();
    // The news of a value carries no data.
    expect(Math.max(...bytes)).toBe(0);
    // Who was there goes on, and so does the student.
    await publishTeacherState(teacher, names, teacherState('early', { items: 9 }));
    const claim = await claimAttempt(student, names, 0, (attempt) => studentState({ attempt, step: 5 }));
    await claim.update(studentState({ attempt: claim.attempt, step: 6 }));
    expect(await present('flooded', { teachers: ['early'] })).toMatchObject({
      student: { step: 6 },
      teachers: [{ pod: 'early', items: 9 }],
      garbage: 0,
    });
    stop();
    await root.connection.close();
  });
});

test('a watch hears of a change at once, and the change can be read then; also in a bucket created again', async () => {
  const names = jobNames('watched');
  await admin.provision(streamsOf('watched'));
  const teacher = await join('teacher', 'watched');
  const heard: (string | null)[] = [];
  const stop = admin.watch('watched', (key) => heard.push(key));
  await until('the beginning of the watch', () => heard.includes(null));
  await publishTeacherState(teacher, names, teacherState('t-1'));
  await until('the first change', () => heard.includes('teacher.t-1'));
  expect((await present('watched', { teachers: ['t-1'] })).teachers).toHaveLength(1);

  const root = await connectRoot(nats);
  await root.manager.streams.delete(`KV_${names.teacherBucket}`);
  await admin.provision(streamsOf('watched'));
  await publishTeacherState(teacher, names, teacherState('t-2'));
  await until('the change in the new bucket', () => heard.includes('teacher.t-2'));
  stop();
  await root.connection.close();
});

test('trimming deletes below a sequence, and a damaged frame alone', async () => {
  const names = jobNames('trimmed');
  await admin.provision(streamsOf('trimmed'));
  const teacher = await join('teacher', 'trimmed');
  for (let step = 0; step < 5; step++) await publishFrame(teacher, names, { shard: 0, step }, frameOf(step));
  await admin.trim('trimmed', 3);
  expect((await present('trimmed')).logits).toMatchObject({ messages: 3, firstSequence: 3 });
  await admin.trim('trimmed', 0);
  expect((await present('trimmed')).logits).toMatchObject({ messages: 3 });
  expect(await admin.deleteFrame('trimmed', 4)).toBe(true);
  expect(await admin.deleteFrame('trimmed', 4)).toBe(false);
  expect((await present('trimmed')).logits).toMatchObject({ messages: 2, firstSequence: 3, lastSequence: 5 });
});

test('the newest dead letter is read, unreadable ones left out', async () => {
  const names = jobNames('dead-letters');
  await admin.provision(streamsOf('dead-letters'));
  const teacher = await join('teacher', 'dead-letters');
  const item = { shard: 0, step: 4, teacher: 't-1', deliveries: 5, error: 'out of memory', item: null };
  expect(await admin.newestDeadItem('dead-letters')).toBeNull();
  for (const step of [7, 4]) await publishDeadLetter(teacher, names, { ...item, step });
  expect(await admin.newestDeadItem('dead-letters')).toEqual(item);
  await teacher.client.publish(names.subjects.dead(0, 5), 'noise');
  expect(await admin.newestDeadItem('dead-letters')).toEqual(item);
  expect((await present('dead-letters')).dead.messages).toBe(3);
  await admin.retryDeadLetters('dead-letters');
  expect(await admin.newestDeadItem('dead-letters')).toBeNull();
  expect(await admin.newestDeadItem('never-provisioned')).toBeNull();
});

test('what a student stores, the operator fetches whole; a missing and a damaged object say so', async () => {
  const names = jobNames('objects');
  await admin.provision(streamsOf('objects'));
  const store = objectsOf(await join('student', 'objects'), names);
  const blob = Uint8Array.from({ length: 3_000_000 }, (_, at) => (at * 7 + (at >> 8)) & 255);
  await store.put('result/weights.bin', blob);
  await store.put('empty', new Uint8Array());
  const listed = await admin.listObjects('objects');
  expect(listed.map(({ name, bytes }) => [name, bytes])).toEqual([
    ['result/weights.bin', 3_000_000],
    ['empty', 0],
  ]);
  expect((await contentOf('objects', 'result/weights.bin')).equals(Buffer.from(blob))).toBe(true);
  expect(await contentOf('objects', 'empty')).toHaveLength(0);
  await expect(contentOf('objects', 'nothing')).rejects.toMatchObject({ reason: 'missing' });
  await expect(contentOf('removed-long-ago', 'x')).rejects.toMatchObject({ reason: 'missing' });
});

test('entries that a student forges take no memory and reach no other object', async () => {
  const names = jobNames('forged');
  await admin.provision(streamsOf('forged'));
  const student = await join('student', 'forged');
  const store = objectsOf(student, names);
  await store.put('result/weights.bin', new Uint8Array(300_000).fill(7));
  const forge = (subject: string, entry: object): Promise<unknown> =>
    student.client.publish(objectEntrySubject(names.objectBucket, subject), JSON.stringify(entry));
  const entry = { bucket: names.objectBucket, nuid: 'n', digest: 'SHA-256=x' };
  // 32 TiB: taken for the size of a buffer, the process would die.
  await forge('bomb', { ...entry, name: 'bomb', size: 2 ** 45, chunks: 2 ** 27 });
  // Its pieces would be those of all objects.
  await forge('all', { ...entry, name: 'all', nuid: '*', size: 300_000, chunks: 2 });
  await forge('x', { ...entry, name: 'result/weights.bin', size: 1, chunks: 1 });
  expect((await admin.listObjects('forged')).map(({ name }) => name)).toEqual(['result/weights.bin', 'bomb']);
  await expect(store.get('bomb')).rejects.toThrow(/object bomb: found 0 pieces, expected 134217728/);
  await expect(contentOf('forged', 'bomb')).rejects.toMatchObject({ reason: 'damaged' });
  expect(await store.get('all')).toBeNull();
  expect(await contentOf('forged', 'result/weights.bin')).toHaveLength(300_000);
});

test('the official client reads what a student stores, and we read what the official client stores', async () => {
  const names = jobNames('objects');
  const root = await connectRoot(nats);
  const bucket = await new Objm(root.connection).open(names.objectBucket);
  const blob = Uint8Array.from({ length: 700_000 }, (_, at) => (at * 11 + (at >> 7)) & 255);
  await objectsOf(await join('student', 'objects'), names).put('ours', blob);
  expect(await bucket.getBlob('ours')).toEqual(blob);
  await bucket.putBlob({ name: 'theirs, with spaces and a /' }, blob);
  expect((await contentOf('objects', 'theirs, with spaces and a /')).equals(blob)).toBe(true);
  await bucket.delete('ours');
  await expect(contentOf('objects', 'ours')).rejects.toMatchObject({ reason: 'missing' });
  expect((await admin.listObjects('objects')).map(({ name }) => name)).not.toContain('ours');
  await root.connection.close();
});

test('removing deletes every stream, and again is fine', async () => {
  await admin.provision(streamsOf('removed'));
  await admin.remove('removed');
  expect(await admin.observe('removed')).toEqual({ state: 'Absent' });
  await admin.remove('removed');
});
