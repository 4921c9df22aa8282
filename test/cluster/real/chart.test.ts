/**
 * Installed as a platform engineer would: helm, a Secret for NATS, and the operator's image as pods under its own rights.
 * A job runs through it to the end; its model goes to a claim, which is the other place that it may go to.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { repositoryRoot, until } from '../../kit/cluster/index.js';
import { chartFolder, helm, sets } from '../../kit/cluster/helm.js';
import { hostAddress, realPodsAvailable, type RealCluster, startRealCluster } from '../../kit/cluster/real/index.js';
import { imageValues } from '../../kit/cluster/real/release.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { smallMnist } from '../../kit/mnist.js';
import { startOperatorNats } from '../../kit/nats-operator.js';

const available = await realPodsAvailable();
if (!available.ok) process.stderr.write(`real pods: left out: ${available.why}\n`);
const real = available.ok ? describe : describe.skip;

const system = 'distillery-system';
const small = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } };
const template = { spec: { containers: [{ name: 'worker', resources: small }] } };

real('the chart', () => {
  let folder: string;
  let cluster: RealCluster;
  let world: OperatorCluster;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'distillery-chart-'));
    mkdirSync(join(folder, 'data'));
    mkdirSync(join(folder, 'out'));
    cpSync(join(repositoryRoot, 'examples/mnist/models'), join(folder, 'data/models'), { recursive: true });
    smallMnist(join(folder, 'data/mnist'), { train: 2_000, test: 500 });
    cluster = await startRealCluster({ images: ['operator', 'worker'], audit: 'Metadata' });
    world = await OperatorCluster.around(cluster, await startOperatorNats({ host: hostAddress, mode: 'accounts' }));
    await cluster.kubectlOk(['delete', 'priorityclass', 'distillery-teacher']);
    await cluster.pvcFromFolder('default', 'data', join(folder, 'data'));
    await cluster.pvcFromFolder('default', 'out', join(folder, 'out'), { writable: true });
  });
  afterAll(async () => {
    await world.close();
  });

  test('brings up an operator that leads, under the restricted standard', async () => {
    await cluster.apply(
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: system, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
      },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'nats', namespace: system },
        stringData: {
          'system.creds': world.nats.accounts.systemCreds,
          'operator-signing.seed': world.nats.accounts.operatorSigningSeed,
        },
      },
    );
    const values = sets({
      'nats.url': world.nats.url,
      'nats.existingSecret': 'nats',
      ...imageValues('image', cluster.images.operator),
      ...imageValues('worker', cluster.images.worker),
      leaseSeconds: '5',
      // The kit has applied the CRD.
      'crds.install': 'false',
    });
    await helm(['install', 'distillery', chartFolder, '-n', system, ...values], cluster.kubeconfig);
    await cluster.kubectlOk(['-n', system, 'rollout', 'status', 'deployment/distillery', '--timeout=120s']);
    await until('a leader', async () => {
      const lease = await cluster.kubectl([
        '-n',
        system,
        'get',
        'lease',
        'distillery-operator',
        '-o',
        'jsonpath={.spec.holderIdentity}',
      ]);
      return lease.stdout.startsWith('distillery-');
    });
  });

  test('runs a job to the end, whose model and checkpoints lie in a claim, and no right is missed', async () => {
    await cluster.apply({
      apiVersion: 'distillery.dev/v1alpha1',
      kind: 'DistillJob',
      metadata: { name: 'claimed', namespace: 'default' },
      spec: {
        dataset: { uri: 'pvc://data/mnist' },
        training: { batchSize: 64, epochs: 2, seed: 3 },
        teacher: {
          model: { uri: 'pvc://data/models/teacher.onnx' },
          pools: [{ name: 'cpu', maxReplicas: 1, template }],
        },
        logits: { maxBytes: '64Mi' },
        student: {
          model: { uri: 'pvc://data/models/student.json' },
          checkpoint: { everySteps: 20, store: 'pvc://out/checkpoints' },
          output: { store: 'pvc://out/model' },
          template,
        },
      },
    });
    await until(
      'the job to complete',
      async () => (await world.condition('claimed', 'Complete')) === 'True AllStepsTrained',
      async () => JSON.stringify((await world.job('claimed'))?.status, null, 1),
    );
    const metrics = JSON.parse(readFileSync(join(folder, 'out/model/metrics.json'), 'utf8')) as { digest: string };
    expect((await world.job('claimed'))?.status?.result?.digest).toBe(metrics.digest);
    const refused = (await cluster.audit.events()).filter(
      ({ user, responseStatus }) => user.username.endsWith(':distillery') && responseStatus?.code === 403,
    );
    expect(refused).toEqual([]);
  });

  test('hands over from a leader that is deleted', async () => {
    const holder = async (): Promise<string> =>
      (
        await cluster.kubectlOk([
          '-n',
          system,
          'get',
          'lease',
          'distillery-operator',
          '-o',
          'jsonpath={.spec.holderIdentity}',
        ])
      ).split('_')[0] ?? '';
    const first = await holder();
    await cluster.kubectlOk(['-n', system, 'delete', 'pod', first, '--timeout=60s']);
    await until('another leader', async () => !['', first].includes(await holder()));
    const uid = await world.uidOf('claimed');
    await cluster.kubectlOk(['delete', 'distilljob', 'claimed', '--timeout=120s']);
    await until('nothing of it', async () => (await world.owned(uid)).length === 0);
    expect((await world.streams(uid)).state).toBe('Absent');
  });
});
