/** A whole job whose data set lies in a bucket and whose models lie on a web server. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { Authority } from '../../kit/cluster/pki.js';
import { DistillProcess, distillExit, type SmallSpec, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { rootKeys, type S3Server, startS3Server } from '../../kit/s3-server.js';
import { WebServer } from '../../kit/web-server.js';

const models = join(import.meta.dirname, '../../../examples/mnist/models');
const folder = mkdtempSync(join(tmpdir(), 'distill-places-'));
let bucket: S3Server;
let web: WebServer;
let data = '';
let environment: Record<string, string> = {};
let runs = 0;

beforeAll(async () => {
  data = smallMnist(join(folder, 'data'), { train: 512, test: 128 });
  const authority = await Authority.create(join(folder, 'pki'));
  const names = ['IP:127.0.0.1'];
  bucket = await startS3Server(await authority.issue('s3', { commonName: 's3', names }));
  web = await WebServer.start(await authority.issue('web', { commonName: 'web', names }));
  await bucket.makeBucket('sets');
  for (const name of readdirSync(join(folder, 'data'))) {
    await bucket.put('sets', `mnist/${name}`, readFileSync(join(folder, 'data', name)));
  }
  for (const name of ['teacher.onnx', 'student.json']) web.put(`models/${name}`, readFileSync(join(models, name)));
  environment = {
    ...bucket.variables(),
    NODE_EXTRA_CA_CERTS: authority.certificate,
    DISTILL_CACHE_FOLDER: join(folder, 'cache'),
  };
});
afterAll(async () => {
  await Promise.all([bucket.stop(), web.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function run(
  change: (spec: SmallSpec) => void,
  variables: Readonly<Record<string, string>> = environment,
): Promise<DistillProcess> {
  const job = writeSmallJob(folder, data, (spec) => {
    spec.training.epochs = 1;
    change(spec);
  });
  const process = new DistillProcess(['run', job, '--json', '--dir', join(folder, `run-${String(runs++)}`)], variables);
  await process.ended();
  expect(await process.survivors()).toEqual([]);
  return process;
}

function remotely({ dataset, teacher, student }: SmallSpec): void {
  const teacherFile = readFileSync(join(models, 'teacher.onnx'));
  const pin = createHash('sha256').update(teacherFile).digest('hex');
  dataset.uri = 's3://sets/mnist';
  teacher.model = { format: 'onnx', uri: `https://${web.host}/models/teacher.onnx#sha256=${pin}` };
  student.model = { uri: `https://${web.host}/models/student.json` };
}

describe('a job with remote places', () => {
  test('trains the same student as one with files', async () => {
    const local = await run(() => undefined);
    const remote = await run(remotely);
    expect({ stderr: remote.stderr, result: remote.result }).toMatchObject({
      stderr: '',
      result: { outcome: 'complete' },
    });
    expect(remote.result?.digest).toBe(local.result?.digest);
    // Two teachers and the evaluation read it, one fetched it.
    const fetched = web.seen.filter(({ path, status }) => path === '/models/teacher.onnx' && status === 200);
    expect(fetched).toHaveLength(1);
  });

  test('stops at once while it downloads', async () => {
    web.next({ kind: 'stall', after: 10 });
    const job = writeSmallJob(folder, data, (spec) => {
      spec.student.model = { uri: `https://${web.host}/models/student.json` };
    });
    const before = web.seen.length;
    const dir = join(folder, 'run-stopped');
    const stopped = new DistillProcess(['run', job, '--json', '--dir', dir], {
      ...environment,
      DISTILL_CACHE_FOLDER: join(folder, 'other'),
    });
    await stopped.until('the download begins', () => web.seen.length > before);
    stopped.child.kill('SIGINT');
    expect(await stopped.ended()).toBe(distillExit.interrupted);
    expect(await stopped.survivors()).toEqual([]);
  });

  test('fails at once, and without any secret in a message, when the credentials are wrong', async () => {
    const secret = 'another-word-of-the-test';
    const failed = await run(remotely, { ...environment, AWS_SECRET_ACCESS_KEY: secret });
    expect(await failed.ended()).toBe(distillExit.badInput);
    expect(failed.result?.message).toContain(
      's3://sets/mnist: the server refuses the credentials (SignatureDoesNotMatch)',
    );
    const logs = join(folder, `run-${String(runs - 1)}`, 'logs');
    const texts = [
      JSON.stringify(failed.lines),
      failed.stderr,
      ...readdirSync(logs).map((name) => readFileSync(join(logs, name), 'utf8')),
    ];
    for (const text of texts) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(rootKeys.id);
    }
  });
});
