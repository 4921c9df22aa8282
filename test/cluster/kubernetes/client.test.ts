/** The verbs of our client, and its errors, against the real API server. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { type ApiError, kinds, loadAccess } from '../../../src/cluster/kubernetes/index.js';
import { clientOf, refusal, type TestClient } from '../../kit/api-client.js';
import { startControlPlane } from '../../kit/cluster/control-plane.js';
import { throttledUser } from '../../kit/throttled-user.js';
import { until } from '../../kit/until.js';

type ControlPlane = Awaited<ReturnType<typeof startControlPlane>>;

let cluster: ControlPlane;
let api: TestClient;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'client-'));
  cluster = await startControlPlane();
  api = await clientOf(cluster.kubeconfig);
  await cluster.kubectl(['apply', '-f', 'crds/']);
  // Served a moment after it is stored.
  await until('the kind to be served', () => succeeds(api.client.list(kinds.distillJobs)));
});
afterAll(async () => {
  await api.close();
  await cluster.stop();
  await rm(folder, { recursive: true });
});

const namespace = 'default';

function configMap(name: string, data: Record<string, string>, metadata: Record<string, unknown> = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, name, namespace }, data };
}

/** The MNIST example under another name. */
async function job(name: string, training: object = {}) {
  const { apiVersion, kind, spec } = parse(await readFile('examples/mnist/job.yaml', 'utf8')) as {
    readonly apiVersion: string;
    readonly kind: string;
    readonly spec: { readonly training: object };
  };
  return {
    apiVersion,
    kind,
    metadata: { name, namespace },
    spec: { ...spec, training: { ...spec.training, ...training } },
  };
}

describe('apply', () => {
  test('creates, changes, and removes fields that it omits; fields of other managers stay', async () => {
    const created = await api.client.apply(configMap('applied', { a: '1', b: '1' }, { labels: { mine: 'yes' } }));
    expect(created).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'applied', namespace, labels: { mine: 'yes' } },
      data: { a: '1', b: '1' },
    });
    await cluster.kubectl(['label', 'configmap', 'applied', 'theirs=yes']);
    const changed = await api.client.apply(configMap('applied', { a: '2' }));
    expect(changed.data).toEqual({ a: '2' });
    expect(changed.metadata.labels).toEqual({ theirs: 'yes' });
    expect(changed.metadata.uid).toBe(created.metadata.uid);
  });

  test('applied twice writes once: no new version', async () => {
    const first = await api.client.apply(configMap('twice', { a: '1' }));
    const second = await api.client.apply(configMap('twice', { a: '1' }));
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  test('takes over a field that another manager set', async () => {
    await api.client.apply(configMap('taken', { a: 'ours' }));
    await cluster.kubectl(['patch', 'configmap', 'taken', '--type=merge', '-p', '{"data":{"a":"theirs"}}']);
    const taken = await api.client.apply(configMap('taken', { a: 'ours' }));
    expect(taken.data).toEqual({ a: 'ours' });
    const managers = taken.metadata.managedFields as readonly { manager: string; operation: string }[];
    expect(managers.filter(({ operation }) => operation === 'Apply').map(({ manager }) => manager)).toEqual([
      'distillery',
    ]);
  });

  test('of a status does not change the spec, nor of a spec the status', async () => {
    const made = await api.client.apply(await job('with-status'));
    const status = { observedGeneration: 1, phase: 'Running' };
    const { apiVersion, kind, metadata } = await job('with-status');
    const written = await api.client.apply({ apiVersion, kind, metadata, status }, { subresource: 'status' });
    expect(written.status).toMatchObject(status);
    expect(written.spec).toEqual(made.spec);
    expect(written.metadata.generation).toBe(1);
    const again = await api.client.apply(await job('with-status'));
    expect(again.status).toMatchObject(status);
  });

  test('of an invalid job names the field and the reason', async () => {
    const error = await refusal(api.client.apply(await job('refused', { batchSize: 0 })));
    expect(error).toMatchObject({ reason: 'invalid', retry: 'Never', status: 422, about: 'refused' });
    expect(error.message).toMatch(/DistillJob.* "refused" is invalid: spec\.training\.batchSize/);
    expect(error.causes).toContainEqual(expect.objectContaining({ field: 'spec.training.batchSize' }));
  });

  test('of a field that does not exist is refused, never dropped', async () => {
    const error = await refusal(api.client.apply({ ...configMap('typo', {}), dta: { a: '1' } }));
    // The API server's own code for it is 500, although no other try can do better.
    expect(error).toMatchObject({ reason: 'invalid', status: 500 });
    expect(error.message).toContain('.dta: field not declared in schema');
    expect(await api.client.get(kinds.configMaps, namespace, 'typo')).toBeNull();
  });
});

describe('reading', () => {
  test('gives null for a missing object, and an error for a missing kind', async () => {
    expect(await api.client.get(kinds.configMaps, namespace, 'absent')).toBeNull();
    const unknown = { ...kinds.distillJobs, plural: 'nosuchthings' };
    expect((await refusal(api.client.get(unknown, namespace, 'absent'))).reason).toBe('notFound');
    expect((await refusal(api.client.list({ ...unknown, group: 'no.such.group' }))).reason).toBe('notFound');
  });

  test('gives times as strings, microseconds included, and apiVersion and kind to every item of a list', async () => {
    const renewTime = '2026-11-24T09:00:00.123456Z';
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'held', namespace },
      spec: { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime },
    };
    await api.client.create(lease);
    const { items } = await api.client.list(kinds.leases, { namespace });
    expect(items).toEqual([
      expect.objectContaining({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec: lease.spec }),
    ]);
    expect(items[0]?.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/);
  });

  test('pages show one moment, whatever happens between them', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await api.client.apply(configMap(`page-${name}`, {}, { labels: { page: 'yes' } }));
    }
    const options = { namespace, labelSelector: 'page=yes', limit: 2 };
    const first = await api.client.list(kinds.configMaps, options);
    await api.client.delete(kinds.configMaps, namespace, 'page-e');
    await api.client.apply(configMap('page-cc', {}, { labels: { page: 'yes' } }));
    const second = await api.client.list(kinds.configMaps, { ...options, continueToken: first.continueToken });
    const third = await api.client.list(kinds.configMaps, { ...options, continueToken: second.continueToken });
    expect([first, second, third].flatMap(({ items }) => items.map(({ metadata }) => metadata.name))).toEqual([
      'page-a',
      'page-b',
      'page-c',
      'page-d',
      'page-e',
    ]);
    expect(new Set([first, second, third].map(({ resourceVersion }) => resourceVersion)).size).toBe(1);
    expect(third.continueToken).toBeNull();
  });

  test('a watch delivers events after its version, and none of objects with other labels', async () => {
    const { resourceVersion } = await api.client.list(kinds.configMaps, { namespace });
    await api.client.apply(configMap('watched', { a: '1' }, { labels: { watch: 'yes' } }));
    await api.client.apply(configMap('unwatched', { a: '1' }));
    await api.client.apply(configMap('watched', { a: '2' }, { labels: { watch: 'yes' } }));
    // It leaves the selection: gone for who watches, as it last was there.
    await api.client.apply(configMap('watched', { a: '3' }));
    const seen: string[] = [];
    const options = { namespace, labelSelector: 'watch=yes', resourceVersion, timeoutSeconds: 1 };
    for await (const event of api.client.watch(kinds.configMaps, options)) {
      if (event.type !== 'bookmark')
        seen.push(event.type === 'opened' ? 'opened' : `${event.type} ${JSON.stringify(event.object.data)}`);
    }
    expect(seen).toEqual(['opened', 'set {"a":"1"}', 'set {"a":"2"}', 'deleted {"a":"2"}']);
  });

  test('a watch from a future version is answered with silence, which we notice', async () => {
    const impatient = await clientOf(cluster.kubeconfig, { silenceMs: 1_500 });
    const options = { resourceVersion: '999999999', timeoutSeconds: 30 };
    const seen: string[] = [];
    const error = refusal(
      (async () => {
        for await (const { type } of impatient.client.watch(kinds.configMaps, options)) seen.push(type);
      })(),
    );
    await until('the watch to open', () => seen.includes('opened'));
    await api.client.apply(configMap('unseen', {}));
    expect((await error).reason).toBe('silent');
    expect(seen).toEqual(['opened']);
    await impatient.close();
  });
});

describe('writing with a condition', () => {
  test('create of an existing object, and replace of another version, fail with two different reasons', async () => {
    const first = await api.client.create(configMap('contended', { a: '1' }));
    expect((await refusal(api.client.create(configMap('contended', { a: '2' })))).reason).toBe('alreadyExists');
    const second = await api.client.replace({ ...first, data: { a: '3' } });
    expect(second.data).toEqual({ a: '3' });
    expect(await refusal(api.client.replace({ ...first, data: { a: '4' } }))).toMatchObject({
      reason: 'conflict',
      retry: 'Never',
    });
  });

  test('a merge patch can be bound to a version', async () => {
    const { metadata } = await api.client.create(configMap('patched', { a: '1' }));
    const finalizers = { finalizers: ['distillery.dev/streams'], resourceVersion: metadata.resourceVersion };
    const patched = await api.client.patch(kinds.configMaps, namespace, 'patched', { metadata: finalizers });
    expect(patched.metadata.finalizers).toEqual(['distillery.dev/streams']);
    expect(
      (await refusal(api.client.patch(kinds.configMaps, namespace, 'patched', { metadata: finalizers }))).reason,
    ).toBe('conflict');
    const absent = refusal(api.client.patch(kinds.configMaps, namespace, 'absent', { data: { a: '1' } }));
    expect((await absent).reason).toBe('notFound');
    await api.client.patch(kinds.configMaps, namespace, 'patched', { metadata: { finalizers: null } });
  });

  test('delete can be bound to a uid, and returns whether the object existed', async () => {
    const { metadata } = await api.client.create(configMap('deleted', {}));
    expect((await refusal(api.client.delete(kinds.configMaps, namespace, 'deleted', { uid: 'another' }))).reason).toBe(
      'conflict',
    );
    expect(await api.client.delete(kinds.configMaps, namespace, 'deleted', { uid: metadata.uid })).toBe(true);
    expect(await api.client.delete(kinds.configMaps, namespace, 'deleted')).toBe(false);
  });
});

test('a pod whose token is replaced continues with the new one', async () => {
  await cluster.kubectl(['create', 'serviceaccount', 'rotated']);
  await cluster.kubectl([
    'create',
    'clusterrolebinding',
    'rotated',
    '--clusterrole=view',
    '--serviceaccount=default:rotated',
  ]);
  const token = async (): Promise<string> => (await cluster.kubectl(['create', 'token', 'rotated'])).stdout;
  await writeFile(join(folder, 'ca.crt'), Buffer.from(await authority(), 'base64'));
  await writeFile(join(folder, 'token'), await token());
  const { hostname, port } = new URL(cluster.url);
  const access = await loadAccess({ kind: 'pod', host: hostname, port, folder });
  const pod = await clientOf(access, { credentialsMs: 60_000 });
  await until('the right to take effect', () => succeeds(pod.client.list(kinds.configMaps, { namespace })));
  await writeFile(join(folder, 'token'), 'a token that is out of date');
  // What was read is still good.
  await pod.client.list(kinds.configMaps, { namespace });
  const stale = await clientOf(access);
  expect((await refusal(stale.client.list(kinds.configMaps, { namespace }))).reason).toBe('unauthorized');
  await writeFile(join(folder, 'token'), await token());
  await stale.client.list(kinds.configMaps, { namespace });
  await pod.close();
  await stale.close();
});

describe('a refusal', () => {
  test('for missing rights, missing credentials and an untrusted certificate are three reasons', async () => {
    const stranger = await clientOf(await cluster.user('stranger', []));
    const forbidden = await refusal(stranger.client.list(kinds.secrets, { namespace }));
    expect(forbidden).toMatchObject({ reason: 'forbidden', retry: 'AfterSomebodyActs', status: 403 });
    expect(forbidden.message).toContain('secrets is forbidden: User "stranger" cannot list resource "secrets"');
    await stranger.close();

    const foreign = join(folder, 'foreign');
    await writeFile(foreign, kubeconfigOf({ token: 'no such token' }, await authority()));
    const unknown = await clientOf(foreign);
    expect((await refusal(unknown.client.list(kinds.pods))).reason).toBe('unauthorized');
    await unknown.close();

    const distrustful = join(folder, 'distrustful');
    await writeFile(distrustful, kubeconfigOf({ token: 'x' }, null));
    const wary = await clientOf(distrustful);
    const untrusted = await refusal(wary.client.list(kinds.pods));
    expect(untrusted).toMatchObject({ reason: 'untrusted', retry: 'Never' });
    expect(untrusted.message).toMatch(
      /^list pods: the certificate is not one that .* signed for this address \(.+\)\. Check certificate-authority and server\.$/,
    );
    await wary.close();
  });

  test('to create in a namespace that is being deleted has a cause that says so', async () => {
    const going = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'going' } };
    await api.client.create(going);
    const held = {
      ...configMap('holder', {}),
      metadata: { name: 'holder', namespace: 'going', finalizers: ['distillery.dev/streams'] },
    };
    await api.client.create(held);
    await api.client.delete(kinds.namespaces, '', 'going');
    const error = await refusal(api.client.apply({ ...held, metadata: { name: 'late', namespace: 'going' } }));
    expect(error.reason).toBe('forbidden');
    expect(error.causes.map(({ reason }) => reason)).toContain('NamespaceTerminating');
    await api.client.patch(kinds.configMaps, 'going', 'holder', { metadata: { finalizers: null } });
  });

  test('for too many requests holds the time to wait', async () => {
    const crowd = await clientOf(await throttledUser(cluster, 'crowd'), { connections: 100 });
    let throttled: ApiError | undefined;
    await until('a request that is throttled', async () => {
      // One at a time is always let in.
      const ends = await Promise.allSettled(Array.from({ length: 100 }, async () => crowd.client.list(kinds.pods)));
      const refused = ends.map((end) => (end.status === 'rejected' ? (end.reason as ApiError) : null));
      throttled = refused.find((error) => error?.reason === 'throttled') ?? undefined;
      return throttled !== undefined;
    });
    expect(throttled).toMatchObject({ status: 429, retry: 'Later', retryAfterMs: 1_000 });
    await crowd.close();
  });
});

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}

/** Base64 of the certificate of the cluster's authority. */
async function authority(): Promise<string> {
  const { stdout } = await cluster.kubectl([
    'config',
    'view',
    '--raw',
    '--flatten',
    '-o',
    'jsonpath={.clusters[0].cluster.certificate-authority-data}',
  ]);
  return stdout;
}

function kubeconfigOf(user: object, certificateAuthority: string | null): string {
  const trust = certificateAuthority === null ? {} : { 'certificate-authority-data': certificateAuthority };
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: cluster.url, ...trust } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}
