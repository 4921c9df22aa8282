/** A whole job whose checkpoints and result go into a bucket, with faults of the bucket and of the student in the middle. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { DistillProcess, distillExit, type SmallSpec, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { S3Proxy, type S3Request } from '../../kit/s3-proxy.js';
import { rootKeys, type S3Server, startS3Server } from '../../kit/s3-server.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-stored-'));
let bucket: S3Server;
let proxy: S3Proxy;
let data = '';
let wanted: string | undefined;
let runs = 0;

beforeAll(async () => {
  data = smallMnist(join(folder, 'data'), { train: 1_024, test: 128 });
  bucket = await startS3Server();
  await bucket.makeBucket('runs');
  const local = start(() => undefined, {});
  await local.ended();
  wanted = local.result?.digest;
  expect(wanted).toMatch(/^[0-9a-f]{64}$/);
});
afterAll(async () => {
  await bucket.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  proxy = await S3Proxy.start(bucket.endpoint);
});
afterEach(() => proxy.stop());

function start(
  change: (spec: SmallSpec) => void,
  variables: Readonly<Record<string, string>> = { ...bucket.variables(), AWS_ENDPOINT_URL: proxy.url },
): DistillProcess {
  const job = writeSmallJob(folder, data, (spec) => {
    Object.assign(spec.student.checkpoint as object, { everySteps: 8 });
    change(spec);
  });
  return new DistillProcess(['run', job, '--json', '--dir', join(folder, `run-${String(runs++)}`)], variables);
}

/** Both stores in a folder of their own. */
function inBucket(path: string): (spec: SmallSpec) => void {
  return ({ student }) => {
    Object.assign(student.checkpoint as object, { store: `s3://runs/${path}/checkpoints` });
    student.output = { store: `s3://runs/${path}/model` };
  };
}

/** Where each attempt of the student began, as it says in its log. */
function startsIn(run: string): { readonly attempt: number; readonly step: number }[] {
  const logs = join(folder, run, 'logs');
  return readdirSync(logs)
    .flatMap((name) => readFileSync(join(logs, name), 'utf8').split('\n'))
    .filter((line) => line.includes('"msg":"starting"'))
    .map((line) => JSON.parse(line) as { readonly attempt: number; readonly step: number })
    .map(({ attempt, step }) => ({ attempt, step }))
    .sort((a, b) => a.attempt - b.attempt);
}

const stores = ({ method, path }: S3Request): boolean => method === 'PUT' && path.endsWith('.ckpt');
const stored = (): number => proxy.seen.filter(stores).length;

async function expectWhole(run: DistillProcess, path: string): Promise<void> {
  expect(await run.ended()).toBe(distillExit.ok);
  expect(run.result).toMatchObject({ outcome: 'complete', digest: wanted, model: `s3://runs/${path}/model` });
  expect(await run.survivors()).toEqual([]);
  const names = ['.distillery', 'SHA256SUMS', 'metrics.json', 'model.json', 'model.onnx', 'weights.bin'];
  expect(await bucket.keys('runs', `${path}/model/`)).toEqual(names.map((name) => `${path}/model/${name}`));
  // `keep` is 2.
  expect((await bucket.keys('runs', `${path}/checkpoints/step-`)).length).toBeLessThanOrEqual(2);
}

describe('a job with its stores in a bucket', () => {
  test('trains the same student as one without', async () => {
    await expectWhole(start(inBucket('plain')), 'plain');
  });

  test('trains the same student when the student is killed in the middle', async () => {
    const run = start(inBucket('killed'));
    await run.until('a second checkpoint is stored', () => stored() >= 2 && run.progress?.pids.student !== null);
    process.kill(run.progress?.pids.student ?? 0, 'SIGKILL');
    await expectWhole(run, 'killed');
    const starts = startsIn(`run-${String(runs - 1)}`);
    expect(starts.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(starts[1]?.step).toBeGreaterThanOrEqual(8);
  });

  test('trains the same student through cuts, a busy server and credentials that expire for a while', async () => {
    proxy.plan({ kind: 'cutRequest', after: 20_000 }, stores);
    proxy.plan({ kind: 'loseAnswer' }, stores);
    proxy.plan({ kind: 'refuse', status: 503, code: 'SlowDown' }, stores, 4);
    proxy.plan({ kind: 'refuse', status: 400, code: 'ExpiredToken' }, stores, 4);
    const run = start(inBucket('faults'));
    await expectWhole(run, 'faults');
    expect(stored()).toBeGreaterThan(10);
  });

  test('ends at once, and without any secret in a message, when the credentials are refused in the middle', async () => {
    const run = start(inBucket('denied'));
    await run.until('a checkpoint is stored', () => stored() >= 1);
    proxy.plan({ kind: 'refuse', status: 403, code: 'AccessDenied' }, () => true, 1_000_000);
    expect(await run.ended()).toBe(distillExit.badInput);
    expect(run.result?.message).toContain('the server refuses the credentials (AccessDenied)');
    expect(JSON.stringify(run.lines) + run.stderr).not.toContain(rootKeys.secret);
  });

  test('is refused at once when the folder belongs to another job', async () => {
    await bucket.put('runs', 'other/model/weights.bin', Buffer.from('the only copy'));
    const run = start(inBucket('other'));
    expect(await run.ended()).toBe(distillExit.badInput);
    expect(run.result?.message).toContain('s3://runs/other/model holds weights.bin, which does not belong to this job');
  });
});
