/**
 * Jobs beside the real Kueue: students in a queue, teachers outside of quota and inside, and the LocalQueue `default`. The
 * operator has exactly the rights of the chart; the pods' kubelet is kwok.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { kinds } from '../../../src/cluster/kubernetes/index.js';
import { clientOf, outcome } from '../../kit/api-client.js';
import { until } from '../../kit/cluster/index.js';
import { installChart } from '../../kit/cluster/helm.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { clusterQueue, flavor, localQueue, nodeTopology, startKueue } from '../../kit/cluster/kueue.js';
import { startOperator } from '../../kit/cluster/operator.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { TelemetryPublisher } from '../../kit/cluster/telemetry-publisher.js';

const system = 'distillery-system';
const slots = 4;
const gpuLabel = { hardware: 'gpu' };

let world: OperatorCluster;
/** Of the operator's account. */
let kubeconfig: string;
let telemetry: TelemetryPublisher;

beforeAll(async () => {
  world = await OperatorCluster.create({ audit: 'Metadata' });
  const { cluster } = world;
  await cluster.kubectlOk(['delete', 'priorityclass', 'distillery-teacher']);
  await cluster.addNodes(1, { gpus: slots, labels: gpuLabel });
  const values = { 'nats.url': 'nats://nats:4222', 'nats.existingSecret': 'nats', replicas: '0' };
  await installChart(system, values, cluster.kubeconfig);
  kubeconfig = await cluster.serviceAccountKubeconfig(system, 'distillery');
  await startOperator(cluster, { nats: world.nats, kubeconfig, namespace: system });
  telemetry = TelemetryPublisher.start(world);
});
afterEach(async () => {
  await world.cluster.kubectlOk(['delete', 'distilljobs', '--all', '--timeout=120s']);
  await world.cluster.kubectlOk(['delete', 'jobs,deployments', '--all', '--timeout=120s']);
});
afterAll(async () => {
  await telemetry.stop();
  await world.close();
});

interface Placed {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly schedulingGates?: readonly object[] };
}

async function teacherPods(uid: string): Promise<Placed[]> {
  const selector = encodeURIComponent(`distillery.dev/job-uid=${uid},app.kubernetes.io/component=teacher`);
  const path = `/api/v1/namespaces/default/pods?labelSelector=${selector}`;
  return (await world.cluster.api.get<{ items: Placed[] }>(path)).items;
}

async function gated(uid: string): Promise<number> {
  return (await teacherPods(uid)).filter(({ spec }) => (spec.schedulingGates ?? []).length > 0).length;
}

/** A student that asks for one GPU, so that quota counts it, and no teachers unless it says so. */
const student = {
  model: { uri: 'package://models/student.json' },
  template: { spec: { containers: [{ name: 'worker', resources: { limits: { 'nvidia.com/gpu': '1' } } }] } },
};
const poolsOf = (maxReplicas: number): object[] => [{ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas }];

/** @returns its uid */
async function job(name: string, spec: Readonly<Record<string, unknown>>, maxReplicas = 2): Promise<string> {
  await world.cluster.apply(someJob({ name, pools: poolsOf(maxReplicas), spec: { student, ...spec } }));
  return world.uidOf(name);
}

async function phase(name: string, wanted: string): Promise<void> {
  await until(
    `job ${name} to be ${wanted}`,
    async () => (await world.job(name))?.status?.phase === wanted,
    async () => JSON.stringify((await world.job(name))?.status),
  );
}

async function condition(name: string, type: string, wanted: string): Promise<string> {
  await until(
    `${type} of ${name}: ${wanted}`,
    async () => (await world.condition(name, type)) === wanted,
    async () => JSON.stringify((await world.job(name))?.status),
  );
  return world.message(name, type);
}

async function students(uid: string, wanted: number): Promise<void> {
  await until(
    `${String(wanted)} student`,
    async () => (await world.pods(uid, 'student')).filter(({ terminating }) => !terminating).length === wanted,
    async () => JSON.stringify(await world.pods(uid, 'student')),
  );
}

async function teachers(uid: string, wanted: number): Promise<void> {
  await until(
    `${String(wanted)} teachers`,
    async () => (await world.running(uid, 'teacher')).length === wanted,
    async () => JSON.stringify([await teacherPods(uid), (await world.job('borrower'))?.status]),
  );
}

async function change(name: string, spec: object): Promise<void> {
  await world.cluster.kubectlOk(['patch', 'distilljob', name, '--type=merge', '-p', JSON.stringify({ spec })]);
}

describe('before Kueue is there', () => {
  test('a job that names a queue waits and says what is missing, any other job runs; Kueue may come later', async () => {
    const free = await job('free', {});
    await job('early', { queueName: 'team' });
    await phase('early', 'Queued');
    expect(await condition('early', 'Queued', 'True KueueNotServed')).toContain('Install Kueue');
    await students(free, 1);
    await world.cluster.kubectlOk(['delete', 'distilljob', 'free', '--timeout=60s']);

    await startKueue(world.cluster);
    await world.cluster.apply(
      clusterQueue('team', { gpus: 1, preemption: { withinClusterQueue: 'LowerPriority' } }),
      localQueue('team', 'team'),
    );
    await students(await world.uidOf('early'), 1);
    await condition('early', 'Queued', 'False Admitted');
  });
});

describe('a student in a queue', () => {
  test('starts when there is quota; until then it waits in the words of Kueue, without teachers and credits', async () => {
    const first = await job('first', { queueName: 'team' });
    await students(first, 1);
    telemetry.needs(first, 2);
    await teachers(first, 2);
    const second = await job('second', { queueName: 'team' });
    await phase('second', 'Queued');
    const said = await condition('second', 'Queued', 'True WaitingForQuota');
    expect(said).toMatch(/^The student waits in LocalQueue team: .*insufficient unused quota for nvidia.com\/gpu/);
    expect(await teacherPods(second)).toEqual([]);
    const shown = await world.cluster.kubectlOk(['get', 'distilljob', 'second']);
    expect(shown).toMatch(/second +Queued +WaitingForQuota/);
    await world.cluster.kubectlOk(['delete', 'distilljob', 'first', '--timeout=120s']);
    await students(second, 1);
    await condition('second', 'Queued', 'False Admitted');
  });

  test('is preempted by a more important one, gives its teachers back, and goes on afterwards', async () => {
    const { cluster } = world;
    const important = { apiVersion: 'kueue.x-k8s.io/v1beta2', kind: 'WorkloadPriorityClass' };
    await cluster.apply({ ...important, metadata: { name: 'important' }, value: 1_000, description: 'first' });
    const low = await job('low', { queueName: 'team' });
    await students(low, 1);
    telemetry.needs(low, 2);
    await teachers(low, 2);
    const high = await job('high', { queueName: 'team', priorityClass: 'important' });
    await students(high, 1);
    await students(low, 0);
    await phase('low', 'Queued');
    expect(await condition('low', 'Queued', 'True WaitingForQuota')).toMatch(/[Pp]reempted/);
    await teachers(low, 0);
    await cluster.kubectlOk(['delete', 'distilljob', 'high', '--timeout=120s']);
    await students(low, 1);
    await teachers(low, 2);
    const { failures } = (await world.job('low'))!.status!;
    expect(failures).toBe(0);
  });

  test('is suspended and resumed by spec.suspend, without a fight over the Job', async () => {
    const uid = await job('calm', { queueName: 'team' });
    await students(uid, 1);
    await change('calm', { suspend: true });
    await students(uid, 0);
    await phase('calm', 'Suspended');
    // Workloads of the jobs before go some time after their jobs.
    const active = () => world.cluster.kubectlOk(['get', 'workloads', '-o', 'jsonpath={.items[*].spec.active}']);
    await until('the only Workload to be inactive', async () => (await active()) === 'false', active);
    // The quota is free for others meanwhile.
    const other = await job('other', { queueName: 'team' });
    await students(other, 1);
    await world.cluster.kubectlOk(['delete', 'distilljob', 'other', '--timeout=120s']);
    await change('calm', { suspend: false });
    await students(uid, 1);
    await condition('calm', 'Queued', 'False Admitted');
    const before = await writesOfJobs();
    await world.cluster.kubectlOk(['annotate', 'distilljob', 'calm', 'example.com/again=1']);
    await until('a reconcile', async () => (await world.job('calm')) !== null);
    expect((await writesOfJobs()) - before).toBe(0);
  });

  test('keeps what Kueue sets in its template, whatever is applied afterwards', async () => {
    const uid = await job('kept', { queueName: 'team' });
    await students(uid, 1);
    await change('kept', { backoffLimit: 3 });
    await until('the new limit', async () => (await studentJob('kept')).spec.backoffLimit === 3);
    const { spec } = await studentJob('kept');
    expect(spec.suspend).toBe(false);
    await students(uid, 1);
  });
});

/** What somebody may do who has stolen the operator's token. */
test("the operator's account changes of a Workload nothing but spec.active, and only of students", async () => {
  const { cluster } = world;
  await students(await job('ours', { queueName: 'team' }), 1);
  await cluster.apply(jobOfOthers('theirs', 'team', 1));
  const nameOf = async (prefix: string): Promise<string> => {
    let name: string | undefined;
    await until(`a Workload ${prefix}`, async () => {
      const names = await cluster.kubectlOk(['get', 'workloads', '-o', 'jsonpath={.items[*].metadata.name}']);
      name = names.split(' ').find((one) => one.startsWith(prefix));
      return name !== undefined;
    });
    return name!;
  };
  const [ours, theirs] = [await nameOf('job-ours-student'), await nameOf('job-theirs')];
  const thief = await clientOf(kubeconfig);
  const change = (name: string, fields: Record<string, unknown>): Promise<string> =>
    outcome(thief.client.patch(kinds.workloads, 'default', name, fields));
  expect(await change(ours, { spec: { active: false } })).toBe('done');
  for (const fields of [
    { spec: { active: true, priority: 1_000_000 } },
    { metadata: { labels: { a: 'b' } } },
    { metadata: { annotations: { a: 'b' } } },
    { metadata: { ownerReferences: [] } },
    { metadata: { finalizers: ['example.com/stays'] } },
  ]) {
    expect([fields, await change(ours, fields)]).toEqual([fields, 'forbidden']);
  }
  for (const fields of [{ spec: { active: false } }, { metadata: { annotations: { a: 'b' } } }]) {
    expect([fields, await change(theirs, fields)]).toEqual([fields, 'forbidden']);
  }
  await thief.close();
});

async function deploymentUid(name: string): Promise<string> {
  return world.cluster.kubectlOk(['get', 'deployment', `${name}-teacher-gpu`, '-o', 'jsonpath={.metadata.uid}']);
}

async function writesOfJobs(): Promise<number> {
  return (await world.cluster.audit.events()).filter(
    ({ userAgent, verb, objectRef }) =>
      userAgent === 'distillery-operator' && ['patch', 'create'].includes(verb) && objectRef?.resource === 'jobs',
  ).length;
}

async function studentJob(name: string): Promise<{ spec: { suspend: boolean; backoffLimit: number } }> {
  return world.cluster.api.get(`/apis/batch/v1/namespaces/default/jobs/${name}-student`);
}

describe('teachers outside of quota', () => {
  test('do not hold back a job with a topology: it gets their slots within seconds', async () => {
    const { cluster } = world;
    await cluster.apply(
      nodeTopology('nodes'),
      flavor('racks', 'nodes', gpuLabel),
      clusterQueue('topology', { gpus: slots, flavor: 'racks' }),
      localQueue('topology', 'topology'),
    );
    const uid = await job('lender', { student: { model: { uri: 'package://models/student.json' } } }, slots);
    telemetry.needs(uid, slots);
    await teachers(uid, slots);
    expect((await teacherPods(uid))[0]?.metadata.annotations).toMatchObject({
      'kueue.x-k8s.io/podset-unconstrained-topology': 'true',
    });
    await cluster.apply(jobOfOthers('gang', 'topology', 3, onOneNode));
    await until(
      'the gang to run',
      async () => (await world.cluster.kubectlOk(running('gang'))).trim() === '3',
      async () => cluster.kubectlOk(['get', 'pods,workloads', '-A', '-o', 'wide']),
    );
    await teachers(uid, 1);
    await cluster.kubectlOk(['delete', 'job', 'gang', '--timeout=60s']);
  });

  test('are what the annotation makes of them: a pod without it holds such a job back, and a queued one may not have it', async () => {
    const { cluster } = world;
    const lowest = { priorityClassName: 'distillery-teacher' };
    await cluster.apply(podOfOthers('in-the-way', slots - 1, {}, lowest));
    await until('it to run', async () => (await cluster.kubectlOk(['get', 'pod', 'in-the-way'])).includes('Running'));
    await cluster.apply(jobOfOthers('held', 'topology', 3, onOneNode));
    await until('Kueue to hold the job back', async () =>
      (await saidOf('job-held')).includes('topology "nodes" allows to fit only 1 out of 3 pod(s)'),
    );
    await cluster.kubectlOk(['delete', 'pod', 'in-the-way', '--now']);
    await until('it to run', async () => (await cluster.kubectlOk(running('held'))).trim() === '3');
    await cluster.kubectlOk(['delete', 'job', 'held', '--timeout=60s']);

    const marked = { 'kueue.x-k8s.io/podset-unconstrained-topology': 'true' };
    await cluster.apply(podOfOthers('marked', 1, marked, {}, { 'kueue.x-k8s.io/queue-name': 'team' }));
    await until('Kueue to refuse it', async () =>
      (await saidOf('pod-marked')).includes('does not support TopologyAwareScheduling'),
    );
    await cluster.kubectlOk(['delete', 'pod', 'marked', '--now']);
  });
});

function podOfOthers(name: string, gpus: number, annotations: object, spec: object, labels: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', annotations, labels },
    spec: {
      containers: [{ name: 'main', image: 'pod', resources: { limits: { 'nvidia.com/gpu': String(gpus) } } }],
      ...spec,
    },
  };
}

/** What Kueue says of the Workload whose name begins so. */
async function saidOf(prefix: string): Promise<string> {
  const { items } = await world.cluster.api.get<{
    items: { metadata: { name: string }; status?: { conditions?: { message: string }[] } }[];
  }>('/apis/kueue.x-k8s.io/v1beta2/namespaces/default/workloads');
  const found = items.find(({ metadata }) => metadata.name.startsWith(prefix));
  return (found?.status?.conditions ?? []).map(({ message }) => message).join('; ');
}

const running = (name: string): string[] => ['get', 'job', name, '-o', 'jsonpath={.status.active}'];

/** All pods must fit on one node at once. */
const onOneNode = { 'kueue.x-k8s.io/podset-required-topology': 'kubernetes.io/hostname' };

function jobOfOthers(name: string, queue: string, pods: number, annotations: object = {}): object {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'default', labels: { 'kueue.x-k8s.io/queue-name': queue } },
    spec: {
      parallelism: pods,
      completions: pods,
      suspend: true,
      template: {
        metadata: { annotations },
        spec: {
          restartPolicy: 'Never',
          containers: [{ name: 'main', image: 'gang', resources: { limits: { 'nvidia.com/gpu': '1' } } }],
        },
      },
    },
  };
}

describe('teachers inside of quota', () => {
  test('borrow what their cohort does not use, leave one in the queue, and are taken back by the lender', async () => {
    const { cluster } = world;
    await cluster.apply(
      clusterQueue('owner', { gpus: 3, cohort: 'all', preemption: { reclaimWithinCohort: 'Any' } }),
      clusterQueue('spare', { gpus: 0, cohort: 'all' }),
      localQueue('owner', 'owner'),
      localQueue('spare', 'spare'),
    );
    const teacher = { model: { uri: 'package://models/teacher.onnx' }, pools: poolsOf(10), queueName: 'spare' };
    const uid = await job('borrower', { teacher, student: { model: { uri: 'package://models/student.json' } } });
    telemetry.needs(uid, 10);
    await teachers(uid, 3);
    await until('one in the queue', async () => (await gated(uid)) === 1);
    expect((await teacherPods(uid))[0]?.metadata.annotations).not.toHaveProperty(
      'kueue.x-k8s.io/podset-unconstrained-topology',
    );
    await until('the reason', async () =>
      (await world.message('borrower', 'TeachersAvailable')).includes('waits for quota of LocalQueue spare'),
    );
    await cluster.apply(jobOfOthers('lender', 'owner', 2));
    await until(
      'the lender to run',
      async () => (await cluster.kubectlOk(running('lender'))).trim() === '2',
      async () => cluster.kubectlOk(['get', 'workloads', '-o', 'yaml']),
    );
    await teachers(uid, 1);
    await until('no herd in the queue', async () => (await gated(uid)) === 1);
    await cluster.kubectlOk(['delete', 'job', 'lender', '--timeout=60s']);
    await teachers(uid, 3);
  });
});

describe('the LocalQueue default', () => {
  test('takes a job that names none: the job says so, with remedies, and keeps no herd of gated teachers', async () => {
    const { cluster } = world;
    await cluster.apply(clusterQueue('small', { gpus: 2 }), localQueue('default', 'small'));
    await until('Kueue to know it', async () =>
      (await cluster.kubectlOk(['get', 'localqueue', 'default', '-o', 'json'])).includes('"Active"'),
    );
    const uid = await job('captured', {}, 10);
    await students(uid, 1);
    telemetry.needs(uid, 10);
    const said = await condition('captured', 'Queued', 'False CapturedByDefaultQueue');
    expect(said).toContain('managedJobsNamespaceSelector');
    await teachers(uid, 1);
    await until('one in the queue', async () => (await gated(uid)) === 1);
    await change('captured', { suspend: true });
    await students(uid, 0);
    await change('captured', { suspend: false });
    await students(uid, 1);
    await cluster.kubectlOk(['delete', 'localqueue', 'default']);
  });

  test('that comes while teachers run does not keep them from leaving for a pending pod', async () => {
    const { cluster } = world;
    const uid = await job('older', { student: { model: { uri: 'package://models/student.json' } } }, slots);
    await teachers(uid, slots);
    await cluster.apply(localQueue('default', 'small'));
    await until('Kueue to know it', async () =>
      (await cluster.kubectlOk(['get', 'localqueue', 'default', '-o', 'json'])).includes('"Active"'),
    );
    const before = await deploymentUid('older');
    await change('older', { teacher: { pools: poolsOf(1) } });
    await teachers(uid, 1);
    await condition('older', 'Queued', 'False CapturedByDefaultQueue');
    expect(await deploymentUid('older')).not.toBe(before);
    await cluster.kubectlOk(['delete', 'localqueue', 'default']);
  });
});

test('a job of another controller is left alone', async () => {
  await job('foreign', { managedBy: 'kueue.x-k8s.io/multikueue' });
  const uid = await job('ours', { managedBy: 'distillery.dev/operator' });
  await students(uid, 1);
  const found = await world.job('foreign');
  // As the API server creates it.
  expect(found?.status).toEqual({ observedGeneration: -1 });
  expect(found?.metadata.finalizers).toBeUndefined();
  const { code, stderr } = await world.cluster.kubectl([
    'patch',
    'distilljob',
    'ours',
    '--type=merge',
    '-p',
    '{"spec":{"managedBy":"example.com/other"}}',
  ]);
  expect([code, stderr]).toEqual([1, expect.stringContaining('managedBy is immutable')]);
});
