/**
 * Teacher and student as processes on a server with accounts, as in pods: each has only a file with the credentials of its
 * role. Then the job's reader copies the model, and checks it against the digest that the student reported.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { workerExitCodes } from '@distillery/protocol';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { listResults } from '../../../src/cli/shared/result-checks.js';
import { bringResults } from '../../../src/cli/shared/results.js';
import { connectReader, type StreamAdmin } from '../../../src/stream/index.js';
import { smallMnist } from '../../kit/mnist.js';
import { type OperatorNats, startOperatorNats } from '../../kit/nats-operator.js';
import { accessOf, connectAdmin, streamsOf } from '../../kit/stream.js';
import { manifestWith } from '../../kit/worker-fakes.js';

const root = join(import.meta.dirname, '../../..');
const uid = 'job-a';

let nats: OperatorNats;
let admin: StreamAdmin;
let home: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'distill-creds-'));
  nats = await startOperatorNats();
  admin = await connectAdmin(nats);
  await admin.provision(streamsOf(uid));
  const manifest = manifestWith({ batchSize: 64 });
  const uriOf = (file: string): string => `file://${join(root, 'examples/mnist/models', file)}`;
  const { teacher, student } = manifest;
  const dataset = { ...manifest.dataset, uri: smallMnist(join(home, 'data'), { train: 256, test: 64 }) };
  const content = {
    ...manifest,
    dataset,
    teacher: { ...teacher, model: { ...teacher.model, uri: uriOf('teacher.onnx') } },
    student: { ...student, model: { ...student.model, uri: uriOf('student.json') } },
  };
  writeFileSync(join(home, 'manifest.json'), JSON.stringify(content));
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await admin.close();
  await nats.stop();
  rmSync(home, { recursive: true, force: true });
});

function start(role: 'teacher' | 'student'): ChildProcess {
  const credsFile = join(home, `${role}.creds`);
  writeFileSync(credsFile, nats.userFor(role, uid).creds, { mode: 0o600 });
  const child = spawn(process.execPath, [join(root, `dist/workers/${role}/main.js`)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      DISTILL_MANIFEST: join(home, 'manifest.json'),
      DISTILL_NATS_URL: nats.url,
      DISTILL_NATS_CREDS_FILE: credsFile,
      DISTILL_POD: `${role}-1`,
      DISTILL_TERMINATION_LOG: join(home, `${role}.end`),
    },
  });
  children.push(child);
  return child;
}

test('a job trains with credentials alone, and its reader copies the model', async () => {
  const teacher = start('teacher');
  const [code] = (await once(start('student'), 'exit')) as [number | null];
  expect(code).toBe(workerExitCodes.done);
  teacher.kill('SIGTERM');
  expect(((await once(teacher, 'exit')) as [number | null])[0]).toBe(workerExitCodes.stopped);

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
