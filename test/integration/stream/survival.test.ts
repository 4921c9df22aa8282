/** Servers that die and streams that vanish in the middle of everything: time is lost, never a step (I2, I3). */
import { firstRank, jobNames } from '@distillery/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import type { StreamAdmin } from '../../../src/stream/index.js';
import {
  connectWorker,
  feed,
  logitsReader,
  probe,
  publishFrame,
  publishTeacherState,
  type StreamLink,
  workQueue,
} from '../../../workers/stream/index.js';
import { FakeClock } from '../../kit/clock.js';
import { startTestNats, type TestNats } from '../../kit/nats.js';
import {
  connectAdmin,
  connectAs,
  connectRoot,
  frameOf,
  objectsOf,
  quietLog,
  streamsOf,
  teacherState,
  workerLogin,
  workItem,
} from '../../kit/stream.js';
import { until } from '../../kit/until.js';

const uid = 'job';
const names = jobNames(uid);

let nats: TestNats;
let admin: StreamAdmin;
let student: StreamLink;
let teachers: StreamLink[];
let abort: AbortController;
let loops: Promise<void>[];

beforeEach(async () => {
  nats = await startTestNats({ uids: [uid] });
  admin = await connectAdmin(nats);
  await admin.provision(streamsOf(uid));
  student = await connectAs(nats, 'student', uid);
  teachers = [await connectAs(nats, 'teacher', uid), await connectAs(nats, 'teacher', uid)];
  abort = new AbortController();
  loops = [];
});

afterEach(async () => {
  abort.abort();
  await Promise.all([student, ...teachers].map((link) => link.close()));
  await Promise.allSettled(loops);
  await admin.close();
  await nats.stop();
});

/** A teacher that answers at once, counting. */
function teach(link: StreamLink, onAnswer: (step: number) => void): void {
  const loop = async (): Promise<void> => {
    for await (const delivery of workQueue(link, names, abort.signal)) {
      await publishFrame(link, names, { shard: 0, step: delivery.step }, frameOf(delivery.step));
      await delivery.done();
      onAnswer(delivery.step);
    }
  };
  loops.push(loop());
}

/** Collects what the durable consumer delivers. */
function read(): Set<number> {
  const steps = new Set<number>();
  const loop = async (): Promise<void> => {
    for await (const { step } of logitsReader(student, names, firstRank, abort.signal)) steps.add(step);
  };
  loops.push(loop());
  return steps;
}

/** What a student does with its window: whatever is neither here nor stored is fed again. */
async function mend(steps: number, seen: Set<number>): Promise<void> {
  for (let step = 0; step < steps; step++) {
    if (seen.has(step)) continue;
    const found = await probe(student, names, 0, step);
    if (found.kind === 'frame') seen.add(step);
    else await feed(student, names, workItem(step));
  }
}

test.each([1, 2, 3])(
  'three SIGKILLs of the server in the middle of feeding, answering and reading (run %i)',
  async (run) => {
    const steps = 150;
    const answers: number[] = [];
    const seen = read();
    for (const link of teachers) teach(link, (step) => answers.push(step));
    const feeding = (async (): Promise<void> => {
      for (let step = 0; step < steps; step++) await feed(student, names, workItem(step));
    })();
    for (let kill = 1; kill <= 3; kill++) {
      await until('some more answers', () => answers.length >= kill * 20 + run * 7);
      await nats.kill();
      await nats.restart();
    }
    await feeding;
    await until('every step', async () => {
      await mend(steps, seen);
      return seen.size === steps;
    });
    // The operator reconnects on its own; the student may be through before.
    await until('the operator to be connected', () => admin.health.connected);
    // Stored once each: there is one message a subject, and it is the answer to that step.
    const observed = await admin.observe(uid);
    expect(observed).toMatchObject({ state: 'Present', logits: { messages: steps } });
    expect(await probe(student, names, 0, steps - 1)).toMatchObject({ frame: { data: frameOf(steps - 1) } });
  },
  180_000,
);

test('all streams deleted underneath: put back by the operator, the loops go on by themselves', async () => {
  const answers = new Set<number>();
  const seen = read();
  for (const link of teachers) teach(link, (step) => answers.add(step));
  await feed(student, names, workItem(0));
  await until('the first frame', () => seen.has(0));

  await admin.remove(uid);
  expect(await admin.observe(uid)).toEqual({ state: 'Absent' });
  const feeding = feed(student, names, workItem(1));
  await admin.provision(streamsOf(uid));
  expect(await feeding).toBe('fed');
  await until('an answer in the new streams', () => answers.has(1) && seen.has(1));
  expect(await probe(student, names, 0, 0)).toEqual({ kind: 'absent' });
});

test('a wiped server: another one with an empty store takes its place', async () => {
  const seen = read();
  for (const link of teachers) teach(link, () => undefined);
  await feed(student, names, workItem(0));
  await until('the first frame', () => seen.has(0));
  const root = await connectRoot(nats);
  for (const stream of await root.manager.streams.list().next()) await root.manager.streams.delete(stream.config.name);
  await root.connection.close();
  await nats.kill();
  await nats.restart();
  await until('the operator to see it', async () => (await admin.observe(uid)).state === 'Absent');
  await admin.provision(streamsOf(uid));
  await until('every step', async () => {
    await mend(3, seen);
    return seen.size === 3;
  });
});

test('while the server is away an observation says so at once, and a write waits for its return', async () => {
  await nats.kill();
  await until('the loss to be noticed', async () => (await admin.observe(uid)).state === 'Unreachable');
  // The server comes back only after this: the observation does not wait for it.
  expect(await admin.observe(uid)).toMatchObject({ state: 'Unreachable', reason: expect.stringContaining('NATS') });
  await expect(admin.trim(uid, 5)).rejects.toMatchObject({ reason: 'unreachable', retry: 'Later' });

  const [teacher] = teachers;
  if (teacher === undefined) throw new Error('there are two');
  const writes = Promise.all([
    publishTeacherState(teacher, names, teacherState('t-1')),
    feed(student, names, workItem(5)),
    objectsOf(student, names).put('checkpoint', new Uint8Array(600_000).fill(7)),
  ]);
  const heard: (string | null)[] = [];
  admin.watch(uid, (key) => heard.push(key));
  await nats.restart();
  await writes;
  await until('the watch to tell of the reconnect', () => heard.includes(null));
  const seen = await admin.observe(uid, { teachers: ['t-1'] });
  expect(seen).toMatchObject({ state: 'Present', missing: [], work: { messages: 1 }, teachers: [{ pod: 't-1' }] });
  expect(await objectsOf(student, names).get('checkpoint')).toHaveLength(600_000);
});

describe('while the server is away', () => {
  /** Its clock stands still: what happens does not wait for anybody's patience. */
  async function connectWith(clock: FakeClock): Promise<StreamLink> {
    const login = nats.userFor('student', uid);
    const link = await connectWorker({
      url: nats.url,
      login: workerLogin(login),
      inboxPrefix: login.inboxPrefix,
      name: 'student-of-a-test',
      waitMs: 5_000,
      clock,
      log: quietLog,
    });
    teachers.push(link);
    return link;
  }

  test('a call that begins then is made once, when the server is back', async () => {
    const clock = new FakeClock();
    const link = await connectWith(clock);
    await nats.kill();
    await until('the loss', () => !link.connected);
    let calls = 0;
    const answer = link.untilAnswered('feed', () => {
      calls += 1;
      return link.client.publish(names.subjects.work(0, 1), 'item');
    });
    await clock.advance(60_000);
    expect(calls).toBe(0);
    await nats.restart();
    expect(await answer).toMatchObject({ seq: 1 });
    expect(calls).toBe(1);
  });

  test('a call that the loss interrupts is not repeated until then', async () => {
    const clock = new FakeClock();
    const link = await connectWith(clock);
    let calls = 0;
    const answer = link.untilAnswered('ask', () => {
      calls += 1;
      return calls === 1 ? new Promise<string>(() => undefined) : Promise.resolve('answered');
    });
    await nats.kill();
    await until('the loss', () => !link.connected);
    await clock.advance(60_000);
    expect(calls).toBe(1);
    await nats.restart();
    expect(await answer).toBe('answered');
    await clock.advance(60_000);
    expect(calls).toBe(2);
  });

  test('a call ends when its signal aborts', async () => {
    const link = await connectWith(new FakeClock());
    await nats.kill();
    await until('the loss', () => !link.connected);
    const over = new AbortController();
    const answer = link.untilAnswered('ask', () => Promise.resolve('answered'), { signal: over.signal });
    over.abort(new Error('over'));
    await expect(answer).rejects.toThrow('over');
  });
});
