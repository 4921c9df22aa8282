/**
 * The rights of the chart, no more and no less: a job lives its life under exactly that ServiceAccount without a single
 * refusal, and each verb that is taken away is missed.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { kueue } from '../../../src/api/index.js';
import { kinds } from '../../../src/cluster/kubernetes/index.js';
import { clientOf, outcome } from '../../kit/api-client.js';
import { until } from '../../kit/cluster/index.js';
import { installChart } from '../../kit/cluster/helm.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';

const namespace = 'distillery-system';
const account = `system:serviceaccount:${namespace}:distillery`;
const pools = [{ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 1 }];

let world: OperatorCluster;
let kubeconfig: string;
let leader: RunningOperator;

beforeAll(async () => {
  world = await OperatorCluster.create({
    audit: 'Metadata',
    // So that blocking owner references need their right as well.
    apiServerArgs: ['--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement'],
  });
  const { cluster } = world;
  await cluster.kubectlOk(['delete', 'priorityclass', 'distillery-teacher']);
  await cluster.addNodes(1, { gpus: 8 });
  const values = { 'nats.url': 'nats://nats:4222', 'nats.existingSecret': 'nats', replicas: '0' };
  await installChart(namespace, values, cluster.kubeconfig);
  kubeconfig = await cluster.serviceAccountKubeconfig(namespace, 'distillery');
  leader = await startOperator(cluster, { nats: world.nats, kubeconfig, namespace });
});
afterAll(async () => {
  await world.close();
});

interface Refusal {
  readonly verb: string;
  readonly resource: string;
}

async function refusals(): Promise<Refusal[]> {
  return (await world.cluster.audit.events())
    .filter(({ user, responseStatus }) => user.username === account && responseStatus?.code === 403)
    .map(({ verb, objectRef }) => ({
      verb,
      resource: [objectRef?.resource ?? '', objectRef?.subresource].filter((part) => part !== undefined).join('/'),
    }));
}

async function remove(name: string): Promise<void> {
  const uid = await world.uidOf(name);
  await world.cluster.kubectlOk(['delete', 'distilljob', name, '--wait=false']);
  await until('the job to be gone', async () => (await world.job(name)) === null);
  await until('nothing of it', async () => (await world.owned(uid)).length === 0);
}

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}
interface Role {
  readonly path: string;
  readonly rules: Rule[];
}

async function rolesOfChart(): Promise<Role[]> {
  const base = '/apis/rbac.authorization.k8s.io/v1';
  const paths = [`${base}/clusterroles/${namespace}-distillery`, `${base}/namespaces/${namespace}/roles/distillery`];
  return Promise.all(
    paths.map(async (path) => ({ path, rules: (await world.cluster.api.get<{ rules: Rule[] }>(path)).rules })),
  );
}

/** Runs `work` while the chart's role lacks one verb of one resource. */
async function without(role: Role, resource: string, verb: string, work: () => Promise<void>): Promise<void> {
  const rules = role.rules.flatMap((rule) =>
    rule.resources.map((one) => ({
      ...rule,
      resources: [one],
      verbs: rule.verbs.filter((other) => one !== resource || other !== verb),
    })),
  );
  await world.cluster.api.patch(role.path, { rules: rules.filter(({ verbs }) => verbs.length > 0) });
  try {
    await work();
  } finally {
    await world.cluster.api.patch(role.path, { rules: role.rules });
  }
}

/** What somebody may do who has stolen the operator's token, over all that RBAC gives it. */
describe('the account of the chart', () => {
  const labels = { 'app.kubernetes.io/managed-by': 'distillery', 'distillery.dev/job-uid': 'forged' };
  const theirs = { name: 'theirs', namespace: 'default' };
  const container = { name: 'worker', image: 'x' };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  const objects = {
    secrets: { apiVersion: 'v1', kind: 'Secret', metadata: theirs, stringData: { password: 'of somebody' } },
    configMaps: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...theirs, labels }, data: { a: 'b' } },
    serviceAccounts: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...theirs, labels } },
    networkPolicies: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { ...theirs, labels },
      spec: { podSelector: {}, policyTypes: ['Ingress'] },
    },
    deployments: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { ...theirs, labels },
      spec: { replicas: 0, selector: { matchLabels: labels }, template },
    },
    jobs: {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { ...theirs, labels },
      spec: { suspend: true, template: { spec: { ...template.spec, restartPolicy: 'Never' } } },
    },
    pods: { apiVersion: 'v1', kind: 'Pod', metadata: theirs, spec: { containers: [container] } },
  } as const;
  type Kind = keyof typeof objects;
  const all = Object.keys(objects) as Kind[];
  let thief: Awaited<ReturnType<typeof clientOf>>;

  beforeAll(async () => {
    thief = await clientOf(kubeconfig);
    for (const object of Object.values(objects)) await world.cluster.apply(object);
    // A policy takes a moment to be in force. Roles alone allow this write.
    const write = (): Promise<unknown> => thief.client.replace(objects.configMaps);
    await until('the policy', async () => (await outcome(write())) === 'forbidden');
  });
  afterAll(async () => {
    for (const kind of all) await world.cluster.kubectlOk(['delete', kind, 'theirs', '--now']);
    await thief.close();
  });
  const patch = (kind: Kind, fields: Record<string, unknown> = {}): Promise<unknown> =>
    thief.client.patch(kinds[kind], 'default', 'theirs', fields);

  test('reads no Secret, neither by a get nor by the answer to an empty patch', async () => {
    const { client } = thief;
    expect(await outcome(client.get(kinds.secrets, 'default', 'theirs'))).toBe('forbidden');
    expect(await outcome(client.list(kinds.secrets, { namespace: 'default' }))).toBe('forbidden');
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: theirs };
    expect(await outcome(patch('secrets'))).toBe('forbidden');
    expect(await outcome(client.apply(object))).toBe('forbidden');
    expect(await outcome(client.replace(object))).toBe('forbidden');
    expect(await outcome(client.create(object))).toBe('forbidden');
  });

  test.each(all)('changes and deletes none of the %s of others', async (kind) => {
    const before = await world.cluster.kubectlOk(['get', kind, 'theirs', '-o', 'json']);
    const { client } = thief;
    expect(await outcome(patch(kind))).toBe('forbidden');
    expect(await outcome(patch(kind, { metadata: { annotations: { stolen: 'yes' } } }))).toBe('forbidden');
    expect(await outcome(client.apply(objects[kind]))).toBe('forbidden');
    expect(await outcome(client.delete(kinds[kind], 'default', 'theirs'))).toBe('forbidden');
    expect(JSON.parse(await world.cluster.kubectlOk(['get', kind, 'theirs', '-o', 'json']))).toMatchObject({
      metadata: {
        resourceVersion: (JSON.parse(before) as { metadata: { resourceVersion: string } }).metadata.resourceVersion,
      },
    });
  });

  test.each(all)('creates no %s that no DistillJob controls', async (kind) => {
    const object = objects[kind];
    const made = thief.client.create({ ...object, metadata: { ...object.metadata, name: 'made' } });
    expect(await outcome(made)).toBe('forbidden');
  });

  test('creates no workload with a token or a folder of the host, whatever controls it', async () => {
    const { cluster } = world;
    await cluster.apply(someJob({ name: 'owner', pools, spec: { suspend: true } }));
    const { name, uid } = (await world.job('owner'))!.metadata;
    const ownerReferences = [
      { apiVersion: 'distillery.dev/v1alpha1', kind: 'DistillJob', name, uid, controller: true },
    ];
    const made = (spec: object): Promise<string> =>
      outcome(
        thief.client.create({
          ...objects.deployments,
          metadata: { name: 'made', namespace: 'default', ownerReferences },
          spec: {
            ...objects.deployments.spec,
            template: { metadata: { labels }, spec: { ...template.spec, ...spec } },
          },
        }),
      );
    const token = { projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } };
    for (const spec of [
      {},
      { automountServiceAccountToken: true },
      { automountServiceAccountToken: false, hostNetwork: true },
      { automountServiceAccountToken: false, volumes: [{ name: 'a', hostPath: { path: '/' } }] },
      { automountServiceAccountToken: false, volumes: [{ name: 'a', ...token }] },
    ]) {
      expect([spec, await made(spec)]).toEqual([spec, 'forbidden']);
    }
    expect(await made({ automountServiceAccountToken: false })).toBe('done');
    await remove('owner');
    await until('what it controlled to go', async () => {
      return (await cluster.kubectl(['get', 'deployment', 'made'])).code !== 0;
    });
  });

  test('may only change pods of its jobs, and only one annotation of them', async () => {
    const { cluster } = world;
    await cluster.apply({ ...objects.pods, metadata: { ...theirs, name: 'worker', labels } });
    const change = (fields: Record<string, unknown>): Promise<string> =>
      outcome(thief.client.patch(kinds.pods, 'default', 'worker', fields));
    const cost = { 'controller.kubernetes.io/pod-deletion-cost': '-1' };
    expect(await change({ metadata: { annotations: cost } })).toBe('done');
    expect(await change({ metadata: { annotations: { ...cost, other: 'x' } } })).toBe('forbidden');
    expect(await change({ metadata: { labels: { app: 'x' } } })).toBe('forbidden');
    const { spec } = JSON.parse(await cluster.kubectlOk(['get', 'pod', 'worker', '-o', 'json'])) as {
      spec: { containers: object[] };
    };
    const containers = spec.containers.map((one) => ({ ...one, image: 'y' }));
    expect(await change({ spec: { containers } })).toBe('forbidden');
    expect(await change({ metadata: { finalizers: ['example.com/stays'] } })).toBe('forbidden');
    await cluster.kubectlOk(['delete', 'pod', 'worker', '--now']);
  });
});

describe('the rights of the chart', () => {
  /** Those of the tests above are meant. */
  let since = 0;
  beforeAll(async () => {
    since = (await refusals()).length;
  });

  test('suffice for a whole life of a job', async () => {
    const { cluster } = world;
    await cluster.apply(someJob({ name: 'whole', pools, spec: { ttlSecondsAfterFinished: 1 } }));
    const uid = await world.uidOf('whole');
    await until(
      'its pods',
      async () =>
        (await world.running(uid, 'teacher')).length === 1 && (await world.running(uid, 'student')).length === 1,
    );
    await until('its Events', async () =>
      (await cluster.kubectlOk(['describe', 'distilljob', 'whole'])).includes('TeachersScaled'),
    );
    await cluster.kubectlOk(['patch', 'distilljob', 'whole', '--type=merge', '-p', '{"spec":{"suspend":true}}']);
    await until('it to be suspended', async () => (await world.running(uid, 'student')).length === 0);
    await cluster.kubectlOk(['patch', 'distilljob', 'whole', '--type=merge', '-p', '{"spec":{"suspend":false}}']);
    await until('it to go on', async () => (await world.running(uid, 'student')).length === 1);
    const [student] = await world.running(uid, 'student');
    await cluster.endPod('default', student!.name, { exitCode: 0 });
    await until('its time to be over', async () => (await world.job('whole')) === null);
    await until('nothing of it', async () => (await world.owned(uid)).length === 0);
    expect((await refusals()).slice(since)).toEqual([]);
  });

  test('to see autoscalers may be absent, as in an older chart: the operator is ready without it', async () => {
    const [role] = await rolesOfChart();
    await without(role!, 'horizontalpodautoscalers', 'list', async () => {
      const before = (await refusals()).length;
      const standby = await startOperator(world.cluster, { nats: world.nats, kubeconfig, namespace, standby: true });
      await until('its readiness', async () => (await standby.ask('/readyz')).status === 200);
      await until('its refusal', async () => (await refusals()).length > before);
      const reports = (await standby.log()).filter(({ resource }) => resource === 'horizontalpodautoscalers');
      expect(reports.map(({ msg }) => msg)).toEqual(['optional resource not readable by this account']);
      await standby.process.kill();
    });
  });

  test('are all needed: without any of them a request fails', async () => {
    const { cluster } = world;
    const missed: string[] = [];
    let jobs = 0;
    // A candidate may create it once more before the API server knows of the missing right.
    const deleteLease = async (): Promise<void> => {
      await cluster.kubectlOk(['-n', namespace, 'delete', 'lease', 'distillery-operator', '--ignore-not-found']);
    };
    const noticed = async (
      resource: string,
      verb: string,
      before: number,
      provoke = (): Promise<void> => Promise.resolve(),
    ): Promise<void> => {
      await until(`a refusal for want of ${verb} ${resource}`, async () => {
        await provoke();
        return (await refusals()).length > before;
      });
      missed.push(`${verb} ${resource}`);
    };
    for (const role of await rolesOfChart()) {
      // This cluster has no Kueue; kueue.test.ts is about those rights.
      for (const { resources, verbs } of role.rules.filter(({ apiGroups }) => !apiGroups.includes(kueue.group))) {
        for (const resource of resources) {
          for (const verb of verbs) {
            const before = (await refusals()).length;
            if (resource === 'leases' || verb === 'list' || verb === 'watch') {
              // Asked for when a process starts; the verbs of the Lease by candidates.
              const ofCreation = resource === 'leases' && verb === 'create';
              // Until here nothing was taken that it cannot wait for; its lease it cannot do without.
              if (ofCreation) expect(leader.process.running).toBe(true);
              await without(role, resource, verb, async () => {
                const standby = await startOperator(cluster, {
                  nats: world.nats,
                  kubeconfig,
                  namespace,
                  standby: true,
                });
                await noticed(resource, verb, before, ofCreation ? deleteLease : undefined);
                await standby.process.kill();
              });
              continue;
            }
            const name = `job-${String(++jobs)}`;
            if (resource === 'pods') {
              await shrinking(name, (shrink) => {
                return without(role, resource, verb, async () => {
                  await shrink();
                  await noticed(resource, verb, before);
                });
              });
              await remove(name);
              continue;
            }
            if (isOfChanges(resource, verb)) {
              await cluster.apply(someJob({ name, pools }));
              const uid = await world.uidOf(name);
              await until('its pods', async () => (await world.running(uid, 'teacher')).length === 1);
              await until('its student', async () => (await world.running(uid, 'student')).length === 1);
              await without(role, resource, verb, async () => {
                await disturb(name, resource);
                await noticed(resource, verb, before);
              });
              await remove(name);
              continue;
            }
            if (verb === 'delete') {
              const spec = resource === 'distilljobs' ? { ttlSecondsAfterFinished: 0 } : {};
              await cluster.apply(someJob({ name, pools, spec }));
              const uid = await world.uidOf(name);
              await until(
                'its pods',
                async () =>
                  (await world.running(uid, 'teacher')).length === 1 &&
                  (await world.running(uid, 'student')).length === 1,
              );
              await without(role, resource, verb, async () => {
                if (resource === 'distilljobs') {
                  const [student] = await world.running(uid, 'student');
                  await cluster.endPod('default', student!.name, { exitCode: 0 });
                } else {
                  await cluster.kubectlOk(['delete', 'distilljob', name, '--wait=false']);
                }
                await noticed(resource, verb, before);
              });
              await until('the job to be gone', async () => (await world.job(name)) === null);
              continue;
            }
            await without(role, resource, verb, async () => {
              await cluster.apply(someJob({ name, pools }));
              if (resource === 'events' && verb === 'patch') await said(name);
              await noticed(resource, verb, before);
            });
            await remove(name);
          }
        }
      }
    }
    expect(missed.length).toBeGreaterThan(25);
  });
});

/** Our objects, by what is at the end of their names. */
const endings: Readonly<Record<string, string>> = {
  deployments: 'teacher-gpu',
  jobs: 'student',
  serviceaccounts: 'distill',
  networkpolicies: 'distill',
};

/** A right that is asked for when something of ours was changed, and not when it is made. */
function isOfChanges(resource: string, verb: string): boolean {
  return (verb === 'patch' && resource in endings) || (verb === 'update' && /^(configmaps|secrets)$/.test(resource));
}

/** Has the operator write what it has written before. */
async function disturb(name: string, resource: string): Promise<void> {
  const ending = endings[resource];
  if (ending !== undefined) {
    await world.cluster.kubectlOk(['annotate', resource, `${name}-${ending}`, 'distillery.dev/applied-']);
    return;
  }
  // What a workload needs may be gone when the workload is: all of it is written again.
  await world.cluster.kubectlOk(['delete', 'deployment', `${name}-teacher-gpu`]);
}

/** Runs `work` with a job of two teachers and the means to leave it one: the operator says which of them goes. */
async function shrinking(name: string, work: (shrink: () => Promise<void>) => Promise<void>): Promise<void> {
  const poolOf = (maxReplicas: number): object[] => [{ ...pools[0], maxReplicas }];
  await world.cluster.apply(someJob({ name, pools: poolOf(2) }));
  const uid = await world.uidOf(name);
  await until('two teachers', async () => (await world.running(uid, 'teacher')).length === 2);
  await work(async () => {
    await world.cluster.apply(someJob({ name, pools: poolOf(1) }));
  });
}

/** Makes the operator say the same thing of a job twice: suspends and resumes it again and again. */
async function said(name: string): Promise<void> {
  for (const suspend of [true, false, true, false]) {
    await world.cluster.kubectlOk([
      'patch',
      'distilljob',
      name,
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { suspend } }),
    ]);
    await until('the condition', async () =>
      (await world.condition(name, 'Suspended')).startsWith(suspend ? 'True' : 'False'),
    );
  }
}
