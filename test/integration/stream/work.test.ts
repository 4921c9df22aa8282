/** Work items and logits between a student and teachers on a real server: duplicates, give-backs, poison, fencing. */
import { createHash } from 'node:crypto';

import { ackWaitMs, firstRank, jobNames, type JobNames, WorkItemError } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { StreamAdmin } from '../../../src/stream/index.js';
import {
  publishDeadLetter,
  claimAttempt,
  createReference,
  feed,
  FrameConflict,
  logitsReader,
  probe,
  publishFrame,
  readReference,
  type StreamLink,
  type WorkDelivery,
  workQueue,
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
  workItem,
} from '../../kit/stream.js';
import { until } from '../../kit/until.js';

const jobs = [
  'newer',
  'newer-dead',
  'feed',
  'twins',
  'zombie',
  'poison',
  'drain',
  'holder',
  'death',
  'slow',
  'noise',
  'reader',
  'fence',
  'blobs',
  'damage',
  'full',
];

let nats: TestNats;
let admin: StreamAdmin;
const links: StreamLink[] = [];

beforeAll(async () => {
  nats = await startTestNats({ uids: jobs });
  admin = await connectAdmin(nats);
});
afterAll(async () => {
  await Promise.all(links.map((link) => link.close()));
  await admin.close();
  await nats.stop();
});

interface Job {
  readonly names: JobNames;
  readonly student: StreamLink;
  readonly teacher: StreamLink;
}

async function job(uid: string, streams = streamsOf): Promise<Job> {
  await admin.provision(streams(uid));
  const names = jobNames(uid);
  const [student, teacher] = await Promise.all([connectAs(nats, 'student', uid), connectAs(nats, 'teacher', uid)]);
  links.push(student, teacher);
  return { names, student, teacher };
}

/** The next delivery, with the queue that it came from. */
function taking(link: StreamLink, names: JobNames): { next(): Promise<WorkDelivery>; stop(): Promise<void> } {
  const abort = new AbortController();
  const queue = workQueue(link, names, abort.signal);
  return {
    next: async () => {
      const { value } = (await queue.next()) as { value: WorkDelivery | undefined };
      if (value === undefined) throw new Error('the queue ended');
      return value;
    },
    stop: async () => {
      abort.abort();
      await queue.return(undefined);
    },
  };
}

async function ackPending(uid: string): Promise<number> {
  const seen = await admin.observe(uid);
  return seen.state === 'Present' ? seen.work.ackPending : -1;
}

test('feeding a step twice queues it once, and its answer clears the queue', async () => {
  const { names, student, teacher } = await job('feed');
  expect(await feed(student, names, workItem(7))).toBe('fed');
  expect(await feed(student, names, workItem(7))).toBe('alreadyThere');
  const queue = taking(teacher, names);
  const delivery = await queue.next();
  expect(delivery).toMatchObject({ step: 7, shard: 0, deliveries: 1, item: { step: 7, augmentSeed: 1_007 } });
  // While it is being worked on it is still there.
  expect(await feed(student, names, workItem(7))).toBe('alreadyThere');
  expect(await publishFrame(teacher, names, { shard: 0, step: 7 }, frameOf(7))).toBe('stored');
  await delivery.done();
  expect(await admin.observe('feed')).toMatchObject({ work: { messages: 0, ackPending: 0 } });
  expect(await feed(student, names, workItem(7))).toBe('fed');
  await queue.stop();
});

test('of two teachers that answer one step only the first is stored; the second learns that all is well', async () => {
  const { names, student, teacher } = await job('twins');
  const place = { shard: 0, step: 1 };
  expect(await publishFrame(teacher, names, place, frameOf(1))).toBe('stored');
  expect(await publishFrame(teacher, names, place, frameOf(1))).toBe('duplicate');
  const foreign = publishFrame(teacher, names, place, frameOf(1, { digest: 'ffffffffffffffff' }));
  await expect(foreign).rejects.toBeInstanceOf(FrameConflict);
  await expect(publishFrame(teacher, names, place, frameOf(1, { seed: 5 }))).rejects.toThrow(/augmentation seed/);
  expect(await probe(student, names, 0, 1)).toMatchObject({ kind: 'frame', frame: { sequence: 1, step: 1 } });
  expect(await admin.observe('twins')).toMatchObject({ logits: { messages: 1 } });
});

test('after a trim the late answer of a zombie is stored again: only the low-water mark keeps it out', async () => {
  const { names, student, teacher } = await job('zombie');
  const place = { shard: 0, step: 0 };
  await publishFrame(teacher, names, place, frameOf(0));
  await admin.trim('zombie', 2);
  expect(await probe(student, names, 0, 0)).toEqual({ kind: 'absent' });
  expect(await publishFrame(teacher, names, place, frameOf(0))).toBe('stored');
  expect(await probe(student, names, 0, 0)).toMatchObject({ frame: { sequence: 2 } });
});

test('a failing item comes back with a higher count each time, until a teacher writes its dead letter', async () => {
  const { names, student, teacher } = await job('poison');
  await feed(student, names, workItem(3));
  const queue = taking(teacher, names);
  for (let deliveries = 1; deliveries <= 5; deliveries++) {
    const delivery = await queue.next();
    expect(delivery).toMatchObject({ step: 3, deliveries });
    if (deliveries < 5) delivery.giveBack(10);
    else {
      await publishDeadLetter(teacher, names, {
        shard: 0,
        step: 3,
        teacher: 't',
        deliveries,
        error: 'always',
        item: null,
      });
      await delivery.done();
    }
  }
  expect(await probe(student, names, 0, 3)).toMatchObject({ kind: 'dead', item: { error: 'always', deliveries: 5 } });
  expect(await admin.observe('poison')).toMatchObject({ work: { messages: 0 }, dead: { messages: 1 } });
  await queue.stop();
});

/** Streams whose server waits an hour before it takes an item from a silent teacher. */
function patientStreams(uid: string): ReturnType<typeof streamsOf> {
  const streams = streamsOf(uid);
  const hourNanoseconds = 3_600 * 1_000_000_000;
  const consumers = streams.consumers.map(({ stream, config }) => ({
    stream,
    config: 'ack_wait' in config ? { ...config, ack_wait: hourNanoseconds } : config,
  }));
  return { ...streams, consumers };
}

test('a teacher that stops gives back at once what it had not begun', async () => {
  const { names, student, teacher } = await job('drain', patientStreams);
  await feed(student, names, workItem(0));
  await feed(student, names, workItem(1));
  await feed(student, names, workItem(2));
  const leaving = taking(teacher, names);
  const held = await leaving.next();
  await until('both deliveries of the prefetch', async () => (await ackPending('drain')) === 2);

  await leaving.stop();
  const colleague = await connectAs(nats, 'teacher', 'drain');
  links.push(colleague);
  const queue = taking(colleague, names);
  // Within the hour of this server, only an item that was given back can come.
  const [first, second] = [await queue.next(), await queue.next()];
  expect([first.step, second.step].sort()).toEqual([1, 2]);
  held.giveBack(0);
  first.giveBack(60_000);
  second.giveBack(60_000);
  await queue.stop();
});

test('what a teacher holds stays its own after it stopped taking items', async () => {
  const { names, student, teacher } = await job('holder');
  await feed(student, names, workItem(0));
  const leaving = taking(teacher, names);
  const held = await leaving.next();
  await leaving.stop();
  const stopped = performance.now();
  const colleague = await connectAs(nats, 'teacher', 'holder');
  links.push(colleague);
  const queue = taking(colleague, names);
  await until('more than an ack-wait to pass', () => performance.now() - stopped > ackWaitMs * 1.5);
  expect(await admin.observe('holder')).toMatchObject({ work: { ackPending: 1, redelivered: 0 } });
  held.giveBack(0);
  expect((await queue.next()).step).toBe(0);
  await queue.stop();
});

test('an item of a teacher that vanished comes back after ack-wait', async () => {
  const { names, student, teacher } = await job('death');
  await feed(student, names, workItem(0));
  const queue = taking(teacher, names);
  await queue.next();
  await teacher.close();
  const heir = await connectAs(nats, 'teacher', 'death');
  links.push(heir);
  const inherited = await taking(heir, names).next();
  expect(inherited).toMatchObject({ step: 0, deliveries: 2 });
});

test('a slow inference does not look like a death: the item stays with its teacher', async () => {
  const { names, student, teacher } = await job('slow');
  await feed(student, names, workItem(0));
  const queue = taking(teacher, names);
  const delivery = await queue.next();
  const started = performance.now();
  await until('more than two ack-waits to pass', () => performance.now() - started > ackWaitMs * 2.2);
  expect(await admin.observe('slow')).toMatchObject({ work: { messages: 1, ackPending: 1, redelivered: 0 } });
  await delivery.done();
  expect(await admin.observe('slow')).toMatchObject({ work: { messages: 0 } });
  await queue.stop();
});

test('a message that is no work item arrives as an error, with its place', async () => {
  const { names, student, teacher } = await job('noise');
  await student.client.publish(names.subjects.work(2, 9), 'noise');
  await student.client.publish(names.subjects.work(0, 1), JSON.stringify({ version: 1, ...workItem(8) }));
  const queue = taking(teacher, names);
  const noise = await queue.next();
  expect(noise).toMatchObject({ shard: 2, step: 9 });
  expect(noise.item).toBeInstanceOf(WorkItemError);
  const misplaced = await queue.next();
  expect(misplaced.item).toBeInstanceOf(WorkItemError);
  await noise.done();
  await misplaced.done();
  await queue.stop();
});

test('a student reads every frame in the order stored, more than it may hold at once', async () => {
  const { names, student, teacher } = await job('reader');
  const abort = new AbortController();
  const steps: number[] = [];
  const reading = (async (): Promise<void> => {
    for await (const frame of logitsReader(student, names, firstRank, abort.signal, 4)) {
      expect(frame).toMatchObject({ shard: 0, sequence: steps.length + 1 });
      steps.push(frame.step);
      if (steps.length === 50) abort.abort();
    }
  })();
  for (let step = 49; step >= 0; step--) await publishFrame(teacher, names, { shard: 0, step }, frameOf(step));
  await reading;
  expect(steps).toEqual(Array.from({ length: 50 }, (_, at) => 49 - at));
});

describe('fencing', () => {
  test('of two students the later one continues, the earlier one is fenced and writes nothing', async () => {
    const { names, student } = await job('fence');
    const first = await claimAttempt(student, names, 0, (attempt) => studentState({ attempt, pod: 's-1' }));
    expect(first.attempt).toBe(1);
    await first.update(studentState({ attempt: 1, pod: 's-1', step: 5 }));
    const second = await claimAttempt(student, names, 0, (attempt) => studentState({ attempt, pod: 's-2' }));
    expect(second).toMatchObject({ attempt: 2, previous: { attempt: 1, step: 5 } });
    const late = first.update(studentState({ attempt: 1, pod: 's-1', step: 6 }));
    await expect(late).rejects.toMatchObject({ reason: 'fenced', attempt: 1, found: 2 });
    await second.update(studentState({ attempt: 2, pod: 's-2', step: 6 }));
    expect(await admin.observe('fence')).toMatchObject({ student: { attempt: 2, pod: 's-2', step: 6 } });
  });

  test('claims at the same time get different numbers', async () => {
    const { names, student } = await job('fence');
    const claims = await Promise.all(
      ['a', 'b', 'c', 'd'].map((pod) => claimAttempt(student, names, 0, (attempt) => studentState({ attempt, pod }))),
    );
    const numbers = claims.map(({ attempt }) => attempt).sort((a, b) => a - b);
    expect(new Set(numbers).size).toBe(4);
  });

  test('a bucket that was lost does not bring back old numbers, and the running student writes on', async () => {
    const { names, student } = await job('fence');
    const claim = await claimAttempt(student, names, 40, (attempt) => studentState({ attempt, pod: 's-41' }));
    expect(claim.attempt).toBe(41);
    const root = await connectRoot(nats);
    await root.manager.streams.delete(`KV_${names.stateBucket}`);
    await root.connection.close();
    await admin.provision(streamsOf('fence'));
    await claim.update(studentState({ attempt: 41, pod: 's-41', step: 9 }));
    expect(await admin.observe('fence')).toMatchObject({ student: { attempt: 41, step: 9 } });
  });

  test('the first reference answers hold, also when others write later', async () => {
    const { names, teacher } = await job('fence');
    expect(await readReference(teacher, names)).toBeNull();
    const first = { teacherDigest: '0123456789abcdef', columns: 1, indices: [3], logits: [[0.5]] };
    const later = { ...first, logits: [[0.75]] };
    expect(await createReference(teacher, names, first)).toEqual(first);
    expect(await createReference(teacher, names, later)).toEqual(first);
    expect(await readReference(teacher, names)).toEqual(first);
  });

  test('reference answers that require an unknown feature are refused by its name, and never replaced', async () => {
    const { names, teacher } = await job('newer');
    const own = { teacherDigest: '0123456789abcdef', columns: 1, indices: [3], logits: [[0.5]] };
    const newer = { requires: ['test.newer'], teacherDigest: own.teacherDigest, answers: 'of another shape' };
    const root = await connectRoot(nats);
    const key = `$KV.${names.stateBucket}.${names.stateKeys.reference}`;
    await root.connection.request(key, JSON.stringify(newer));
    const refusal = {
      reason: 'terminal',
      message:
        "the job's reference answers: the message requires test.newer, which this release does not have. " +
        'Use workers of one version in all pools.',
    };
    await expect(createReference(teacher, names, own)).rejects.toMatchObject(refusal);
    await expect(readReference(teacher, names)).rejects.toMatchObject(refusal);
    const stored = await root.manager.direct.getMessage(`KV_${names.stateBucket}`, { last_by_subj: key });
    expect(stored?.json()).toEqual(newer);
    await root.connection.close();
  });

  test('a dead item that requires an unknown feature is reported with its name', async () => {
    const { names, student } = await job('newer-dead');
    const root = await connectRoot(nats);
    const subject = names.subjects.dead(0, 7);
    await root.connection.request(subject, JSON.stringify({ requires: ['test.newer'], what: 'of another shape' }));
    const found = await probe(student, names, 0, 7);
    expect(found).toMatchObject({ kind: 'dead', item: { step: 7, item: null } });
    expect(found).toHaveProperty('item.error', expect.stringContaining('requires test.newer'));
    await root.connection.close();
  });
});

describe('the object store', () => {
  const blob = (bytes: number, seed: number): Uint8Array =>
    Uint8Array.from({ length: bytes }, (_, at) => (at * seed + (at >> 9)) & 255);
  /** Compared by digest: the matcher takes seconds for megabytes. */
  const digest = (bytes: Uint8Array | null): string =>
    createHash('sha256')
      .update(bytes ?? 'none')
      .digest('hex');

  test('gives back what was put, replaced and listed; what was deleted leaves nothing behind', async () => {
    const { names, student } = await job('blobs');
    const store = objectsOf(student, names);
    expect(await store.get('a/1')).toBeNull();
    await store.put('a/1', blob(3_000_000, 3));
    await store.put('a/1', blob(3_000_001, 5));
    await store.put('tiny', Uint8Array.of(9));
    await store.put('empty', new Uint8Array());
    expect(digest(await store.get('a/1'))).toBe(digest(blob(3_000_001, 5)));
    expect(await store.get('empty')).toEqual(new Uint8Array());
    expect(await store.list()).toEqual([
      { name: 'a/1', bytes: 3_000_001 },
      { name: 'tiny', bytes: 1 },
      { name: 'empty', bytes: 0 },
    ]);
    await store.delete('a/1');
    await store.delete('never there');
    expect(await store.get('a/1')).toBeNull();
    expect((await store.list()).map(({ name }) => name)).toEqual(['tiny', 'empty']);
    const seen = await admin.observe('blobs');
    if (seen.state !== 'Present') throw new Error('the streams are there');
    expect(seen.objects.bytes).toBeLessThan(4_000);
  });

  test('finds a damaged object instead of returning wrong bytes', async () => {
    const { names, student } = await job('damage');
    const store = objectsOf(student, names);
    await store.put('victim', blob(600_000, 7));
    const root = await connectRoot(nats);
    const stream = `OBJ_${names.objectBucket}`;
    const piece = await root.manager.direct.getMessage(stream, {
      seq: 1,
      next_by_subj: `$O.${names.objectBucket}.C.*`,
    });
    await root.manager.streams.deleteMessage(stream, (piece?.seq ?? 0) + 2);
    await root.connection.close();
    await expect(store.get('victim')).rejects.toMatchObject({ object: 'victim', reason: 'error' });
  });

  test('sweeps the pieces that a killed writer left, and only those', async () => {
    const { names, student } = await job('blobs');
    const store = objectsOf(student, names);
    await store.put('kept', blob(300_000, 11));
    await student.client.publish(`$O.${names.objectBucket}.C.orphan`, blob(200_000, 1));
    await student.client.publish(`$O.${names.objectBucket}.C.orphan`, blob(200_000, 2));
    const bytes = async (): Promise<number> => {
      const seen = await admin.observe('blobs');
      return seen.state === 'Present' ? seen.objects.bytes : 0;
    };
    const before = await bytes();
    await store.sweep();
    expect(before - (await bytes())).toBeGreaterThan(400_000);
    expect(digest(await store.get('kept'))).toBe(digest(blob(300_000, 11)));
  });

  test('a full store refuses the new object, keeps the old one and leaves no pieces', async () => {
    await admin.provision(streamsOf('full', { objectBytes: 1_000_000 }));
    const student = await connectAs(nats, 'student', 'full');
    links.push(student);
    const store = objectsOf(student, jobNames('full'));
    await store.put('old', blob(500_000, 3));
    await expect(store.put('new', blob(900_000, 5))).rejects.toMatchObject({ reason: 'storage' });
    expect(digest(await store.get('old'))).toBe(digest(blob(500_000, 3)));
    expect(await admin.observe('full')).toMatchObject({ objects: { bytes: expect.any(Number) } });
    await store.put('new', blob(400_000, 5));
    expect(digest(await store.get('new'))).toBe(digest(blob(400_000, 5)));
  });
});
