/** An operator of some namespaces alone: the chart's narrower rights are enough for them, and others are left in peace. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { until } from '../../kit/cluster/index.js';
import { chartFolder, helm, sets } from '../../kit/cluster/helm.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { World } from '../../kit/cluster/world.js';

jest.setTimeout(180_000);

const namespace = 'distillery-system';
const account = `system:serviceaccount:${namespace}:distillery`;

let world: World;
let operator: RunningOperator;

beforeAll(async () => {
  world = await World.create({ audit: 'Metadata' });
  const { cluster } = world;
  for (const name of ['team-a', 'team-b', 'team-c']) {
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  await cluster.addNodes(1, { gpus: 8 });
  const values = sets({
    'nats.url': 'nats://nats:4222',
    'nats.existingSecret': 'nats',
    replicas: '0',
    'watchNamespaces[0]': 'team-a',
    'watchNamespaces[1]': 'team-b',
    'teacherPriorityClass.create': 'false',
  });
  await helm(
    ['install', 'distillery', chartFolder, '--skip-crds', '-n', namespace, '--create-namespace', ...values],
    cluster.kubeconfig,
  );
  operator = await startOperator(cluster, {
    nats: world.nats,
    kubeconfig: await cluster.serviceAccountKubeconfig(namespace, 'distillery'),
    namespace,
    // Longer than a first look may take: the lease that the chart ships is free at once.
    environment: { DISTILLERY_WATCH_NAMESPACES: 'team-a,team-b', DISTILLERY_LEASE_SECONDS: '300' },
  });
}, 900_000);
afterAll(async () => {
  await world.close();
});

describe('an operator of two namespaces', () => {
  test('runs a job in each, from its first object to its last', async () => {
    const { cluster } = world;
    for (const place of ['team-a', 'team-b']) {
      await cluster.apply(someJob({ name: 'mnist', namespace: place }));
      const uid = await world.uidOf('mnist', place);
      await until(`pods in ${place}`, async () => (await world.running(uid, 'student', place)).length === 1);
      await until(`teachers in ${place}`, async () => (await world.running(uid, 'teacher', place)).length > 0);
      await cluster.kubectlOk(['-n', place, 'delete', 'distilljob', 'mnist', '--wait=false']);
      await until('the job to be gone', async () => (await world.job('mnist', place)) === null);
      await until('nothing of it', async () => (await world.owned(uid)).length === 0);
    }
  });

  test('leaves a job of a third alone', async () => {
    await world.cluster.apply(someJob({ name: 'foreign', namespace: 'team-c' }));
    await world.cluster.apply(someJob({ name: 'own', namespace: 'team-a' }));
    await until('its own job to be accepted', async () => (await world.condition('own', 'Accepted', 'team-a')) !== '');
    expect(await world.job('foreign', 'team-c')).not.toHaveProperty('status');
    expect(await world.owned(await world.uidOf('foreign', 'team-c'))).toEqual([]);
  });

  test('was refused nothing', async () => {
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
      ['deployments', 'distilljobs', 'jobs', 'networkpolicies', 'nodes', 'pods', 'serviceaccounts'].sort(),
    );
    expect(lists.get('distilljobs')).toBeGreaterThanOrEqual(2);
    expect(text).toMatch(/^distillery_jobs\{phase="Pending"\} 1$/m);
    expect(text).toMatch(/^distillery_leader 1$/m);
  });
});
