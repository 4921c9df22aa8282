/**
 * Teacher and student as processes on a server with accounts, as in pods: each has only a file with the credentials of its
 * role. Then the job's reader copies the model, and checks it against the digest that the student reported.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { workerExitCodes } from '@distillery/protocol';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { listResults } from '../../../src/cli/shared/result-checks.js';
import { bringResults } from '../../../src/cli/shared/results.js';
import { connectReader, type StreamAdmin } from '../../../src/stream/index.js';
import { type OperatorNats, startOperatorNats } from '../../kit/nats-operator.js';
import { accessOf, connectAdmin, streamsOf } from '../../kit/stream.js';
import { exitOf, smallManifest, WorkerPair } from '../../kit/worker-pair.js';

const uid = 'job-a';

let nats: OperatorNats;
let admin: StreamAdmin;
let home: string;
let workers: WorkerPair;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'distill-creds-'));
  nats = await startOperatorNats();
  admin = await connectAdmin(nats);
  await admin.provision(streamsOf(uid));
  workers = new WorkerPair(home, smallManifest(home, 256));
});
afterAll(async () => {
  workers.kill();
  await admin.close();
  await nats.stop();
  rmSync(home, { recursive: true, force: true });
});

test('a job trains with credentials alone, and its reader copies the model', async () => {
  const start = (role: 'teacher' | 'student') =>
    workers.start(role, { url: nats.url, creds: nats.userFor(role, uid).creds });
  const teacher = start('teacher');
  expect(await exitOf(start('student'))).toBe(workerExitCodes.done);
  teacher.kill('SIGTERM');
  expect(await exitOf(teacher)).toBe(workerExitCodes.stopped);

  const seen = await admin.observe(uid);
  const result = seen.state === 'Present' ? seen.student?.result : null;
  expect(result?.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(result?.filesDigest).toMatch(/^[0-9a-f]{64}$/);
  const reader = await connectReader({ ...accessOf(nats, nats.userFor('reader', uid)), uid, waitMs: 5_000 });
  const results = await listResults(reader);
  expect(results.map(({ name }) => name).sort()).toEqual([
    'SHA256SUMS',
    'metrics.json',
    'model.json',
    'model.onnx',
    'weights.bin',
  ]);
  const { digest = '', filesDigest = '' } = result ?? {};
  expect(await bringResults(reader, results, join(home, 'model'), { digest, filesDigest })).toBe(digest);
  await reader.close();
  const metrics = JSON.parse(readFileSync(join(home, 'model/metrics.json'), 'utf8')) as { digest: string };
  expect(metrics.digest).toBe(digest);
});
