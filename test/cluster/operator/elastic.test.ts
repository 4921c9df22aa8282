/**
 * Teachers of all jobs on one cluster: they take what is free, by weight, leave a reserve, and block no other pod
 * (design §5, I5). Real scheduler, real preemption; the pods' kubelet is kwok.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { TelemetryPublisher } from '../../kit/cluster/telemetry-publisher.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { DistillProcess } from '../../kit/distill.js';

/** Two nodes of four. */
const slots = 8;
const pools = [{ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 20 }];

let world: OperatorCluster;
let operator: RunningOperator;
let telemetry: TelemetryPublisher;

beforeAll(async () => {
  world = await OperatorCluster.create({ audit: 'Metadata' });
  await world.cluster.addNodes(2, { gpus: 4 });
  await world.cluster.apply({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'patient' },
    value: 0,
    preemptionPolicy: 'Never',
  });
  operator = await startOperator(world.cluster, { nats: world.nats });
  telemetry = TelemetryPublisher.start(world);
});
afterEach(async () => {
  await world.cluster.kubectlOk(['delete', 'pods', '-l', 'whose=pending-pod', '--wait=false']);
  await world.cluster.kubectlOk(['delete', 'distilljobs', '--all', '--timeout=60s']);
});
afterAll(async () => {
  await telemetry.stop();
  await world.close();
});

/** A job whose student keeps so many teachers busy. @returns its uid */
async function job(name: string, teachers: number, spec: object = {}): Promise<string> {
  await world.cluster.apply(someJob({ name, pools, spec: { ...spec } }));
  const uid = await world.uidOf(name);
  telemetry.needs(uid, teachers);
  return uid;
}

async function teachers(...uids: readonly string[]): Promise<number[]> {
  return Promise.all(uids.map(async (uid) => (await world.running(uid, 'teacher')).length));
}

async function settle(uids: readonly string[], wanted: readonly number[]): Promise<void> {
  let seen: readonly number[] = [];
  await until(
    `${wanted.join(' and ')} teachers`,
    async () => {
      seen = await teachers(...uids);
      const all = await Promise.all(uids.map((uid) => world.pods(uid, 'teacher')));
      return seen.join() === wanted.join() && all.every((pods, index) => pods.length === wanted[index]);
    },
    () => `seen: ${seen.join(' and ')}`,
  );
}

async function pendingPod(name: string, gpus: number, spec: object = {}): Promise<void> {
  await world.cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { whose: 'pending-pod' } },
    spec: {
      containers: [{ name: 'main', image: 'pending-pod', resources: { limits: { 'nvidia.com/gpu': String(gpus) } } }],
      ...spec,
    },
  });
}

interface Deployment {
  readonly spec: { readonly replicas: number };
  readonly status: { readonly conditions: readonly { readonly type: string }[] };
}

async function phaseOf(name: string): Promise<string> {
  const { status } = await world.cluster.api.get<{ status: { phase: string } }>(
    `/api/v1/namespaces/default/pods/${name}`,
  );
  return status.phase;
}

async function runs(name: string): Promise<void> {
  await until(`${name} to run`, async () => (await phaseOf(name)) === 'Running');
}

describe('teachers', () => {
  test('follow what the student needs, up to all free slots', async () => {
    const uid = await job('lonely', 6);
    await settle([uid], [6]);
    telemetry.needs(uid, 30);
    await settle([uid], [slots]);
    await until('the reason', async () =>
      (await world.cluster.kubectlOk(['describe', 'distilljob', 'lonely'])).includes('8 of 20: 8 free slots'),
    );
  });

  test('of several jobs share by weight, as soon as a job is created or deleted', async () => {
    const heavy = await job('heavy', 30, { weight: 3 });
    await settle([heavy], [slots]);
    const light = await job('light', 30);
    await settle([heavy, light], [6, 2]);
    // `distill plan` prints the same to everyone who may read the cluster.
    const plan = new DistillProcess(['plan', '--kubeconfig', world.cluster.kubeconfig]);
    expect({ exitCode: await plan.ended(), stderr: plan.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(plan.plain.join('\n')).toMatch(/default\/heavy +3 .* 6 {2}6 of 20: 6 free slots, 2 shared with other jobs/);
    await world.cluster.kubectlOk(['delete', 'distilljob', 'heavy', '--timeout=60s']);
    await settle([light], [slots]);
  });

  test('of a job with a small demand leave the rest to a job that needs more', async () => {
    const small = await job('small', 1);
    const large = await job('large', 30);
    // It begins with a few, and a teacher that was started stays for a minute.
    await settle([small, large], [1, 7]);
  });

  test('make room for a pod that preempts them, leave no teacher Pending, and return when it is gone', async () => {
    const uid = await job('yielding', 30);
    await settle([uid], [slots]);
    await pendingPod('urgent', 4);
    await runs('urgent');
    await settle([uid], [4]);
    expect(await phaseOf('urgent')).toBe('Running');
    await world.cluster.kubectlOk(['delete', 'pod', 'urgent', '--wait=false']);
    await settle([uid], [slots]);
  });

  test('make room for a pod that does not preempt: on one node, as many as it needs', async () => {
    const uid = await job('polite', 30);
    await settle([uid], [slots]);
    await pendingPod('patient', 3, { priorityClassName: 'patient' });
    await runs('patient');
    await settle([uid], [5]);
  });

  test('make no room for a pod that fits nowhere, has a scheduling gate, or waits for a volume', async () => {
    const uid = await job('settled', 30);
    await settle([uid], [slots]);
    await pendingPod('huge', 5);
    await pendingPod('gated', 2, { schedulingGates: [{ name: 'example.com/quota' }] });
    await pendingPod('empty', 2, { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'nowhere' } }] });
    // What comes after both in the order of events.
    const other = await job('other', 30);
    await settle([uid, other], [4, 4]);
    const phases = await Promise.all(['huge', 'gated', 'empty'].map(phaseOf));
    expect(phases).toEqual(['Pending', 'Pending', 'Pending']);
  });

  test('that find no node although the ledger sees one do not stay Pending', async () => {
    const template = {
      spec: {
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { labelSelector: { matchLabels: { app: 'nowhere' } }, topologyKey: 'kubernetes.io/hostname' },
            ],
          },
        },
      },
    };
    await world.cluster.apply(someJob({ name: 'stuck', pools: [{ ...pools[0], template }] }));
    const uid = await world.uidOf('stuck');
    await until('teachers that wait', async () => (await world.pods(uid, 'teacher')).length > 0);
    // They are given up after some seconds, although nothing happens by then.
    await until('none that waits', async () => (await world.pods(uid, 'teacher')).length === 0);
    expect((await operator.ask('/metrics')).text).toContain('distillery_slots_free{resource="nvidia.com/gpu"} 8');
  });

  test('that may not be created are given up, leave their slots to others, and come once they may', async () => {
    const quota = { name: 'gpus', namespace: 'default' };
    const hard = { 'requests.nvidia.com/gpu': '2' };
    await world.cluster.apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: quota, spec: { hard } });
    let uid: string;
    try {
      uid = await job('capped', 30);
      await settle([uid], [2]);
      await until('slots for others', async () =>
        (await operator.ask('/metrics')).text.includes('distillery_slots_granted{resource="nvidia.com/gpu"} 2'),
      );
      // The ReplicaSet has nothing more to create, so that it forgets how often it failed.
      const deployment = '/apis/apps/v1/namespaces/default/deployments/capped-teacher-gpu';
      await until('no failure', async () => {
        const { spec, status } = await world.cluster.api.get<Deployment>(deployment);
        return spec.replicas === 2 && !status.conditions.some(({ type }) => type === 'ReplicaFailure');
      });
    } finally {
      await world.cluster.kubectlOk(['delete', 'resourcequota', quota.name]);
    }
    await settle([uid], [slots]);
  });

  test('leave a reserve free', async () => {
    await operator.process.stop(10_000);
    operator = await startOperator(world.cluster, {
      nats: world.nats,
      environment: { DISTILLERY_RESERVE: 'nvidia.com/gpu=25%', DISTILLERY_LOG_LEVEL: 'trace' },
    });
    const uid = await job('modest', 30);
    await settle([uid], [6]);
    await until('the reason', async () =>
      (await world.cluster.kubectlOk(['describe', 'distilljob', 'modest'])).includes('2 held back by reserve'),
    );
    // What was logged of the last share is enough to make it again.
    const logged = (await operator.log()).findLast(({ msg }) => msg === 'slots shared');
    const file = join(world.cluster.folder, 'fleet.json');
    writeFileSync(file, JSON.stringify(logged?.fleet));
    const plan = new DistillProcess(['plan', '-f', file]);
    expect({ exitCode: await plan.ended(), stderr: plan.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(plan.plain.join('\n')).toMatch(/default\/modest .*6 of 20: 6 free slots, 2 held back by reserve/);
    // The reserve is for others.
    await pendingPod('guest', 2, { priorityClassName: 'patient' });
    await runs('guest');
  });
});
