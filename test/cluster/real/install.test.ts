/**
 * One command on an empty cluster: the release brings the CRD, NATS with its keys, and the operator. A job runs through it while the
 * release is upgraded, and after the removal nothing is left but what the chart's README names.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { repositoryRoot, until } from '../../kit/cluster/index.js';
import { chartFolder, helm, sets } from '../../kit/cluster/helm.js';
import { type Image, realPodsAvailable, type RealCluster, startRealCluster } from '../../kit/cluster/real/index.js';
import { smallMnist } from '../../kit/mnist.js';

const available = await realPodsAvailable();
if (!available.ok) process.stderr.write(`real pods: left out: ${available.why}\n`);
const real = available.ok ? describe : describe.skip;

const system = 'distillery-system';
const small = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } };
const template = { spec: { containers: [{ name: 'worker', resources: small }] } };
const ofServer = 'app.kubernetes.io/name=distillery-nats,app.kubernetes.io/instance=distillery';

interface Status {
  readonly phase?: string;
  readonly progress?: { readonly step?: number };
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
}

real('helm install on an empty cluster', () => {
  let folder: string;
  let cluster: RealCluster;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'distillery-install-'));
    for (const name of ['data', 'out', 'nats']) mkdirSync(join(folder, name));
    cpSync(join(repositoryRoot, 'examples/mnist/models'), join(folder, 'data/models'), { recursive: true });
    smallMnist(join(folder, 'data/mnist'), { train: 4_000, test: 500 });
    cluster = await startRealCluster({ images: ['operator', 'worker', 'nats'], crds: [], names: true });
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: system, labels } });
    // The kit has no StorageClass that makes volumes; the StatefulSet takes a claim of its name.
    await cluster.pvcFromFolder(system, 'data-distillery-nats-0', join(folder, 'nats'), { writable: true });
    await cluster.kubectlOk(['-n', system, 'label', 'pvc', 'data-distillery-nats-0', ...ofServer.split(',')]);
    await cluster.pvcFromFolder('default', 'data', join(folder, 'data'));
    await cluster.pvcFromFolder('default', 'out', join(folder, 'out'), { writable: true });
  });
  afterAll(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const imagesOf = (): Record<string, string> => ({
    ...imageValues('image', cluster.images.operator),
    ...imageValues('worker', cluster.images.worker),
    ...imageValues('nats.image', cluster.images.nats),
  });
  const helmOk = (...args: string[]): Promise<string> => helm([...args, '-n', system], cluster.kubeconfig);
  const uidOf = async (...args: string[]): Promise<string> =>
    (await cluster.kubectlOk(['get', ...args, '-o', 'jsonpath={.metadata.uid}'])).trim();
  const status = async (): Promise<Status> =>
    JSON.parse((await cluster.kubectlOk(['get', 'distilljob', 'mnist', '-o', 'jsonpath={.status}'])) || '{}') as Status;

  test('is one command, after which everything is ready', async () => {
    const values = sets({ ...imagesOf(), 'nats.enabled': 'true', 'nats.storage.size': '6Gi', leaseSeconds: '5' });
    await helmOk('install', 'distillery', chartFolder, ...values, '--wait', '--timeout', '10m');
    expect(await helmOk('test', 'distillery')).toMatch(/Phase: +Succeeded/);
    // The jobs of hooks are gone, and the pod of the test.
    expect((await cluster.kubectlOk(['-n', system, 'get', 'job,role', '-o', 'name'])).trim()).toBe(
      'role.rbac.authorization.k8s.io/distillery',
    );
  });

  test('runs a job, which does not notice an upgrade of the release', async () => {
    await cluster.apply({
      apiVersion: 'distillery.dev/v1alpha1',
      kind: 'DistillJob',
      metadata: { name: 'mnist', namespace: 'default' },
      spec: {
        dataset: { uri: 'pvc://data/mnist' },
        training: { batchSize: 64, epochs: 4, seed: 3 },
        teacher: {
          model: { uri: 'pvc://data/models/teacher.onnx' },
          pools: [{ name: 'cpu', maxReplicas: 1, template }],
        },
        logits: { maxBytes: '64Mi' },
        student: {
          model: { uri: 'pvc://data/models/student.json' },
          checkpoint: { everySteps: 20 },
          output: { store: 'pvc://out/model' },
          template,
        },
      },
    });
    await until('the student to train', async () => ((await status()).progress?.step ?? 0) > 0);
    const student = ['-n', 'default', 'job', '-l', 'app.kubernetes.io/component=student'];
    const uids = async (): Promise<string[]> => [
      await cluster.kubectlOk(['get', ...student, '-o', 'jsonpath={.items[*].metadata.uid}']),
      await uidOf('-n', system, 'pod', 'distillery-nats-0'),
      await uidOf('-n', system, 'secret', 'distillery-nats-keys'),
    ];
    const before = await uids();
    const more = ['--reset-then-reuse-values', '--set', 'logLevel=debug', '--wait', '--timeout', '10m'];
    await helmOk('upgrade', 'distillery', chartFolder, ...more);
    expect(await uids()).toEqual(before);
    await until(
      'the job to complete',
      async () => (await status()).phase === 'Succeeded',
      async () => JSON.stringify(await status(), null, 1),
    );
  });

  test('is removed by the commands of the README, and leaves nothing but the CRD', async () => {
    await cluster.kubectlOk(['delete', 'distilljobs', '--all', '-A', '--timeout=120s']);
    await helmOk('uninstall', 'distillery', '--wait', '--timeout', '10m');
    const all =
      'deployments,statefulsets,jobs,pods,services,secrets,configmaps,pvc,roles,rolebindings,leases,networkpolicies';
    const left = async (): Promise<string[]> =>
      (await cluster.kubectlOk(['-n', system, 'get', all, '-o', 'name']))
        .split('\n')
        .filter((name) => name !== '' && name !== 'configmap/kube-root-ca.crt');
    // helm does not wait for pods of a Deployment.
    await until('the pods to end', async () => !(await left()).some((name) => name.startsWith('pod/')));
    expect(await left()).toEqual(['secret/distillery-nats-keys', 'persistentvolumeclaim/data-distillery-nats-0']);
    await cluster.kubectlOk(['-n', system, 'delete', 'pvc,secret', '-l', ofServer]);
    expect(await left()).toEqual([]);
    const ours = ['clusterroles,clusterrolebindings,crd,priorityclasses,validatingadmissionpolicies', '-o', 'name'];
    const names = (await cluster.kubectlOk(['get', ...ours])).split('\n').filter((name) => name.includes('distill'));
    expect(names).toEqual(['customresourcedefinition.apiextensions.k8s.io/distilljobs.distillery.dev']);
  });
});

/** `localhost/distillery/operator:abc` as the values of an image. */
function imageValues(key: string, { name }: Image): Record<string, string> {
  const at = name.lastIndexOf(':');
  return {
    [`${key}.repository`]: name.slice(0, at),
    [`${key}.tag`]: name.slice(at + 1),
    [`${key}.pullPolicy`]: 'Never',
  };
}
