/**
 * Devices of dynamic resource allocation: teachers take those that are free, and give them back to a pod that claims them. The
 * scheduler preempts no pod for a device, so that the operator's yielding is the only way back. Real API server, scheduler and
 * claim controller; the driver is a test that publishes slices.
 */
import { execFile } from 'node:child_process';
import { isDeepStrictEqual, promisify } from 'node:util';

import { afterAll, beforeAll, test } from '@jest/globals';

import type { NodeRow } from '../../../src/cli/cluster/top.js';
import { until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { TelemetryPublisher } from '../../kit/cluster/telemetry-publisher.js';
import { distillProgram } from '../../kit/programs.js';

const driver = 'gpu.example.com';
const perNode = 2;
const apiVersion = 'resource.k8s.io/v1';
/** What its devices are to pods that name resources (KEP-5004). */
const extendedResource = 'example.com/gpu';

let world: OperatorCluster;
let operator: RunningOperator;
let telemetry: TelemetryPublisher;

/** Claims this number of devices. */
const template = (name: string, count: number): object => ({
  apiVersion,
  kind: 'ResourceClaimTemplate',
  metadata: { name, namespace: 'default' },
  spec: { spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: driver, count } }] } } },
});

/** What a driver publishes of a node. */
const slice = (nodeName: string): object => ({
  apiVersion,
  kind: 'ResourceSlice',
  metadata: { name: `${nodeName}-${driver}` },
  spec: {
    driver,
    nodeName,
    pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
    devices: Array.from({ length: perNode }, (_, at) => ({ name: `gpu-${String(at)}` })),
  },
});

const claiming = (name: string): object => ({
  resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: name }],
  containers: [{ name: 'worker', resources: { claims: [{ name: 'gpu' }] } }],
});

beforeAll(async () => {
  world = await OperatorCluster.create({ featureGates: { DRAExtendedResource: true } });
  await world.cluster.addNodes(2, {});
  const { items } = await world.cluster.api.get<{ items: { metadata: { name: string } }[] }>('/api/v1/nodes');
  await world.cluster.apply(
    {
      apiVersion,
      kind: 'DeviceClass',
      metadata: { name: driver },
      spec: {
        selectors: [{ cel: { expression: `device.driver == "${driver}"` } }],
        extendedResourceName: extendedResource,
      },
    },
    template('one', 1),
    template('both', perNode),
    ...items.map(({ metadata }) => slice(metadata.name)),
  );
  operator = await startOperator(world.cluster, { nats: world.nats });
  telemetry = TelemetryPublisher.start(world);
});
afterAll(async () => {
  await telemetry.stop();
  await world.close();
});

/** What `distill top` says of the nodes with devices. */
async function devicesByNode(): Promise<readonly NodeRow[]> {
  const args = [distillProgram, 'top', '--json', '--kubeconfig', world.cluster.kubeconfig];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { nodes } = JSON.parse(stdout) as { readonly nodes: readonly NodeRow[] };
  return nodes.filter(({ resource }) => resource === `dra/${driver}`);
}

/** Waits for it: what a pod holds is written a moment after it runs. @param expected the nodes with the fewest others first */
async function devicesAre(expected: readonly Partial<NodeRow>[]): Promise<void> {
  let found: readonly NodeRow[] = [];
  await until(
    `the devices of each node to be ${JSON.stringify(expected)}`,
    async () => {
      found = [...(await devicesByNode())].sort((a, b) => a.others - b.others);
      return (
        found.length === expected.length &&
        expected.every((wanted, node) => isDeepStrictEqual({ ...found[node], ...wanted }, { ...found[node] }))
      );
    },
    () => JSON.stringify(found),
  );
}

async function urgentRuns(what: string): Promise<void> {
  await until(
    what,
    async () => {
      const pod = await world.cluster.api.get<{ status: { phase: string } }>('/api/v1/namespaces/default/pods/urgent');
      return pod.status.phase === 'Running';
    },
    () => world.cluster.kubectlOk(['describe', 'pods,resourceclaims,distilljobs']),
  );
}

async function settled(uid: string, wanted: number): Promise<void> {
  let seen = '';
  await until(
    `${String(wanted)} teachers, and none that waits`,
    async () => {
      const pods = await world.pods(uid, 'teacher');
      seen = pods.map(({ name, phase, terminating }) => `${name} ${terminating ? 'leaving' : phase}`).join(', ');
      return pods.length === wanted && pods.every(({ phase, terminating }) => phase === 'Running' && !terminating);
    },
    async () => `${seen}\n${JSON.stringify((await operator.log()).slice(-5))}`,
  );
}

test('teachers take every free device, yield to a pod that claims some, and come back', async () => {
  const pools = [{ name: 'gpu', maxReplicas: 20, template: { spec: claiming('one') } }];
  await world.cluster.apply(someJob({ name: 'devices', pools }));
  const uid = await world.uidOf('devices');
  telemetry.needs(uid, 30);
  await settled(uid, 2 * perNode);
  await until('the reason', async () =>
    (await world.cluster.kubectlOk(['describe', 'distilljob', 'devices'])).includes('4 of 20: 4 free slots'),
  );

  await world.cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'urgent', namespace: 'default' },
    spec: {
      ...claiming('both'),
      containers: [{ name: 'worker', image: 'x', resources: { claims: [{ name: 'gpu' }] } }],
    },
  });
  await urgentRuns('the pod that claims two devices of one node to run');
  await settled(uid, perNode);
  const shared = { resource: `dra/${driver}`, all: perNode, students: 0, free: 0 };
  await devicesAre([
    { ...shared, teachers: perNode, others: 0 },
    { ...shared, teachers: 0, others: perNode },
  ]);

  await world.cluster.kubectlOk(['delete', 'pod', 'urgent', '--wait=false']);
  await settled(uid, 2 * perNode);
});

test('a driver that takes a device away is followed', async () => {
  const uid = await world.uidOf('devices');
  const { items } = await world.cluster.api.get<{ items: { metadata: { name: string }; spec: object }[] }>(
    `/apis/${apiVersion}/resourceslices`,
  );
  const [gone] = items;
  telemetry.needs(uid, 0);
  await world.cluster.kubectlOk(['delete', 'distilljob', 'devices', '--timeout=120s']);
  await world.cluster.kubectlOk(['delete', 'resourceslice', gone!.metadata.name]);
  await world.cluster.apply(
    someJob({ name: 'fewer', pools: [{ name: 'gpu', maxReplicas: 20, template: { spec: claiming('one') } }] }),
  );
  const fewer = await world.uidOf('fewer');
  telemetry.needs(fewer, 30);
  await settled(fewer, perNode);
});

test('devices that pods name as an extended resource are the same ones', async () => {
  telemetry.needs(await world.uidOf('fewer'), 0);
  await world.cluster.kubectlOk(['delete', 'distilljob', 'fewer', '--timeout=120s']);
  await world.cluster.apply(
    someJob({ name: 'extended', pools: [{ name: 'gpu', resource: extendedResource, maxReplicas: 20 }] }),
  );
  const uid = await world.uidOf('extended');
  telemetry.needs(uid, 30);
  await settled(uid, perNode);
  await devicesAre([{ all: perNode, teachers: perNode, others: 0, free: 0 }]);

  const limits = { [extendedResource]: String(perNode) };
  await world.cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'urgent', namespace: 'default' },
    spec: { containers: [{ name: 'worker', image: 'x', resources: { limits } }] },
  });
  await urgentRuns('the pod that names the extended resource to run');
  await settled(uid, 0);
  await devicesAre([{ all: perNode, teachers: 0, others: perNode, free: 0 }]);

  await world.cluster.kubectlOk(['delete', 'pod', 'urgent', '--wait=false']);
  await settled(uid, perNode);
});
