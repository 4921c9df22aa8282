/** `distill fetch` as a person runs it: a process, a kubeconfig, and a NATS server with accounts. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { accessToSecret, jobNames, resultPrefix, workerRoles } from '@distillery/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { credsIssuer, type StreamAdmin } from '../../../src/stream/index.js';
import { type StreamLink } from '../../../workers/stream/index.js';
import { startTestApiServer, type TestApiServer } from '../../kit/api-server.js';
import { distillExit, DistillProcess } from '../../kit/distill.js';
import { clusterJob, completeStatus, resultsOf, testModel } from '../../kit/model.js';
import { type OperatorNats, startOperatorNats, testCreatedAtMs, testLifetime } from '../../kit/nats-operator.js';
import { resultReport } from '../../kit/report.js';
import { connectAdmin, connectAs, objectsOf, streamsOf } from '../../kit/stream.js';

const uid = 'fetched';
const jobPath = '/apis/distillery.dev/v1alpha1/namespaces/team-a/distilljobs/mnist';
const secretPath = `/api/v1/namespaces/team-a/secrets/mnist-distill-${uid}`;
const model = testModel();

let nats: OperatorNats;
let api: TestApiServer;
let admin: StreamAdmin;
let student: StreamLink;
let home: string;
let folder: string;
let runs = 0;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'distill-fetch-'));
  nats = await startOperatorNats();
  api = await startTestApiServer();
  admin = await connectAdmin(nats);
  await admin.provision(streamsOf(uid));
  student = await connectAs(nats, 'student', uid);
  const store = objectsOf(student, jobNames(uid));
  for (const [name, content] of resultsOf(model)) await store.put(name, content);
  await store.put('checkpoint/step-5-attempt-1', new Uint8Array(300_000));
  api.set(jobPath, clusterJob({ uid, status: completeStatus(model.digest) }));
  api.set(secretPath, secretWith(nats.url));
});
beforeEach(() => {
  folder = join(home, `model-${String(++runs)}`);
});
afterAll(async () => {
  await Promise.all([student.close(), admin.close()]);
  await Promise.all([nats.stop(), api.stop()]);
  rmSync(home, { recursive: true, force: true });
});

/** The job's Secret as the operator writes it. */
function secretWith(url: string): object {
  const issue = credsIssuer({
    url,
    signingSeed: nats.accountSigningSeed,
    account: nats.account,
    lifetime: testLifetime,
  });
  const job = { uid, createdAtMs: testCreatedAtMs };
  const [teacher, student_, reader] = workerRoles.map((role) => issue(job, role));
  if (teacher === undefined || student_ === undefined || reader === undefined) throw new Error('three roles');
  const texts = Object.entries(accessToSecret({ teacher, student: student_, reader }));
  return {
    kind: 'Secret',
    data: Object.fromEntries(texts.map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  };
}

class Fetch extends DistillProcess {
  constructor(...args: readonly string[]) {
    super(['fetch', 'mnist', '--kubeconfig', api.kubeconfig, '-o', folder, ...args]);
  }
}

test('copies the whole model as it was stored', async () => {
  const fetch = new Fetch();
  expect({ code: await fetch.ended(), stderr: fetch.stderr }).toEqual({ code: distillExit.ok, stderr: '' });
  expect(fetch.plain).toEqual([
    `model     ${folder}: metrics.json, model.json, weights.bin`,
    `digest    ${model.digest}`,
    'accuracy  98.00 % of the evaluation split',
  ]);
  for (const [name, content] of Object.entries(model.files)) {
    expect(readFileSync(join(folder, name)).equals(content)).toBe(true);
  }
  expect(readdirSync(folder)).toHaveLength(3);
});

test('with --force removes what an earlier model left and this one lacks', async () => {
  mkdirSync(folder);
  for (const name of ['model.onnx', 'model.json']) writeFileSync(join(folder, name), 'of an earlier model');
  const fetch = new Fetch('--force');
  expect({ code: await fetch.ended(), stderr: fetch.stderr }).toEqual({ code: distillExit.ok, stderr: '' });
  expect(readdirSync(folder).sort()).toEqual(Object.keys(model.files).sort());
});

test('refuses a result that was exchanged', async () => {
  const store = objectsOf(student, jobNames(uid));
  await store.put(`${resultPrefix}weights.bin`, testModel(2).files['weights.bin'] ?? new Uint8Array());
  const fetch = new Fetch();
  expect(await fetch.ended()).toBe(distillExit.badInput);
  expect(fetch.stderr).toMatch(/^model: found weights with digest .*, expected .* as the job's status says/);
  await store.put(`${resultPrefix}weights.bin`, model.files['weights.bin'] ?? new Uint8Array());
  expect(existsSync(folder)).toBe(false);
});

test('distill report reads the curves of the job from the same place', async () => {
  const store = objectsOf(student, jobNames(uid));
  const result = { ...resultReport(10), job: { uid, namespace: 'team-a', name: 'mnist' } };
  await store.put(`${resultPrefix}metrics.json`, Buffer.from(JSON.stringify(result)));
  api.set('/api/v1/namespaces/team-a/events?limit=1000', { metadata: { resourceVersion: '9' }, items: [] });
  const file = `${folder}.html`;
  const report = new DistillProcess(['report', 'mnist', '--kubeconfig', api.kubeconfig, '-o', file]);
  expect({ code: await report.ended(), stderr: report.stderr }).toEqual({ code: distillExit.ok, stderr: '' });
  expect(report.plain).toEqual([
    `report    ${file}`,
    expect.stringMatching(/^state {5}All of its training is done/),
    'missing   curves of rates, the buffer and the teachers; the operator has not stored any yet, or is of an earlier release.',
  ]);
  expect(readFileSync(file, 'utf8')).toContain('id="loss"');
  await store.put(`${resultPrefix}metrics.json`, model.files['metrics.json'] ?? new Uint8Array());
});

describe('what cannot be reached', () => {
  test.each([
    [
      'NATS at the address for pods',
      [],
      /^NATS at nats:\/\/127\.0\.0\.1:1: no connection \(.*ECONNREFUSED.*--nats nats:/,
    ],
    [
      'NATS at the address that the person gave',
      ['--nats', 'nats://127.0.0.1:1'],
      /^NATS at nats:\/\/127\.0\.0\.1:1: no connection/,
    ],
  ])(
    '%s: 69 and a sentence',
    async (_, args, sentence) => {
      api.set(secretPath, secretWith('nats://127.0.0.1:1'));
      const fetch = new Fetch(...args);
      const code = await fetch.ended();
      api.set(secretPath, secretWith(nats.url));
      expect(code).toBe(distillExit.unavailable);
      expect(fetch.stderr).toMatch(sentence);
    },
    120_000,
  );

  test('the API server: 69 and a sentence', async () => {
    const gone = await startTestApiServer();
    await gone.stop();
    const kubeconfig = join(home, 'nowhere');
    writeFileSync(kubeconfig, readFileSync(api.kubeconfig, 'utf8').replace(api.url, gone.url));
    const fetch = new Fetch('--kubeconfig', kubeconfig);
    expect(await fetch.ended()).toBe(distillExit.unavailable);
    expect(fetch.stderr).toMatch(/^API server at http:\/\/127\.0\.0\.1:\d+: cannot be reached \(.*ECONNREFUSED/);
  });
});

test('Ctrl-C ends the wait for an API server that does not answer', async () => {
  api.hang(`${jobPath}-slow`);
  const asked = api.asked.length;
  const fetch = new DistillProcess(['fetch', 'mnist-slow', '--kubeconfig', api.kubeconfig, '-o', folder]);
  await fetch.until('the request', () => api.asked.length > asked);
  fetch.child.kill('SIGINT');
  expect(await fetch.ended()).toBe(distillExit.interrupted);
  expect(existsSync(folder)).toBe(false);
});
