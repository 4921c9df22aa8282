/** The kit itself: what every other suite of this folder takes for granted. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { type ControlPlane, repositoryRoot, startControlPlane, until } from '../../kit/cluster/index.js';

jest.setTimeout(120_000);

let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane({ audit: 'Metadata' });
}, 900_000);
afterAll(async () => {
  await cluster.stop();
});

const gpuPods = (replicas: number): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'gpus', namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'gpus' } },
    template: {
      metadata: { labels: { app: 'gpus' } },
      spec: {
        containers: [{ name: 'a', image: 'nothing', resources: { limits: { 'nvidia.com/gpu': '1' } } }],
      },
    },
  },
});

async function running(): Promise<number> {
  const { items } = await cluster.api.get<{ items: { status: { phase?: string } }[] }>(
    '/api/v1/namespaces/default/pods?labelSelector=app%3Dgpus',
  );
  return items.filter(({ status }) => status.phase === 'Running').length;
}

describe('a control plane of the kit', () => {
  test('takes our CRD, and says of a job what our own check says', async () => {
    await cluster.installCrd(join(repositoryRoot, 'crds/distilljobs.yaml'));
    const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], {
      input: 'apiVersion: distillery.dev/v1alpha1\nkind: DistillJob\nmetadata: {name: a}\nspec: {}\n',
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain('spec.dataset: Required value');
  });

  test('schedules pods onto the GPUs of nodes that are not there, and no more than fit', async () => {
    await cluster.addNodes(2, { gpus: 4 });
    await cluster.apply(gpuPods(10));
    await until('eight pods to run', async () => (await running()) === 8);
    await cluster.apply(gpuPods(3));
    await until('three pods to run', async () => (await running()) === 3);
  });

  test('writes down who asked for what', async () => {
    const me = await cluster.user('ann', ['people']);
    const { code } = await cluster.kubectl(['get', 'secrets', '-A'], { kubeconfig: me });
    expect(code).not.toBe(0);
    await until('the request in the audit trail', async () =>
      (await cluster.audit.events()).some(
        ({ user, verb, responseStatus }) => user.username === 'ann' && verb === 'list' && responseStatus?.code === 403,
      ),
    );
    expect((await cluster.requestCounts()).writes({ resource: 'deployments' })).toBeGreaterThan(0);
  });

  test('keeps what it holds when its API server is killed', async () => {
    const before = cluster.apiServer.pid;
    await cluster.apiServer.kill();
    await cluster.apiServer.start();
    expect(cluster.apiServer.pid).not.toBe(before);
    expect(await running()).toBe(3);
  });

  test('can be set back to an earlier state', async () => {
    const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await cluster.apply(namespace('early'));
    const snapshot = await cluster.etcd.snapshot();
    await cluster.apply(namespace('late'));
    await cluster.setBack(snapshot);
    expect((await cluster.kubectl(['get', 'namespace', 'early'])).code).toBe(0);
    expect((await cluster.kubectl(['get', 'namespace', 'late'])).stderr).toContain('NotFound');
  });

  test('leaves nothing behind', async () => {
    const other = await startControlPlane();
    const pids = [other.etcd.pid, other.apiServer.pid, other.controllerManager.pid, other.scheduler.pid];
    await other.stop();
    expect(existsSync(other.folder)).toBe(false);
    expect(pids.filter((pid) => existsSync(`/proc/${String(pid)}`))).toEqual([]);
  });
});
