/** The history of a job in its streams, on a real server: who writes it, who reads it, and what guards it. */
import { jobNames } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PermissionViolationError } from '@nats-io/transport-node';

import { connectReader, type JobStreamReader, type StreamAdmin, StreamError } from '../../../src/stream/index.js';
import { claimAttempt } from '../../../workers/stream/index.js';
import type { TestNats } from '../../kit/nats.js';
import { startOperatorNats } from '../../kit/nats-operator.js';
import { accessOf, connectAdmin, connectAs, connectRoot, streamsOf, studentState } from '../../kit/stream.js';

const uid = 'mine';
const names = jobNames(uid);

let nats: TestNats;
let admin: StreamAdmin;
let reader: JobStreamReader;
beforeAll(async () => {
  nats = await startOperatorNats();
  admin = await connectAdmin(nats);
  await admin.provision(streamsOf(uid));
  reader = await connectReader({ ...accessOf(nats, nats.userFor('reader', uid)), uid, waitMs: 5_000 });
});
afterAll(async () => {
  await reader.close();
  await admin.close();
  await nats.stop();
});

describe('a history', () => {
  test('is written by the operator against the revision that it read, and read by the reader of the job', async () => {
    expect(await admin.readHistory(uid)).toEqual({ text: '', revision: 0 });
    expect(await reader.history()).toBe('');
    expect(await admin.writeHistory(uid, 'first\n', 0)).toBe('stored');
    expect(await admin.writeHistory(uid, 'of an operator that was replaced\n', 0)).toBe('moved');
    const { text, revision } = await admin.readHistory(uid);
    expect([text, await reader.history()]).toEqual(['first\n', 'first\n']);
    expect(await admin.writeHistory(uid, 'second\n', revision)).toBe('stored');
    expect(await reader.history()).toBe('second\n');
  });

  test.each(['student', 'teacher', 'reader'] as const)('is never written by a %s', async (role) => {
    const link = await connectAs(nats, role, uid);
    const refused: unknown = await link.connection
      .request(names.subjects.state(names.stateKeys.history), 'forged', { timeout: 2_000 })
      .catch((error: unknown) => error);
    expect((refused as Error).cause).toBeInstanceOf(PermissionViolationError);
    await link.close();
  });

  test('leaves room for the fence and the reference at its largest, and announces nothing to decide', async () => {
    const woken: unknown[] = [];
    const unwatch = admin.watch(uid, (key) => woken.push(key));
    const student = await connectAs(nats, 'student', uid);
    await claimAttempt(student, names, 0, (attempt) => studentState({ attempt }));
    const noise = Array.from({ length: 440 * 1024 }, () => String.fromCharCode(33 + Math.random() * 90)).join('');
    for (let times = 0; times < 3; times += 1) {
      const { revision } = await admin.readHistory(uid);
      expect(await admin.writeHistory(uid, noise, revision)).toBe('stored');
    }
    expect(await reader.history()).toBe(noise);
    await claimAttempt(student, names, 0, (attempt) => studentState({ attempt }));
    expect(woken).toContain('student');
    expect(woken).not.toContain('history');
    unwatch();
    await student.close();
  });

  test('that is damaged reads as none, and one of a stream that is gone is missing', async () => {
    const { connection } = await connectRoot(nats);
    connection.publish(names.subjects.state(names.stateKeys.history), 'no compressed text');
    await connection.flush();
    expect(await admin.readHistory(uid)).toMatchObject({ text: '' });
    await connection.close();
    await admin.remove(uid);
    for (const ask of [() => admin.readHistory(uid), () => admin.writeHistory(uid, 'x', 0)]) {
      const error: unknown = await ask().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(StreamError);
      expect((error as StreamError).reason).toBe('missing');
    }
  });
});
