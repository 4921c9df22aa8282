/** `distill fetch` of a job whose output is in a bucket: a process, an API server, a real S3 server, and faults before it. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { resultSumsText } from '@distillery/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { startTestApiServer, type TestApiServer } from '../../kit/api-server.js';
import { distillExit, DistillProcess } from '../../kit/distill.js';
import { clusterJob, completeStatus, testModel } from '../../kit/model.js';
import { reportInput, resultReport } from '../../kit/report.js';
import { S3Proxy } from '../../kit/s3-proxy.js';
import { rootKeys, type S3Server, startS3Server } from '../../kit/s3-server.js';
import { plainJob } from '../../kit/snapshots.js';

const jobPath = '/apis/distillery.dev/v1alpha1/namespaces/team-a/distilljobs/mnist';
const secretPath = '/api/v1/namespaces/team-a/secrets/bucket';
const store = 's3://runs/mnist/model';
const model = testModel();
const sums = Buffer.from(
  resultSumsText(
    new Map(
      Object.entries(model.files).map(([name, bytes]) => [name, createHash('sha256').update(bytes).digest('hex')]),
    ),
  ),
);

let api: TestApiServer;
let server: S3Server;
let proxy: S3Proxy;
let home: string;
let folder: string;
let runs = 0;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'distill-fetch-bucket-'));
  [api, server] = await Promise.all([startTestApiServer(), startS3Server()]);
  await server.makeBucket('runs');
});
beforeEach(async () => {
  folder = join(home, `model-${String(++runs)}`);
  proxy = await S3Proxy.start(server.endpoint);
  setJob({ filesDigest: createHash('sha256').update(sums).digest('hex') });
  setSecret({ ...server.variables(), AWS_ENDPOINT_URL: proxy.url });
  for (const key of await server.keys('runs', '')) await server.remove('runs', key);
  for (const [name, bytes] of Object.entries({ ...model.files, SHA256SUMS: sums })) await put(name, bytes);
  await put('.distillery', Buffer.from('{"kind":"job"}\n'));
  await put('step-000000000005-attempt-000001.ckpt', Buffer.alloc(100_000));
  await put('below/model.json', Buffer.from('of another folder'));
});
afterEach(() => proxy.stop());
afterAll(async () => {
  await Promise.all([api.stop(), server.stop()]);
  rmSync(home, { recursive: true, force: true });
});

function put(name: string, bytes: Uint8Array): Promise<void> {
  return server.put('runs', `mnist/model/${name}`, bytes);
}

function setJob(result: object, output: object = { secretRef: { name: 'bucket' } }): void {
  const status = completeStatus(model.digest) as { readonly result: object };
  const job = clusterJob({ status: { ...status, result: { ...status.result, ...result } } });
  api.set(jobPath, { ...job, spec: { student: { output: { store, ...output } } } });
}

function setSecret(values: Readonly<Record<string, string>>): void {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  api.set(secretPath, { kind: 'Secret', data });
}

class Fetch extends DistillProcess {
  constructor(args: readonly string[] = [], variables: Readonly<Record<string, string>> = {}) {
    super(['fetch', 'mnist', '--kubeconfig', api.kubeconfig, '-o', folder, ...args], variables);
  }
}

async function refused(fetch: Fetch): Promise<{ readonly code: number | null; readonly sentence: string }> {
  const code = await fetch.ended();
  expect(existsSync(folder)).toBe(false);
  expect(fetch.stderr).not.toContain(rootKeys.secret);
  expect(fetch.stderr).not.toMatch(/^\s+at /m);
  expect(await fetch.survivors()).toEqual([]);
  return { code, sentence: fetch.stderr };
}

async function copied(fetch: Fetch): Promise<void> {
  expect({ code: await fetch.ended(), stderr: fetch.stderr }).toEqual({ code: distillExit.ok, stderr: '' });
  expect(readdirSync(folder).sort()).toEqual(['SHA256SUMS', ...Object.keys(model.files).sort()]);
  for (const [name, content] of Object.entries(model.files)) {
    expect(readFileSync(join(folder, name)).equals(content)).toBe(true);
  }
}

describe('a result in a bucket', () => {
  test('is copied with the credentials that the job names, and nothing else of the folder', async () => {
    const fetch = new Fetch();
    await copied(fetch);
    expect(fetch.plain).toEqual([
      `model     ${folder}: SHA256SUMS, metrics.json, model.json, weights.bin`,
      `digest    ${model.digest}`,
      'accuracy  98.00 % of the evaluation split',
    ]);
    expect(proxy.seen.every(({ method }) => method === 'GET')).toBe(true);
    expect(await fetch.survivors()).toEqual([]);
  });

  test('is copied with the credentials of the person, who may not read the Secret', async () => {
    api.refuse(secretPath, 403, 'secrets "bucket" is forbidden');
    const without = await refused(new Fetch());
    expect(without).toEqual({ code: distillExit.unavailable, sentence: expect.stringContaining('is forbidden') });
    await copied(new Fetch(['--credentials', 'environment'], { ...server.variables(), AWS_ENDPOINT_URL: proxy.url }));
  });

  test('of a job without a Secret is read with the variables of AWS', async () => {
    setJob({}, {});
    await copied(new Fetch([], { ...server.variables(), AWS_ENDPOINT_URL: proxy.url }));
  });

  test('is read from another address than the one for pods', async () => {
    setSecret({ ...server.variables(), AWS_ENDPOINT_URL: 'http://storage.invalid:9000' });
    const inside = await refused(new Fetch());
    expect(inside.code).toBe(distillExit.badInput);
    expect(inside.sentence).toMatch(/no host is named storage\.invalid/);
    await copied(new Fetch(['--s3-endpoint', proxy.url]));
  });

  test('is copied through cuts and a busy server', async () => {
    const weights = ({ path }: { readonly path: string }): boolean => path.endsWith('weights.bin');
    proxy.plan({ kind: 'cutAnswer', after: 5 }, weights);
    proxy.plan({ kind: 'refuse', status: 503, code: 'SlowDown' });
    const fetch = new Fetch();
    expect(await fetch.ended()).toBe(distillExit.ok);
    expect(readFileSync(join(folder, 'weights.bin')).equals(model.files['weights.bin'] ?? Buffer.alloc(0))).toBe(true);
    expect(proxy.seen.filter(weights)).toHaveLength(2);
  });

  test('replaces nothing', async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'model.json'), 'of a person');
    const fetch = new Fetch();
    expect(await fetch.ended()).toBe(distillExit.badInput);
    expect(fetch.stderr).toContain('it holds model.json');
    expect(readFileSync(join(folder, 'model.json'), 'utf8')).toBe('of a person');
    expect(proxy.seen).toEqual([]);
  });
});

describe('a result in a bucket is refused', () => {
  test.each<[string, number, RegExp, () => Promise<void> | void]>([
    [
      'whose weights were exchanged',
      distillExit.badInput,
      /^result weights\.bin: its SHA-256 is not the one in SHA256SUMS/,
      () => put('weights.bin', testModel(2).files['weights.bin'] ?? Buffer.alloc(0)),
    ],
    [
      'whose list was exchanged as well',
      distillExit.badInput,
      /^result SHA256SUMS: its SHA-256 is not the one in the job's status/,
      () => put('SHA256SUMS', Buffer.from(resultSumsText(new Map([['model.json', 'ab'.repeat(32)]])))),
    ],
    [
      'with an invalid list',
      distillExit.badInput,
      /^result SHA256SUMS: it is not a list of files and their SHA-256/,
      async () => {
        await put('SHA256SUMS', Buffer.from('hello'));
        setJob({});
      },
    ],
    [
      'with a list of gigabytes, which is not read into memory',
      distillExit.badInput,
      /^result SHA256SUMS: /,
      () => put('SHA256SUMS', Buffer.alloc(70_000, 'a')),
    ],
    [
      'without a file that it names',
      distillExit.badInput,
      /^results: there is no metrics\.json, which SHA256SUMS names/,
      () => server.remove('runs', 'mnist/model/metrics.json'),
    ],
    [
      'without any file',
      distillExit.failed,
      /^job team-a\/mnist: s3:\/\/runs\/mnist\/model is empty\. Run the job again\.$/m,
      async () => {
        for (const key of await server.keys('runs', '')) await server.remove('runs', key);
      },
    ],
    [
      'of another user',
      distillExit.badInput,
      /^s3:\/\/runs\/mnist\/model: the server refuses the credentials/,
      () => setSecret({ ...server.variables({ ...rootKeys, secret: 'another' }), AWS_ENDPOINT_URL: proxy.url }),
    ],
    [
      'with half of the credentials',
      distillExit.badInput,
      /the Secret team-a\/bucket has no AWS_SECRET_ACCESS_KEY/,
      () => setSecret({ AWS_ACCESS_KEY_ID: 'a', AWS_ENDPOINT_URL: proxy.url }),
    ],
    [
      'with credentials that expire in the middle',
      distillExit.unavailable,
      /the credentials have expired/,
      () => proxy.plan({ kind: 'refuse', status: 400, code: 'ExpiredToken' }, ({ path }) => path.endsWith('.bin'), 100),
    ],
    [
      'of a server that is away',
      distillExit.unavailable,
      /the server cannot answer now \(HTTP status 503\)/,
      () => proxy.plan({ kind: 'refuse', status: 503, code: 'SlowDown' }, () => true, 100),
    ],
    [
      'of a bucket that is gone',
      distillExit.badInput,
      /there is no such bucket \(NoSuchBucket\)/,
      () => proxy.plan({ kind: 'refuse', status: 404, code: 'NoSuchBucket' }, () => true, 100),
    ],
  ])('%s', async (_, code, sentence, spoil) => {
    await spoil();
    expect(await refused(new Fetch())).toEqual({ code, sentence: expect.stringMatching(sentence) });
  });
});

test('a report has the curves of a result in a bucket, also where NATS cannot be reached', async () => {
  const job = plainJob();
  Object.assign(job.spec.student.output, { store, secretRef: { name: 'bucket' } });
  api.set(jobPath, { ...job, status: reportInput().status });
  const report = Buffer.from(JSON.stringify(resultReport(10)));
  await put('metrics.json', report);
  const all = { ...model.files, 'metrics.json': report };
  const digests = Object.entries(all).map(([name, bytes]) => {
    return [name, createHash('sha256').update(bytes).digest('hex')] as const;
  });
  await put('SHA256SUMS', Buffer.from(resultSumsText(new Map(digests))));
  const page = join(home, 'bucket-report.html');
  const made = new DistillProcess(['report', 'mnist', '-n', 'team-a', '--kubeconfig', api.kubeconfig, '-o', page]);
  expect({ code: await made.ended(), stderr: made.stderr }).toEqual({ code: distillExit.ok, stderr: '' });
  expect(readFileSync(page, 'utf8')).toContain('id="loss"');
  const missing = made.plain.filter((line) => line.startsWith('missing'));
  expect(missing).toEqual([
    expect.stringMatching(/^missing +curves of the loss, scores, rates and teachers; /),
    expect.stringMatching(/^missing +events; /),
  ]);
  expect(await made.survivors()).toEqual([]);
});

test('Ctrl-C ends a fetch, and leaves nothing', async () => {
  const asked = Promise.withResolvers<undefined>();
  proxy.onRequest = async ({ path }) => {
    if (!path.endsWith('weights.bin')) return;
    asked.resolve(undefined);
    await new Promise(() => undefined);
  };
  const fetch = new Fetch();
  await asked.promise;
  fetch.child.kill('SIGINT');
  expect(await refused(fetch)).toEqual({ code: distillExit.interrupted, sentence: expect.any(String) });
});
