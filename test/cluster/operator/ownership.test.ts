/**
 * What is not the job's is left alone, on a real API server: objects of others under our names or with our labels are
 * never adopted, patched, counted or deleted.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { checkJob, type DistillJob } from '../../../src/api/index.js';
import { teacherDeployment } from '../../../src/render/index.js';
import { until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';

let world: OperatorCluster;
let operator: RunningOperator;

beforeAll(async () => {
  world = await OperatorCluster.create();
  await world.cluster.addNodes(2, { gpus: 8 });
  await world.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } });
  operator = await startOperator(world.cluster, { nats: world.nats });
});
afterAll(async () => {
  await world.close();
});

const pools = [{ name: 'gpu', resource: 'nvidia.com/gpu', minReplicas: 1, maxReplicas: 1 }];

interface Stored {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels: Record<string, string>;
    readonly ownerReferences?: object[];
  };
  readonly [field: string]: unknown;
}

const paths: Readonly<Record<string, string>> = {
  ServiceAccount: '/api/v1/namespaces/default/serviceaccounts',
  NetworkPolicy: '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies',
  ConfigMap: '/api/v1/namespaces/default/configmaps',
  Secret: '/api/v1/namespaces/default/secrets',
  Deployment: '/apis/apps/v1/namespaces/default/deployments',
  Job: '/apis/batch/v1/namespaces/default/jobs',
};

const get = (kind: string, name: string): Promise<Stored> => world.cluster.api.get(`${paths[kind]!}/${name}`);

async function runs(name: string): Promise<string> {
  const uid = await world.uidOf(name);
  await until(`${name} to run`, async () => {
    const [teachers, students] = await Promise.all([world.running(uid, 'teacher'), world.running(uid, 'student')]);
    return teachers.length === 1 && students.length === 1;
  });
  return uid;
}

async function remove(name: string): Promise<void> {
  const uid = await world.uidOf(name);
  await world.cluster.kubectlOk(['delete', 'distilljob', name, '--timeout=90s']);
  await until(`nothing of ${name}`, async () => (await world.owned(uid)).length === 0);
}

/** All labels that we give, as anybody may write them. */
const labelsOf = (name: string, uid: string, component: string): Record<string, string> => ({
  'app.kubernetes.io/managed-by': 'distillery',
  'app.kubernetes.io/name': 'distillery',
  'app.kubernetes.io/component': component,
  'distillery.dev/job': name,
  'distillery.dev/job-uid': uid,
  ...(component === 'teacher' ? { 'distillery.dev/pool': 'gpu', 'pod-template-hash': '5d9c7b8f6d' } : {}),
});

const container = { name: 'worker', image: 'x' };

describe('objects that carry our labels', () => {
  let uid: string;
  beforeAll(async () => {
    await world.cluster.apply(someJob({ name: 'victim', pools }));
    uid = await runs('victim');
  });

  test('in another namespace do not end a job, whatever owner they name', async () => {
    const labels = labelsOf('victim', uid, 'student');
    const owner = { apiVersion: 'distillery.dev/v1alpha1', kind: 'DistillJob', name: 'victim', uid, controller: true };
    for (const ownerReferences of [[], [owner]]) {
      await world.cluster.apply({
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'victim-student', namespace: 'elsewhere', labels, ownerReferences },
        // Complete from the beginning.
        spec: { completions: 0, template: { spec: { restartPolicy: 'Never', containers: [container] } } },
      });
      await look('victim');
      await world.cluster.kubectlOk(['-n', 'elsewhere', 'delete', 'job', 'victim-student', '--ignore-not-found']);
    }
    expect((await world.job('victim'))?.status?.phase).not.toMatch(/Succeeded|Failed/);
  });

  test('and are pods of another Job do not fail it, in its namespace or in another', async () => {
    for (const namespace of ['default', 'elsewhere']) {
      const name = `bad-${namespace}`;
      await world.cluster.apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, labels: labelsOf('victim', uid, 'student') },
        spec: { restartPolicy: 'Never', containers: [container] },
      });
      await until('the pod to run', async () => {
        const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
        return (await world.cluster.api.get<{ status: { phase: string } }>(path)).status.phase === 'Running';
      });
      await world.cluster.endPod(namespace, name, { exitCode: 65, message: 'bad input' });
      await look('victim');
    }
    const { status } = (await world.job('victim'))!;
    expect(status?.phase).not.toBe('Failed');
    expect(JSON.stringify(status)).not.toContain('bad input');
    expect(await world.condition('victim', 'StudentRunning')).toBe('False StudentStarting');
  });

  test('and are copies of our Deployment are not counted, changed or deleted', async () => {
    const { metadata, spec } = await get('Deployment', 'victim-teacher-gpu');
    const { labels, ownerReferences } = metadata;
    const copy = { name: 'victim-teacher-gpu-copy', namespace: 'default', labels, ownerReferences };
    await world.cluster.apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: copy, spec });
    await look('victim');
    await until('its pod', async () => (await world.running(uid, 'teacher')).length === 2);
    await look('victim');
    expect((await world.job('victim'))?.status?.teachers?.pools).toMatchObject([{ name: 'gpu', desired: 1 }]);
    expect((await get('Deployment', copy.name)).metadata.labels).toEqual(labels);
    await world.cluster.kubectlOk(['delete', 'deployment', copy.name, '--timeout=60s']);
  });

  test('no longer, although they are ours, get them again and are not created a second time', async () => {
    const before = await get('Deployment', 'victim-teacher-gpu');
    const key = 'app.kubernetes.io/managed-by';
    await world.cluster.kubectlOk(['label', 'deployment', 'victim-teacher-gpu', `${key}-`]);
    await until(
      'the label',
      async () => (await get('Deployment', 'victim-teacher-gpu')).metadata.labels[key] !== undefined,
    );
    expect((await get('Deployment', 'victim-teacher-gpu')).metadata.uid).toBe(before.metadata.uid);
  });

  test('lose fields that a template no longer sets, although they were created and not applied', async () => {
    const tolerations = [{ key: 'disk', operator: 'Exists' }];
    const template = { spec: { tolerations, containers: [{ name: 'worker', env: [{ name: 'A', value: '1' }] }] } };
    await world.cluster.apply(someJob({ name: 'changed', pools: [{ ...pools[0], template }] }));
    const own = await found(async () => get('Deployment', 'changed-teacher-gpu').catch(() => null));
    const text = (stored: Stored): string => JSON.stringify(stored.spec);
    expect(text(own)).toContain('{"key":"disk","operator":"Exists"}');
    await world.cluster.apply(someJob({ name: 'changed', pools }));
    await until(
      'the fields to go',
      async () => !text(await get('Deployment', 'changed-teacher-gpu')).includes('"disk"'),
    );
    const now = await get('Deployment', 'changed-teacher-gpu');
    expect(text(now)).not.toContain('{"name":"A"');
    expect(now.metadata.uid).toBe(own.metadata.uid);
    await remove('changed');
  });
});

describe('objects of others that have our names', () => {
  const job = 'squat';
  const meta = (name: string, namespace = 'default'): object => ({ name, namespace, labels: { team: 'other' } });
  const template = { metadata: { labels: { app: 'other' } }, spec: { containers: [container] } };
  const theirs: Readonly<Record<string, object>> = {
    ServiceAccount: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(`${job}-distill`) },
    NetworkPolicy: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: meta(`${job}-distill`),
      spec: { podSelector: { matchLabels: { app: 'other' } }, policyTypes: ['Ingress'] },
    },
    Deployment: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: meta(`${job}-teacher-gpu`),
      spec: { replicas: 0, selector: { matchLabels: { app: 'other' } }, template },
    },
    Job: {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: meta(`${job}-student`),
      spec: { suspend: true, template: { spec: { ...template.spec, restartPolicy: 'Never' } } },
    },
  };
  /** Names that an earlier version took. */
  const free: Readonly<Record<string, object>> = {
    ConfigMap: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: meta(`${job}-distill`),
      data: { 'manifest.json': 'theirs' },
    },
    Secret: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: meta(`${job}-distill`),
      type: 'Opaque',
      stringData: { 'student.creds': 'theirs' },
    },
  };
  const nameOf = (object: object): string => (object as Stored).metadata.name;

  test('stay unchanged: the job reports one taken name after the other, and continues when it is free', async () => {
    for (const object of [...Object.values(theirs), ...Object.values(free)]) await world.cluster.apply(object);
    const stored = async (): Promise<Record<string, Stored>> => {
      const all = Object.entries({ ...theirs, ...free });
      const found = await Promise.all(
        all.map(async ([kind, object]) => [kind, await get(kind, nameOf(object)).catch(() => null)] as const),
      );
      return Object.fromEntries(found.flatMap(([kind, one]) => (one === null ? [] : [[kind, one]])));
    };
    const before = await stored();
    await world.cluster.apply(someJob({ name: job, pools }));
    const there = new Set(Object.keys(before));
    for (const [kind, object] of Object.entries(theirs)) {
      const sentence = `${kind} "${nameOf(object)}": it exists and does not belong to this job (it has no owner)`;
      await until(`it to say: ${sentence}`, async () => (await world.message(job, 'Progressing')).includes(sentence));
      for (const [other, now] of Object.entries(await stored())) {
        // What was deleted below is the job's by now.
        if (!there.has(other)) continue;
        expect([other, now.metadata.uid]).toEqual([other, before[other]!.metadata.uid]);
        expect([other, now.metadata.ownerReferences, now.spec, now.data]).toEqual([
          other,
          undefined,
          before[other]!.spec,
          before[other]!.data,
        ]);
        expect(now.metadata.labels).toEqual({ team: 'other' });
      }
      there.delete(kind);
      await world.cluster.kubectlOk(['delete', kind, nameOf(object)]);
    }
    await runs(job);
    expect(await world.condition(job, 'Progressing')).toMatch(/^True/);
    await remove(job);
    const left = await stored();
    expect(Object.keys(left).sort()).toEqual(['ConfigMap', 'Secret']);
    for (const [kind, { metadata }] of Object.entries(left)) {
      expect(metadata.resourceVersion).toBe(before[kind]!.metadata.resourceVersion);
    }
  });
});

describe('jobs whose object names could collide', () => {
  test('run beside each other', async () => {
    const [pool] = pools;
    await world.cluster.apply(someJob({ name: 'a', pools: [{ ...pool, name: 'b-teacher-c' }] }));
    await world.cluster.apply(someJob({ name: 'a-teacher-b', pools: [{ ...pool, name: 'c' }] }));
    const uids = [await runs('a'), await runs('a-teacher-b')];
    await remove('a');
    expect(await world.running(uids[1]!, 'teacher')).toHaveLength(1);
    await remove('a-teacher-b');
  });

  test('keep the Deployment that an earlier version made, under its name', async () => {
    await operator.process.stop(10_000);
    const pool = { ...pools[0], name: 'y-teacher-z' };
    await world.cluster.apply(someJob({ name: 'x', pools: [pool] }));
    const stored = (await world.job('x')) as unknown as DistillJob & { metadata: { uid: string } };
    const checked = checkJob({ ...stored, status: undefined });
    if (!checked.ok) throw new Error('a job that the API server took is refused');
    const settings = {
      images: { cpu: 'distillery-worker:old', gpu: 'distillery-worker:old', studentGpu: 'distillery-worker:old' },
      accelerators: [],
      imagePullPolicy: 'Never',
      teacherPriorityClass: 'distillery-teacher',
      cacheGib: 50,
      bucketPorts: [443],
      natsUrl: world.nats.url,
    } as const;
    const { metadata } = stored;
    const rendered = teacherDeployment({ ...checked.job, metadata }, checked.job.spec.teacher.pools[0]!, 1, settings);
    const former = 'x-teacher-y-teacher-z';
    const object = { ...rendered, metadata: { ...rendered.metadata, name: former } };
    const path = `${paths.Deployment!}/${former}?fieldManager=distillery&force=true`;
    await world.cluster.api.patch(path, object, 'apply');
    const made = await get('Deployment', former);
    operator = await startOperator(world.cluster, { nats: world.nats });
    await until('it to be brought up to date', async () =>
      JSON.stringify((await get('Deployment', former)).spec).includes('distillery-worker:test'),
    );
    await runs('x');
    expect((await get('Deployment', former)).metadata.uid).toBe(made.metadata.uid);
    const deployments = (await world.owned(metadata.uid)).filter((name) => name.startsWith('deployment'));
    expect(deployments).toEqual([`deployment.apps/${former}`]);
    await remove('x');
  });
});

/** Waits for two reconciles of the job: the first may have begun before what was done last was known. */
async function look(name: string): Promise<void> {
  for (let turn = 0; turn < 2; turn++) {
    const before = reconcilesOf((await operator.ask('/metrics')).text);
    // A change that means nothing asks for one.
    await world.cluster.kubectlOk(['annotate', 'distilljob', name, '--overwrite', `look=${String(++looks)}`]);
    await until('a reconcile', async () => reconcilesOf((await operator.ask('/metrics')).text) > before);
  }
}
let looks = 0;

function reconcilesOf(metrics: string): number {
  return [...metrics.matchAll(/^distillery_reconciles_total\{[^}]*\} (\d+)$/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
}

async function found<T>(look: () => Promise<T | null>): Promise<T> {
  let value: T | null = null;
  await until('an object', async () => (value = await look()) !== null);
  return value as T;
}
