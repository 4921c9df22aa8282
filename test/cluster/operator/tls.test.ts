/**
 * TLS from end to end: the chart's values become the operator's environment, the operator reaches a server that asks for
 * certificates, and its job's Secret gives workers what they need for the same.
 */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { accessFromSecret, jobNames, natsTlsKeys } from '@distillery/protocol';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

import { connectReader } from '../../../src/stream/index.js';
import { connectWorker } from '../../../workers/stream/index.js';
import { type ControlPlane, startControlPlane, until } from '../../kit/cluster/index.js';
import { chartFolder, helm, sets } from '../../kit/cluster/helm.js';
import { someJob, teacherPriorityClass } from '../../kit/cluster/jobs.js';
import { startOperator } from '../../kit/cluster/operator.js';
import { distillJobCrd } from '../../kit/cluster/paths.js';
import { Authority } from '../../kit/cluster/pki.js';
import { manyJobs, type OperatorNats, startOperatorNats } from '../../kit/nats-operator.js';
import { quietLog, systemClock } from '../../kit/stream.js';

let folder: string;
let authority: Authority;
let nats: OperatorNats;
let cluster: ControlPlane;
/** As the kubelet mounts the Secret of the release. */
const mounted = (name: string): string => join(folder, 'secret', name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-operator-tls-'));
  await mkdir(join(folder, 'secret'));
  authority = await Authority.create(join(folder, 'authority'));
  const server = await authority.issue('server', { commonName: 'server', names: ['IP:127.0.0.1'] });
  const tls = {
    cert_file: server.certificate,
    key_file: server.key,
    ca_file: authority.certificate,
    verify: true,
  };
  [cluster, nats] = await Promise.all([
    startControlPlane(),
    startOperatorNats({ limits: manyJobs, mode: 'accounts', tls }),
  ]);
  await cluster.installCrd(distillJobCrd);
  await cluster.apply(teacherPriorityClass);
  await cluster.addNodes(1, { gpus: 1 });
});
afterAll(async () => {
  await cluster.stop();
  await nats.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The variables of the operator's pod about NATS, with the Secret mounted in our folder. */
async function environmentOf(url: string): Promise<Record<string, string>> {
  const values = {
    'nats.url': url,
    'nats.existingSecret': 'nats',
    'nats.tls.ca': 'true',
    'nats.tls.clientCertificates': 'true',
  };
  const template = 'templates/deployment.yaml';
  const text = await helm(['template', 'distillery', chartFolder, '-s', template, ...sets(values)]);
  const [document] = parseAllDocuments(text);
  const { spec } = document!.toJS() as {
    spec: { template: { spec: { containers: [{ env: { name: string; value?: string }[] }] } } };
  };
  return Object.fromEntries(
    spec.template.spec.containers[0].env
      .filter(({ name }) => /_NATS_\w+_FILE$|_NATS_URL$/.test(name))
      .map(({ name, value = '' }) => [name, value.replace('/etc/distillery/nats', join(folder, 'secret'))]),
  );
}

async function issueTo(cert: string, key: string, commonName: string): Promise<void> {
  const issued = await authority.issue(`${commonName}-${String(Math.random()).slice(2)}`, { commonName, names: [] });
  await copyFile(issued.certificate, mounted(cert));
  await copyFile(issued.key, mounted(key));
}

async function secretOf(uid: string): Promise<Record<string, string>> {
  const { items } = await cluster.api.get<{ items: { data: Record<string, string> }[] }>(
    `/api/v1/namespaces/default/secrets?labelSelector=${encodeURIComponent(`distillery.dev/job-uid=${uid}`)}`,
  );
  const data = items[0]?.data ?? {};
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]));
}

test('operator, workers and readers reach a server that asks for certificates, also after theirs were exchanged', async () => {
  await writeFile(mounted('system.creds'), nats.accounts.systemCreds);
  await writeFile(mounted('operator-signing.seed'), nats.accounts.operatorSigningSeed);
  await copyFile(authority.certificate, mounted('ca.crt'));
  await issueTo('tls.crt', 'tls.key', 'operator');
  await issueTo('worker.crt', 'worker.key', 'worker');
  const environment = await environmentOf(nats.url.replace('nats://', 'tls://'));
  expect(Object.keys(environment)).toHaveLength(9);
  await startOperator(cluster, { nats, environment });

  await cluster.apply(someJob({ name: 'secured' }));
  const { metadata } = await cluster.api.get<{ metadata: { uid: string } }>(
    '/apis/distillery.dev/v1alpha1/namespaces/default/distilljobs/secured',
  );
  const { uid } = metadata;
  await until(
    'the Secret',
    async () => natsTlsKeys.key in (await secretOf(uid)),
    () => cluster.kubectlOk(['get', 'distilljob', '-o', 'yaml']),
  );
  const first = await secretOf(uid);
  expect(first).toMatchObject({
    url: environment.DISTILLERY_NATS_URL,
    [natsTlsKeys.ca]: await readFile(mounted('ca.crt'), 'utf8'),
    [natsTlsKeys.cert]: await readFile(mounted('worker.crt'), 'utf8'),
    [natsTlsKeys.key]: await readFile(mounted('worker.key'), 'utf8'),
  });
  await reach(first, uid);

  await issueTo('worker.crt', 'worker.key', 'worker');
  const renewed = await readFile(mounted('worker.crt'), 'utf8');
  await until('the new certificate', async () => (await secretOf(uid))[natsTlsKeys.cert] === renewed);
  await reach(await secretOf(uid), uid);
});

/** As a pod that mounts this Secret, and as `distill fetch`, which reads it. */
async function reach(data: Record<string, string>, uid: string): Promise<void> {
  const pod = await mkdtemp(join(folder, 'pod-'));
  for (const [key, text] of Object.entries(data)) await writeFile(join(pod, key), text);
  const link = await connectWorker({
    url: data.url ?? '',
    login: { kind: 'creds', read: () => data['student.creds'] ?? '' },
    tls: {
      caFile: join(pod, natsTlsKeys.ca),
      certFile: join(pod, natsTlsKeys.cert),
      keyFile: join(pod, natsTlsKeys.key),
    },
    inboxPrefix: jobNames(uid).inboxPrefix('student'),
    name: 'student',
    waitMs: 20_000,
    clock: systemClock,
    log: quietLog,
  });
  await link.close();
  const reader = await connectReader({ ...accessFromSecret(data, 'reader')!, uid, waitMs: 20_000 });
  expect(await reader.list()).toEqual([]);
  await reader.close();
}
