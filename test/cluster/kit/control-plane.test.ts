/** The kit itself: what every other suite of this folder takes for granted. */
import { existsSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { type ControlPlane, distillJobCrd, startControlPlane, until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';

let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane({ audit: 'Metadata', crds: [distillJobCrd] });
});
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

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly phase?: string;
    readonly containerStatuses?: readonly { readonly state: { readonly terminated?: object } }[];
  };
}

const batchJob = (name: string, annotations: Readonly<Record<string, string>> = {}): object => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, namespace: 'default' },
  spec: {
    backoffLimit: 3,
    podReplacementPolicy: 'Failed',
    podFailurePolicy: {
      rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
    },
    template: {
      metadata: { annotations },
      spec: { restartPolicy: 'Never', containers: [{ name: 'worker', image: 'nothing' }] },
    },
  },
});

/** The Job's running pods but one, once there are so many. */
async function podsOf(job: string, count: number, except = ''): Promise<Pod[]> {
  let found: Pod[] = [];
  await until(`${String(count)} running pods of ${job}`, async () => {
    const { items } = await cluster.api.get<{ items: Pod[] }>(
      `/api/v1/namespaces/default/pods?labelSelector=${encodeURIComponent(`batch.kubernetes.io/job-name=${job}`)}`,
    );
    found = items.filter(({ metadata, status }) => metadata.name !== except && status.phase === 'Running');
    return found.length === count;
  });
  return found;
}

async function jobStatus(name: string): Promise<{ readonly succeeded?: number; readonly failed?: number }> {
  const path = `/apis/batch/v1/namespaces/default/jobs/${name}`;
  return (await cluster.api.get<{ status: { succeeded?: number; failed?: number } }>(path)).status;
}

describe('a control plane of the kit', () => {
  test('accepts our CRD, and judges jobs as our own check does', async () => {
    const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], {
      input: 'apiVersion: distillery.dev/v1alpha1\nkind: DistillJob\nmetadata: {name: a}\nspec: {}\n',
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain('spec.dataset: Required value');
  });

  test('schedules pods onto the GPUs of simulated nodes, and no more than fit', async () => {
    await cluster.addNodes(2, { gpus: 4 });
    await cluster.apply(gpuPods(10));
    await until('eight pods to run', async () => (await running()) === 8);
    await cluster.apply(gpuPods(3));
    await until('three pods to run', async () => (await running()) === 3);
    expect(await cluster.addNodes(1)).toEqual(['node-2']);
  });

  test('lets a student run until a test ends it, and charges no disruption', async () => {
    await cluster.apply(batchJob('student'));
    const [first] = await podsOf('student', 1);
    await cluster.endPod('default', first!.metadata.name, { exitCode: 143, disrupted: 'TerminationByKubelet' });
    const [second] = await podsOf('student', 1, first!.metadata.name);
    await cluster.endPod('default', second!.metadata.name, { exitCode: 0, message: 'trained' });
    await until('the Job to be complete', async () => (await jobStatus('student')).succeeded === 1);
    // Ignored by the Job's failure policy, which reads the condition that the disruption left.
    expect((await jobStatus('student')).failed).toBeUndefined();
    const done = await cluster.api.get<Pod>(`/api/v1/namespaces/default/pods/${second!.metadata.name}`);
    expect(done.status.containerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 0, message: 'trained' });
  });

  test('gives a deleted pod the time in its annotation, and reports its end before it is gone', async () => {
    await cluster.apply(batchJob('slow', { 'pod-delete.stage.kwok.x-k8s.io/delay': '2s' }));
    const [pod] = await podsOf('slow', 1);
    await cluster.api.delete(`/api/v1/namespaces/default/pods/${pod!.metadata.name}`);
    // Its Job replaces a pod when it has failed, not when it is asked to stop.
    expect(await podsOf('slow', 1)).toMatchObject([{ metadata: { name: pod!.metadata.name } }]);
    const [next] = await podsOf('slow', 1, pod!.metadata.name);
    expect(next!.metadata.name).not.toBe(pod!.metadata.name);
    expect((await jobStatus('slow')).failed).toBe(1);
  });

  test('collects at once the objects of a deleted owner whose CRD it was started with', async () => {
    await cluster.apply(someJob({ name: 'owner' }));
    const job = '/apis/distillery.dev/v1alpha1/namespaces/default/distilljobs/owner';
    const { metadata } = await cluster.api.get<{ metadata: { uid: string } }>(job);
    const owner = { apiVersion: 'distillery.dev/v1alpha1', kind: 'DistillJob', name: 'owner', uid: metadata.uid };
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'owned', namespace: 'default', ownerReferences: [owner] },
    });
    await cluster.api.delete(job);
    await until('the ConfigMap to be collected', async () => {
      return (await cluster.api.send('GET', '/api/v1/namespaces/default/configmaps/owned')).status === 404;
    });
  });

  test('records the requests of each user', async () => {
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

  test('keeps its objects when its API server is killed', async () => {
    const before = cluster.apiServer.pid;
    await cluster.apiServer.kill();
    await cluster.apiServer.start();
    expect(cluster.apiServer.pid).not.toBe(before);
    expect(await running()).toBe(3);
  });

  test('can be restored to an earlier state', async () => {
    const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await cluster.apply(namespace('early'));
    const snapshot = await cluster.etcd.snapshot();
    await cluster.apply(namespace('late'));
    await cluster.setBack(snapshot);
    await cluster.apply(gpuPods(5));
    await until('pods to start on the nodes again', async () => (await running()) === 5);
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
