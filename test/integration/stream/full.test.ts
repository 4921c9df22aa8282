/** Buckets, servers and disks without room: a worker goes on or ends with a kind of its own, and what was stored stays. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { jobNames } from '@distillery/protocol';
import { afterEach, describe, expect, test } from '@jest/globals';

import type { StreamAdmin } from '../../../src/stream/index.js';
import {
  publishDeadLetter,
  claimAttempt,
  connectWorker,
  feed,
  probe,
  publishTeacherState,
  type StreamLink,
} from '../../../workers/stream/index.js';
import { objectCheckpoints } from '../../../workers/student/stores.js';
import { startTestNats, type TestNats, type TestNatsOptions } from '../../kit/nats.js';
import {
  connectAdmin,
  connectRoot,
  objectsOf,
  quietLog,
  storeOf,
  streamsOf,
  studentState,
  systemClock,
  teacherState,
  workerLogin,
  workItem,
} from '../../kit/stream.js';

const uid = 'job';
const names = jobNames(uid);
const MiB = 1024 * 1024;
const holds = (): Promise<void> => Promise.resolve();

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface World {
  readonly nats: TestNats;
  readonly admin: StreamAdmin;
  readonly student: StreamLink;
  readonly teacher: StreamLink;
}

/** @param options the worker's clock runs ten times as fast, so that its limits are over soon */
async function world(options: TestNatsOptions = {}, streams: Parameters<typeof streamsOf>[1] = {}): Promise<World> {
  const nats = await startTestNats({ uids: [uid], ...options });
  closing.push(() => nats.stop());
  const admin = await connectAdmin(nats);
  closing.push(() => admin.close());
  await admin.provision(streamsOf(uid, streams));
  const [student, teacher] = await Promise.all(
    (['student', 'teacher'] as const).map(async (role) => {
      const login = nats.userFor(role, uid);
      const link = await connectWorker({
        url: nats.url,
        login: workerLogin(login),
        inboxPrefix: login.inboxPrefix,
        name: `${role}-test`,
        waitMs: 50_000,
        clock: {
          now: () => systemClock.now() * 10,
          sleep: (ms, signal) => systemClock.sleep(ms / 10, signal),
        },
        log: quietLog,
      });
      closing.push(() => link.close());
      return link;
    }),
  );
  return { nats, admin, student: student!, teacher: teacher! };
}

describe('a state bucket that others filled', () => {
  test('takes the student on: its key is updated in place, its fence holds and breaks as ever', async () => {
    const { nats, admin, student } = await world();
    const first = await claimAttempt(student, names, 0, (attempt) => studentState({ attempt, pod: 's-1' }));
    const root = await connectRoot(nats);
    const filler = 'x'.repeat(400_000);
    const fill = async (bytes: string): Promise<void> => {
      for (let key = 0; ; key++) {
        const subject = `$KV.${names.stateBucket}.other-${bytes.length}-${key}`;
        const outcome = await root.manager
          .jetstream()
          .publish(subject, bytes)
          .catch((error: unknown) => error);
        if (outcome instanceof Error) return;
      }
    };
    for (const bytes of [filler, filler.slice(0, 10_000), filler.slice(0, 300), 'x']) await fill(bytes);

    // A revision of more digits makes the message no longer.
    for (let step = 1; step <= 12; step++) await first.update(studentState({ attempt: 1, pod: 's-1', step }));
    expect(await admin.observe(uid)).toMatchObject({ student: { step: 12 } });
    // What does not fit is left out; the fence is read instead.
    const damaged = Array.from({ length: 16 }, (_, step) => ({
      sequence: 1,
      shard: 0,
      step,
      reason: 'r'.repeat(400),
    }));
    await first.update(studentState({ attempt: 1, pod: 's-1', step: 13, damaged }));
    expect(await admin.observe(uid)).toMatchObject({ student: { step: 12 } });

    const second = await claimAttempt(student, names, 0, (attempt) => studentState({ attempt, pod: 's-2' }));
    expect(second).toMatchObject({ attempt: 2, previous: { attempt: 1, step: 12 } });
    await expect(first.update(studentState({ attempt: 1, pod: 's-1', damaged }))).rejects.toMatchObject({
      reason: 'fenced',
    });

    // The very first claim needs room, and waits for it.
    await root.manager.streams.purge(`KV_${names.stateBucket}`, { filter: `$KV.${names.stateBucket}.student` });
    await fill(filler.slice(0, 300));
    await fill('x');
    const claim = claimAttempt(student, names, 2, (attempt) => studentState({ attempt, pod: 's-3' }));
    await systemClock.sleep(200);
    expect(await admin.observe(uid)).toMatchObject({ student: null });
    await root.manager.streams.purge(`KV_${names.stateBucket}`);
    const third = await claim;
    expect(third.attempt).toBe(3);
    await root.connection.close();
  });
});

describe('an object store without room', () => {
  test('is full for this checkpoint, and too small for one of which two never fit', async () => {
    const { student } = await world({}, { objectBytes: 4 * MiB });
    const checkpoints = objectCheckpoints(storeOf(student, names));
    const sound = randomBytes(MiB);
    for (const step of [1, 2, 3]) await checkpoints.put(step, 1, sound, holds);
    await expect(checkpoints.put(4, 1, sound, holds)).rejects.toMatchObject({
      reason: 'full',
      // Of the checkpoint, and not of the piece at which the store was full.
      message: expect.stringContaining('cannot take 1048576 bytes: its own limit is reached ('),
    });
    await expect(checkpoints.put(4, 1, randomBytes(3 * MiB), holds)).rejects.toMatchObject({ reason: 'tooSmall' });
    expect((await checkpoints.list()).map(({ step }) => step)).toEqual([3, 2, 1]);
    await checkpoints.remove({ step: 1, attempt: 1 });
    await checkpoints.put(4, 1, sound, holds);
    expect(Buffer.compare(await checkpoints.get({ step: 4, attempt: 1, bytes: 0 }), sound)).toBe(0);
  });
});

describe('a server at the limit of its store', () => {
  test('refuses checkpoints and telemetry for a while, and no worker takes that for the end', async () => {
    // What the streams of the job promise to take is counted at once.
    const { nats, admin, student, teacher } = await world({ maxFileStore: 400 * MiB }, { objectBytes: 32 * MiB });
    const objects = objectsOf(student, names);
    await objects.put('old', randomBytes(MiB));
    const claim = await claimAttempt(student, names, 0, (attempt) => studentState({ attempt }));
    const root = await connectRoot(nats);
    await root.manager.streams.add({ name: 'OTHER', subjects: ['other'], allow_direct: true });
    const block = randomBytes(MiB - 100);
    for (;;) {
      const outcome = await root.manager
        .jetstream()
        .publish('other', block)
        .catch((error: unknown) => error);
      if (outcome instanceof Error) break;
    }
    await expect(objects.put('new', randomBytes(4 * MiB))).rejects.toMatchObject({ reason: 'storage' });
    await claim.update(studentState({ attempt: 1, step: 5 }));
    expect(await publishTeacherState(teacher, names, teacherState('t'))).toBe('full');
    const waiting = Promise.all([
      feed(student, names, workItem(1)),
      publishDeadLetter(teacher, names, {
        shard: 0,
        step: 2,
        teacher: 't',
        deliveries: 5,
        error: 'always',
        item: null,
      }),
    ]);
    await systemClock.sleep(200);
    await root.manager.streams.delete('OTHER');
    await root.connection.close();
    await waiting;
    expect(await probe(student, names, 0, 2)).toMatchObject({ kind: 'dead' });
    await objects.put('new', randomBytes(4 * MiB));
    expect((await objects.list()).map(({ name }) => name)).toEqual(['old', 'new']);
    await claim.update(studentState({ attempt: 1, step: 6 }));
    expect(await admin.observe(uid)).toMatchObject({ student: { step: 6 }, work: { messages: 1 } });
  });
});

const disk = mkdtempSync(join(tmpdir(), 'distill-full-'));
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]).status === 0;
if (!isMounted) rmSync(disk, { recursive: true });

// Where nothing may be mounted, the server's own limit above is the way to a full store.
(isMounted ? describe : describe.skip)('a server whose disk is full', () => {
  test('confirms no write: that is a fault of the storage, and what was stored is there after a restart with room', async () => {
    closing.push(() => {
      spawnSync('umount', [disk]);
      rmSync(disk, { recursive: true });
    });
    const { nats, student } = await world({ below: disk, maxFileStore: 1024 * MiB });
    const objects = objectsOf(student, names);
    const sound = randomBytes(4 * MiB);
    await objects.put('sound', sound);
    const filling = (async (): Promise<void> => {
      for (let at = 0; ; at++) await objects.put(`more-${at}`, randomBytes(8 * MiB));
    })();
    await expect(filling).rejects.toMatchObject({
      reason: 'storage',
      message: expect.stringContaining('confirms no write'),
    });

    spawnSync('mount', ['-o', 'remount,size=400m', disk]);
    await nats.kill();
    await nats.restart();
    expect(Buffer.compare((await objects.get('sound'))!, sound)).toBe(0);
    await objects.put('later', sound);
    expect(Buffer.compare((await objects.get('later'))!, sound)).toBe(0);
  });
});
