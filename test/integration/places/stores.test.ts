/** Checkpoints and results on a real S3 server: what the stores promise, and what faults cost. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import {
  type CheckpointStore,
  decodeCheckpoint,
  encodeCheckpoint,
  loadNewest,
} from '../../../workers/checkpoint/index.js';
import type { BucketFolder } from '../../../workers/places/index.js';
import { endingOf } from '../../../workers/process/index.js';
import { openBucketCheckpoints, openBucketResults } from '../../../workers/student/bucket-stores.js';
import { testPlaces } from '../../kit/places.js';
import { S3Proxy, type S3Fault, type S3Request } from '../../kit/s3-proxy.js';
import { rootKeys, type S3Keys, type S3Server, startS3Server } from '../../kit/s3-server.js';
import { small } from '../../unit/checkpoint/checkpoints.js';

let folder = '';
let server: S3Server;
let proxy: S3Proxy;
let runs = 0;
let path = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-stores-'));
  server = await startS3Server();
  await server.makeBucket('runs');
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  proxy = await S3Proxy.start(server.endpoint);
  path = `run-${String(runs++)}`;
});
afterEach(() => proxy.stop());

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));
const unbroken = (): Promise<void> => Promise.resolve();
const writes = ({ method, path: key }: S3Request): boolean => method === 'PUT' && !key.endsWith('.distillery');
const expired: S3Fault = { kind: 'refuse', status: 400, code: 'ExpiredToken' };
const busy: S3Fault = { kind: 'refuse', status: 503, code: 'SlowDown' };
const denied: S3Fault = { kind: 'refuse', status: 403, code: 'AccessDenied' };

function bucket(keys: S3Keys = rootKeys, uri = `s3://runs/${path}`): BucketFolder {
  const values = { ...server.variables(keys), AWS_ENDPOINT_URL: proxy.url };
  const credentials = { checkpoint: { kind: 'variables', values } } as const;
  return testPlaces({ folder: join(folder, 'cache'), credentials }).places.bucket(uri, 'checkpoint');
}

function opened(jobUid = 'job-1'): Promise<CheckpointStore> {
  return openBucketCheckpoints(bucket(), jobUid);
}

async function keysOf(store: CheckpointStore): Promise<string[]> {
  return (await store.list()).map(({ step, attempt }) => `${String(step)}/${String(attempt)}`);
}

/** How a process ends by it, and its sentence. */
async function endOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error)) throw new Error('nothing was refused');
  return `${endingOf(error)}: ${error.message}`;
}

describe('a checkpoint store in a bucket', () => {
  test('returns what was stored, newest first by step and then by attempt', async () => {
    const store = await opened();
    for (const key of ['200/1', '1000/1', '400/2', '400/10']) {
      const [step = 0, attempt = 0] = key.split('/').map(Number);
      await store.put(step, attempt, bytesOf(key), unbroken);
    }
    expect(await keysOf(store)).toEqual(['1000/1', '400/10', '400/2', '200/1']);
    for (const entry of await store.list()) {
      const bytes = await store.get(entry);
      expect(textOf(bytes)).toBe(`${String(entry.step)}/${String(entry.attempt)}`);
      expect(entry.bytes).toBe(bytes.length);
    }
    await store.remove({ step: 400, attempt: 2 });
    await store.remove({ step: 400, attempt: 2 });
    expect(await keysOf(await opened())).toEqual(['1000/1', '400/10', '200/1']);
    expect(await server.keys('runs', `${path}/`)).toContain(`${path}/step-0000000400-attempt-10.ckpt`);
  });

  test('replaces a checkpoint that is stored again', async () => {
    const store = await opened();
    await store.put(1, 1, bytesOf('longer than the next'), unbroken);
    await store.put(1, 1, bytesOf('short'), unbroken);
    expect(await keysOf(store)).toEqual(['1/1']);
    expect(textOf(await store.get({ step: 1, attempt: 1, bytes: 5 }))).toBe('short');
  });

  test('stores nothing when the fence is broken', async () => {
    const store = await opened();
    await expect(store.put(1, 1, bytesOf('late'), () => Promise.reject(new Error('fenced')))).rejects.toThrow('fenced');
    expect(await keysOf(store)).toEqual([]);
    expect(await endOf(store.get({ step: 1, attempt: 1, bytes: 4 }))).toMatch(/^storage: .*the checkpoint is gone/);
  });

  test('falls back to the checkpoint before a damaged one', async () => {
    const store = await opened();
    const at = (step: number): Uint8Array => encodeCheckpoint({ ...small, step });
    await store.put(200, 1, at(200), unbroken);
    await store.put(400, 1, at(400), unbroken);
    const whole = at(400);
    await server.put('runs', `${path}/step-0000000400-attempt-1.ckpt`, whole.with(200, (whole[200] ?? 0) ^ 4));
    await server.put('runs', `${path}/step-0000000600-attempt-1.ckpt`, at(600).subarray(0, 100));
    const { newest, skipped } = await loadNewest(store, (bytes) => decodeCheckpoint(bytes, 'job-1'));
    expect(newest?.entry.step).toBe(200);
    expect(skipped.map(({ error }) => error)).toMatchObject([{ reason: 'truncated' }, { reason: 'damaged' }]);
  });
});

describe('a fault that passes', () => {
  test.each<[string, S3Fault, (request: S3Request) => boolean]>([
    ['a cut in the middle of the body', { kind: 'cutRequest', after: 70_000 }, writes],
    ['an answer that is lost', { kind: 'loseAnswer' }, writes],
    ['a body that changes on its way', { kind: 'flip' }, writes],
    ['a server that is busy', busy, writes],
    [
      'a list that is cut',
      { kind: 'cutAnswer', after: 40 },
      ({ method, path: key }) => method === 'GET' && key === '/runs',
    ],
    ['a cut while it is read back', { kind: 'cutAnswer', after: 1_000 }, ({ path: key }) => key.endsWith('.ckpt')],
  ])('%s costs no checkpoint', async (_, fault, applies) => {
    const store = await opened();
    proxy.plan(fault, applies);
    const bytes = new Uint8Array(300_000).fill(7);
    await store.put(7, 1, bytes, unbroken);
    expect(await keysOf(store)).toEqual(['7/1']);
    expect(Buffer.from(await store.get({ step: 7, attempt: 1, bytes: 0 })).equals(bytes)).toBe(true);
  });

  test('a cut while it is loaded costs nothing', async () => {
    const store = await opened();
    await store.put(7, 1, bytesOf('whole'), unbroken);
    proxy.plan({ kind: 'cutAnswer', after: 2 }, ({ path: key }) => key.endsWith('.ckpt'));
    expect(textOf(await store.get({ step: 7, attempt: 1, bytes: 5 }))).toBe('whole');
  });
});

describe('a fault that stays', () => {
  test.each<[string, S3Fault, RegExp]>([
    [
      'a busy server',
      busy,
      /^storage: checkpoint store s3:.*cannot answer now \(HTTP status 503\)\. Try again later\.$/,
    ],
    [
      'expired credentials',
      expired,
      /^storage: .*the credentials have expired \(ExpiredToken\)\. Renew those in the var/,
    ],
    ['a refusal', denied, /^storage: .*the server refuses the credentials \(AccessDenied\)\. Check the credentials/],
    [
      'a server without conditional writes',
      { kind: 'refuse', status: 501, code: 'NotImplemented' },
      /^terminal: s3:.*cannot do what a store needs \(NotImplemented\)\. Use a server that knows conditional writes/,
    ],
    [
      'a body that always changes',
      { kind: 'flip' },
      /^storage: .*other bytes arrived than were sent \(XAmzContentSHA256Mismatch\)/,
    ],
    [
      'a full bucket',
      { kind: 'refuse', status: 403, code: 'QuotaExceeded' },
      /^storage: .*the bucket has no room left \(QuotaExceeded\)\. Raise its quota, or remove objects\.$/,
    ],
  ])('%s keeps the older checkpoints', async (_, fault, sentence) => {
    const store = await opened();
    await store.put(200, 1, bytesOf('old'), unbroken);
    proxy.plan(fault, writes, 100);
    expect(await endOf(store.put(400, 1, bytesOf('new'), unbroken))).toMatch(sentence);
    proxy.heal();
    expect(await keysOf(store)).toEqual(['200/1']);
  });
});

describe('a folder', () => {
  test('belongs to one job', async () => {
    await opened('job-1');
    expect(await endOf(opened('job-2'))).toBe(
      `terminal: student.checkpoint.store: s3://runs/${path} belongs to another job (job-1). ` +
        'Name another folder; if that job is gone, remove .distillery and its files from the folder.',
    );
    await openBucketResults(bucket(), 'job-1');
  });

  test('is claimed by one of two jobs at once', async () => {
    const ends = await Promise.allSettled(['job-1', 'job-2'].map((uid) => opened(uid)));
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('with an unreadable mark is refused', async () => {
    await server.put('runs', `${path}/.distillery`, bytesOf('{'));
    expect(await endOf(opened())).toContain('belongs to another job (its mark cannot be read)');
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'in no bucket',
      () => openBucketCheckpoints(bucket(rootKeys, 's3://no-such-bucket/x'), 'job-1'),
      /^terminal: s3:.*there is no such bucket \(NoSuchBucket\)/,
    ],
    [
      'with wrong credentials',
      () => openBucketCheckpoints(bucket({ id: rootKeys.id, secret: 'another-word' }), 'job-1'),
      /^terminal: s3:.*the server refuses the credentials \(SignatureDoesNotMatch\)/,
    ],
  ])('%s is refused before the training', async (_, open, sentence) => {
    expect(await endOf(open())).toMatch(sentence);
  });

  const all = ['s3:ListBucket', 's3:GetObject', 's3:PutObject', 's3:DeleteObject'];
  test.each(all)('is refused before the training without the right %s', async (missing) => {
    const name = `bound-${missing.slice(3).toLowerCase()}`;
    const keys = { id: `user-${name}`, secret: 'word-of-the-test' };
    await server.makeBucket(name);
    await server.addBoundUser(keys, name, all);
    await openBucketCheckpoints(bucket(keys, `s3://${name}/x`), 'job-1');
    const less = { id: `less-${name}`, secret: 'word-of-the-test' };
    await server.addBoundUser(
      less,
      name,
      all.filter((action) => action !== missing),
    );
    const end = await endOf(openBucketCheckpoints(bucket(less, `s3://${name}/y`), 'job-1'));
    expect(end).toMatch(/^terminal: .*the server refuses the credentials \(AccessDenied\)/);
    expect(end).not.toContain(less.id);
  });

  test('of a server that is away may be there later', async () => {
    const store = bucket();
    await proxy.stop();
    expect(await endOf(openBucketCheckpoints(store, 'job-1'))).toMatch(/^storage: .*cannot be reached/);
    proxy = await S3Proxy.start(server.endpoint);
  });
});

describe('results in a bucket', () => {
  test('are there as they were stored, beside what else lies there', async () => {
    await server.put('runs', `${path}/data.csv`, bytesOf('mine'));
    const store = await openBucketResults(bucket(), 'job-1');
    await store.put('model.json', bytesOf('{}'), unbroken);
    await store.put('model.onnx', bytesOf('onnx'), unbroken);
    for (let times = 0; times < 2; times++) await store.remove('model.onnx', unbroken);
    expect(await server.keys('runs', `${path}/`)).toEqual(
      ['.distillery', 'data.csv', 'model.json'].map((name) => `${path}/${name}`),
    );
  });

  test('are never written over a model that is not of this job', async () => {
    await server.put('runs', `${path}/weights.bin`, bytesOf('the only copy'));
    expect(await endOf(openBucketResults(bucket(), 'job-1'))).toMatch(
      /^terminal: student\.output\.store: s3:.* holds weights\.bin, which does not belong to this job/,
    );
    expect(await server.keys('runs', `${path}/`)).toEqual([`${path}/weights.bin`]);
  });

  test('of an older attempt never replace those of a newer one', async () => {
    const [older, newer] = [await openBucketResults(bucket(), 'job-1'), await openBucketResults(bucket(), 'job-1')];
    await older.put('model.json', bytesOf('first'), unbroken);
    // The newer attempt begins and ends after the fence was asked and before the write arrives.
    let asked = 0;
    const fence = async (): Promise<void> => {
      asked += 1;
      if (asked > 1) throw new Error('fenced');
      await newer.put('model.json', bytesOf('newer'), unbroken);
    };
    await expect(older.put('model.json', bytesOf('older'), fence)).rejects.toThrow('fenced');
    expect(textOf(await server.get('runs', `${path}/model.json`))).toBe('newer');
    await older.remove('model.json', async () => newer.put('model.json', bytesOf('newest'), unbroken));
    expect(textOf(await server.get('runs', `${path}/model.json`))).toBe('newest');
  });
});
