/** An operator of some namespaces alone: the chart's narrower rights are enough for them, and others are left in peace. */
import { jobNames } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { AuthorizationError } from '@nats-io/transport-node';

import { accountOfCreds } from '../../../src/stream/index.js';
import { until } from '../../kit/cluster/index.js';
import { installChart } from '../../kit/cluster/helm.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { connectPlain } from '../../kit/stream.js';

const namespace = 'distillery-system';
const account = `system:serviceaccount:${namespace}:distillery`;

let world: OperatorCluster;
let operator: RunningOperator;

beforeAll(async () => {
  world = await OperatorCluster.create({ audit: 'Metadata' });
  const { cluster } = world;
  for (const name of ['team-a', 'team-b', 'team-c', 'team-d']) {
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  await cluster.addNodes(1, { gpus: 8 });
  const values = {
    'nats.url': 'nats://nats:4222',
    'nats.existingSecret': 'nats',
    replicas: '0',
    'watchNamespaces[0]': 'team-a',
    'watchNamespaces[1]': 'team-b',
    'watchNamespaces[2]': 'team-d',
    'teacherPriorityClass.create': 'false',
  };
  await installChart(namespace, values, cluster.kubeconfig);
  operator = await startOperator(cluster, {
    nats: world.nats,
    kubeconfig: await cluster.serviceAccountKubeconfig(namespace, 'distillery'),
    namespace,
    // Longer than a first look may take: the lease that the chart ships is free at once.
    environment: {
      DISTILLERY_WATCH_NAMESPACES: 'team-a,team-b,team-d',
      DISTILLERY_LEASE_SECONDS: '300',
      // More than the NATS server has.
      DISTILLERY_NATS_NAMESPACE_LIMITS: 'team-d:storage=4000Ti',
    },
  });
});
afterAll(async () => {
  await world.close();
});

describe('an operator of some namespaces', () => {
  test('runs a job in each, from its first object to its last', async () => {
    const { cluster } = world;
    const accounts: string[] = [];
    for (const place of ['team-a', 'team-b']) {
      await cluster.apply(someJob({ name: 'mnist', namespace: place }));
      const uid = await world.uidOf('mnist', place);
      await until(`pods in ${place}`, async () => (await world.running(uid, 'student', place)).length === 1);
      await until(`teachers in ${place}`, async () => (await world.running(uid, 'teacher', place)).length > 0);
      const creds = await credsOf(uid, place);
      accounts.push(accountOfCreds(creds));
      expect(await admits(creds, uid)).toBe(true);
      await cluster.kubectlOk(['-n', place, 'delete', 'distilljob', 'mnist', '--wait=false']);
      await until('the job to be gone', async () => (await world.job('mnist', place)) === null);
      await until('nothing of it', async () => (await world.owned(uid)).length === 0);
      // Its users end with it, and the account of a namespace without jobs is left.
      await until('its users to be refused', async () => !(await admits(creds, uid)));
      await until('the account to be left', async () => (await accountsIn('connected')) === 0);
    }
    expect(new Set(accounts).size).toBe(2);
  });

  test('reports the reason on a job whose namespace has no usable NATS account, and continues with the others', async () => {
    const { cluster } = world;
    await cluster.apply(someJob({ name: 'poor', namespace: 'team-d' }));
    await until('the reason', async () => (await world.condition('poor', 'Progressing', 'team-d')).startsWith('False'));
    expect(await world.message('poor', 'Progressing', 'team-d')).toMatch(/jetstream/i);
    await cluster.apply(someJob({ name: 'rich', namespace: 'team-a' }));
    const uid = await world.uidOf('rich', 'team-a');
    await until('the other to run', async () => (await world.running(uid, 'student', 'team-a')).length === 1);
    for (const [name, place] of [
      ['rich', 'team-a'],
      ['poor', 'team-d'],
    ] as const) {
      await cluster.kubectlOk(['-n', place, 'annotate', 'distilljob', name, 'distillery.dev/force-delete=true']);
      await cluster.kubectlOk(['-n', place, 'delete', 'distilljob', name, '--timeout=60s']);
    }
  });

  test('ignores a job of a third namespace', async () => {
    await world.cluster.apply(someJob({ name: 'foreign', namespace: 'team-c' }));
    await world.cluster.apply(someJob({ name: 'own', namespace: 'team-a' }));
    await until('its own job to be accepted', async () => (await world.condition('own', 'Accepted', 'team-a')) !== '');
    // What the API server gives every new job: no operator has seen it.
    expect(await world.job('foreign', 'team-c')).toMatchObject({ status: { observedGeneration: -1 } });
    expect((await world.job('foreign', 'team-c'))?.status?.conditions).toBeUndefined();
    expect(await world.owned(await world.uidOf('foreign', 'team-c'))).toEqual([]);
  });

  test('had no request refused', async () => {
    const refused = (await world.cluster.audit.events()).filter(
      ({ user, responseStatus }) => user.username === account && responseStatus?.code === 403,
    );
    expect(refused.map(({ verb, objectRef }) => [verb, objectRef?.resource, objectRef?.namespace])).toEqual([]);
  });

  test('counts the watches of both namespaces in its figures', async () => {
    const { text } = await operator.ask('/metrics');
    const lists = new Map(
      [...text.matchAll(/^distillery_watch_lists_total\{resource="(\w+)"\} (\d+)$/gm)].map(([, resource, count]) => [
        resource,
        Number(count),
      ]),
    );
    expect([...lists.keys()].sort()).toEqual(
      [
        'deployments',
        'deviceclasses',
        'distilljobs',
        'horizontalpodautoscalers',
        'jobs',
        'networkpolicies',
        'nodes',
        'pods',
        'resourceclaims',
        'resourceclaimtemplates',
        'resourceslices',
        'serviceaccounts',
        'workloads',
      ].sort(),
    );
    expect(lists.get('distilljobs')).toBeGreaterThanOrEqual(2);
    expect(text).toMatch(/^distillery_jobs\{phase="Pending"\} 1$/m);
    expect(text).toMatch(/^distillery_leader 1$/m);
  });
});

async function credsOf(uid: string, place: string): Promise<string> {
  const { items } = await world.cluster.api.get<{ items: { data: Record<string, string> }[] }>(
    `/api/v1/namespaces/${place}/secrets?labelSelector=${encodeURIComponent(`distillery.dev/job-uid=${uid}`)}`,
  );
  return Buffer.from(items[0]?.data['student.creds'] ?? '', 'base64').toString();
}

/** Whether NATS lets a student with these credentials in. */
async function admits(creds: string, uid: string): Promise<boolean> {
  try {
    const connection = await connectPlain(world.nats, { creds, inboxPrefix: jobNames(uid).inboxPrefix('student') });
    await connection.close();
    return true;
  } catch (error) {
    if (error instanceof AuthorizationError) return false;
    throw error;
  }
}

async function accountsIn(state: string): Promise<number> {
  const { text } = await operator.ask('/metrics');
  return Number(new RegExp(`^distillery_nats_accounts\\{state="${state}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
}
