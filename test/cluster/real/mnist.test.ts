/**
 * The main job in a cluster, with nothing simulated: real pods of our images under the restricted standard, real streams,
 * real data. Whatever is done to its pods, the weights are those of an undisturbed run on this machine (I1, I9).
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { repositoryRoot, until } from '../../kit/cluster/index.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import {
  hostAddress,
  realPodsAvailable,
  type RealCluster,
  restrictedPod,
  startRealCluster,
} from '../../kit/cluster/real/index.js';
import { clusterQueue, localQueue, startKueue } from '../../kit/cluster/kueue.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { manyJobs, startOperatorNats } from '../../kit/nats-operator.js';

const available = await realPodsAvailable();
if (!available.ok) process.stderr.write(`real pods: left out: ${available.why}\n`);
const real = available.ok ? describe : describe.skip;

const namespace = 'strict';
const training = { batchSize: 64, epochs: 8, seed: 7, augment: { shift: 1, noise: 0.05 } };
const optimizer = { name: 'adam', learningRate: 0.002 };
const small = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } };
const template = { spec: { containers: [{ name: 'worker', resources: small }] } };

type Spec = Readonly<Record<string, unknown>>;

function job(name: string, change: Spec = {}): object {
  return {
    apiVersion: 'distillery.dev/v1alpha1',
    kind: 'DistillJob',
    metadata: { name, namespace },
    spec: {
      dataset: { uri: 'pvc://data/mnist' },
      training,
      teacher: {
        model: { format: 'onnx', uri: 'pvc://data/models/teacher.onnx' },
        bufferTargetSeconds: 2,
        pools: [{ name: 'cpu', minReplicas: 2, maxReplicas: 2, template }],
      },
      logits: { maxBytes: '64Mi' },
      student: {
        model: { uri: 'configmap://models/student.json' },
        optimizer,
        checkpoint: { everySteps: 20, keep: 2 },
        template,
      },
      ...change,
    },
  };
}

real('the main job in a cluster of real pods', () => {
  let folder: string;
  let cluster: RealCluster;
  let world: OperatorCluster;
  let operator: RunningOperator;
  let expected: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'distillery-real-'));
    const data = join(folder, 'data');
    mkdirSync(join(data, 'models'), { recursive: true });
    cpSync(join(repositoryRoot, 'examples/mnist/models'), join(data, 'models'), { recursive: true });
    const uri = smallMnist(join(data, 'mnist'), { train: 4_000, test: 500 });
    cluster = await startRealCluster({ nodes: 2, audit: 'Metadata' });
    world = await OperatorCluster.around(
      cluster,
      await startOperatorNats({ host: hostAddress, limits: manyJobs, mode: 'accounts' }),
    );
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    await cluster.pvcFromFolder(namespace, 'data', data);
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'models', namespace },
      data: { 'student.json': readFileSync(join(data, 'models/student.json'), 'utf8') },
    });
    operator = await startOperator(cluster, { nats: world.nats, image: cluster.images.worker.name });
    // The same job on this machine, undisturbed.
    const file = writeSmallJob(folder, uri, (spec) => Object.assign(spec, { training, logits: { maxBytes: '64Mi' } }));
    const local = new DistillProcess(['run', file, '--dir', join(folder, 'run'), '--json']);
    expect(await local.ended()).toBe(0);
    expected = local.result?.digest ?? '';
    expect(expected).toMatch(/^[0-9a-f]{64}$/);
  });
  afterAll(async () => {
    await world.close();
  });

  const step = async (name: string): Promise<number> => (await world.job(name, namespace))?.status?.progress?.step ?? 0;
  const complete = async (name: string): Promise<void> => {
    await until(
      `${name} to complete`,
      async () => {
        const failed = await world.message(name, 'Failed', namespace);
        if ((await world.condition(name, 'Failed', namespace)).startsWith('True')) throw new Error(failed);
        return (await world.condition(name, 'Complete', namespace)) === 'True AllStepsTrained';
      },
      async () => JSON.stringify((await world.job(name, namespace))?.status, null, 1),
    );
  };
  /** The running student's pod, one that is not in `before`. */
  const student = async (name: string, before: readonly string[] = []): Promise<string> => {
    const uid = await world.uidOf(name, namespace);
    let found = '';
    await until(`a student of ${name}`, async () => {
      const [pod] = (await world.running(uid, 'student', namespace)).filter((one) => !before.includes(one.name));
      found = pod?.name ?? '';
      return found !== '';
    });
    return found;
  };
  const trained = (name: string, beyond: number): Promise<void> =>
    until(`step ${String(beyond)} of ${name}`, async () => (await step(name)) >= beyond);

  test('ends with the weights of `distill run`, by two teachers and a student under the restricted standard', async () => {
    await cluster.apply(job('mnist'));
    const uid = await world.uidOf('mnist', namespace);
    await until('two teachers', async () => (await world.running(uid, 'teacher', namespace)).length === 2);
    await complete('mnist');
    const { status } = (await world.job('mnist', namespace))!;
    expect(status).toMatchObject({
      phase: 'Succeeded',
      result: { digest: expected },
      disruptions: { student: 0 },
      failures: 0,
    });
    await until('the slots to be given back', async () => (await world.pods(uid, 'teacher', namespace)).length === 0);
    const { stdout } = await cluster.kubectl(['-n', namespace, 'get', 'distilljob', 'mnist']);
    expect(stdout).toMatch(
      /NAME +PHASE +REASON +STEP +% +SAMPLES\/S +TEACHERS +ETA +AGE\s+mnist +Succeeded +504\/504 +100/,
    );
  });

  test('whose model comes home with `distill fetch`, its digest checked', async () => {
    const fetched = new DistillProcess([
      'fetch',
      'mnist',
      '-n',
      namespace,
      '--kubeconfig',
      cluster.kubeconfig,
      '-o',
      join(folder, 'fetched'),
    ]);
    expect([await fetched.ended(), fetched.stderr]).toEqual([0, '']);
    const metrics = JSON.parse(readFileSync(join(folder, 'fetched/metrics.json'), 'utf8')) as { digest: string };
    expect(metrics.digest).toBe(expected);
  });

  test('whose report has the curves of its training, from the history that the operator kept', async () => {
    const page = join(folder, 'mnist.html');
    const args = ['report', 'mnist', '-n', namespace, '--kubeconfig', cluster.kubeconfig, '-o', page];
    const reporting = new DistillProcess(args);
    expect([await reporting.ended(), reporting.stderr]).toEqual([0, '']);
    expect(reporting.plain.filter((line) => line.startsWith('missing'))).toEqual([]);
    const text = readFileSync(page, 'utf8');
    for (const id of ['loss', 'throughput', 'buffer', 'teachers']) expect(text).toContain(`id="${id}"`);
  });

  test('continues from its checkpoint when its student is deleted, evicted, drained, out of memory, or its kubelet restarts', async () => {
    await cluster.apply(job('rough'));
    const first = await student('rough');
    await trained('rough', 40);
    await cluster.kubectlOk(['-n', namespace, 'delete', 'pod', first, '--wait=false']);

    const second = await student('rough', [first]);
    await trained('rough', (await step('rough')) + 30);
    await cluster.api.post(`/api/v1/namespaces/${namespace}/pods/${second}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: second, namespace },
    });

    const third = await student('rough', [first, second]);
    await trained('rough', (await step('rough')) + 30);
    const node = await nodeOf(third);
    await cluster.kubectlOk([
      'drain',
      node,
      '--ignore-daemonsets',
      '--delete-emptydir-data',
      '--force',
      '--timeout=120s',
    ]);

    const fourth = await student('rough', [first, second, third]);
    expect(await nodeOf(fourth)).not.toBe(node);
    await cluster.kubectlOk(['uncordon', node]);
    await trained('rough', (await step('rough')) + 30);
    const host = cluster.nodes.find(({ name }) => name !== node)!;
    await host.kubelet.kill();
    await host.kubelet.start();
    await trained('rough', (await step('rough')) + 30);
    expect(await student('rough')).toBe(fourth);

    await outOfMemory(fourth);
    await complete('rough');
    const { status } = (await world.job('rough', namespace))!;
    expect(status).toMatchObject({ result: { digest: expected }, failures: 0, disruptions: { student: 4 } });
  });

  test('ends the same when its operator is killed again and again', async () => {
    await cluster.apply(job('headless'));
    let kills = 0;
    while ((await world.condition('headless', 'Complete', namespace)) !== 'True AllStepsTrained') {
      await operator.process.kill();
      kills += 1;
      operator = await startOperator(cluster, {
        nats: world.nats,
        image: cluster.images.worker.name,
        // The next one leads when the lease of the last has ended: often in the time that the job takes.
        environment: { DISTILLERY_LEASE_SECONDS: '3' },
      });
      await sleep(500);
    }
    expect(kills).toBeGreaterThan(3);
    expect((await world.job('headless', namespace))?.status).toMatchObject({
      result: { digest: expected },
      failures: 0,
    });
  });

  test('resumes bit-identical after a suspension', async () => {
    await cluster.apply(job('paused'));
    const uid = await world.uidOf('paused', namespace);
    await student('paused');
    await trained('paused', 100);
    await cluster.kubectlOk([
      '-n',
      namespace,
      'patch',
      'distilljob',
      'paused',
      '--type=merge',
      '-p',
      '{"spec":{"suspend":true}}',
    ]);
    await until('no pod of it', async () => (await world.owned(uid)).every((name) => !name.startsWith('pod/')));
    await cluster.kubectlOk([
      '-n',
      namespace,
      'patch',
      'distilljob',
      'paused',
      '--type=merge',
      '-p',
      '{"spec":{"suspend":false}}',
    ]);
    await complete('paused');
    expect((await world.job('paused', namespace))?.status).toMatchObject({
      result: { digest: expected },
      resumptions: 1,
      disruptions: { student: 0 },
    });
  });

  test('resumes bit-identical after Kueue preempted its student for a more important Job', async () => {
    await startKueue(cluster);
    await cluster.apply(
      {
        apiVersion: 'kueue.x-k8s.io/v1beta2',
        kind: 'WorkloadPriorityClass',
        metadata: { name: 'important' },
        value: 1_000,
        description: 'first',
      },
      // Room for one of the two.
      clusterQueue('team', { gpus: 0, cpu: '150m', preemption: { withinClusterQueue: 'LowerPriority' } }),
      localQueue('team', 'team', namespace),
    );
    await cluster.apply(job('queued', { queueName: 'team' }));
    const first = await student('queued');
    await trained('queued', 100);
    await cluster.apply(importantJob());
    await until(
      'the important Job to run in its place',
      async () =>
        (await world.condition('queued', 'Queued', namespace)) === 'True WaitingForQuota' &&
        (await cluster.kubectlOk(['-n', namespace, 'get', 'job', 'important', '-o', 'jsonpath={.status.ready}'])) ===
          '1',
      async () => cluster.kubectlOk(['-n', namespace, 'get', 'pods,workloads', '-o', 'wide']),
    );
    expect(await world.message('queued', 'Queued', namespace)).toMatch(/[Pp]reempted/);
    const uid = await world.uidOf('queued', namespace);
    expect(await world.pods(uid, 'student', namespace)).toEqual([]);
    const preemptedAt = await step('queued');
    expect(preemptedAt).toBeLessThan(504);
    await until(
      'its teachers to be given back',
      async () => (await world.pods(uid, 'teacher', namespace)).length === 0,
    );

    await cluster.kubectlOk(['-n', namespace, 'delete', 'job', 'important', '--timeout=120s']);
    await student('queued', [first]);
    await complete('queued');
    expect((await world.job('queued', namespace))?.status).toMatchObject({ result: { digest: expected }, failures: 0 });
  });

  test('whose student throws is charged for it, and fails with its last sentence', async () => {
    const env = [
      { name: 'NODE_OPTIONS', value: '--import=data:text/javascript,throw%20new%20Error(%22no%20luck%20today%22)' },
    ];
    const faulty = { spec: { containers: [{ name: 'worker', resources: small, env }] } };
    const base = (job('faulty') as { spec: { student: object } }).spec.student;
    await cluster.apply(job('faulty', { backoffLimit: 1, student: { ...base, template: faulty } }));
    await until(
      'the job to fail',
      async () => (await world.condition('faulty', 'Failed', namespace)) === 'True BackoffLimitExceeded',
    );
    expect(await world.message('faulty', 'Failed', namespace)).toContain('no luck today');
    expect((await world.job('faulty', namespace))?.status).toMatchObject({ failures: 2, disruptions: { student: 0 } });
  });

  test('leaves no pod, object or stream behind when it is deleted', async () => {
    const names = ['mnist', 'rough', 'headless', 'paused', 'queued', 'faulty'];
    const uids = await Promise.all(names.map((name) => world.uidOf(name, namespace)));
    await cluster.kubectlOk(['-n', namespace, 'delete', 'distilljob', '--all', '--timeout=180s']);
    for (const uid of uids) {
      await until('nothing of it', async () => (await world.owned(uid)).length === 0);
      expect((await world.streams(uid)).state).toBe('Absent');
    }
  });

  /** It asks for as much CPU as a student, and runs until it is deleted. */
  function importantJob(): object {
    const options = { namespace, code: 'setInterval(() => undefined, 1000)', limits: { cpu: '100m', memory: '128Mi' } };
    const { spec } = restrictedPod('important', cluster.images.worker, options) as { readonly spec: object };
    const labels = { 'kueue.x-k8s.io/queue-name': 'team', 'kueue.x-k8s.io/priority-class': 'important' };
    return {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'important', namespace, labels },
      spec: { suspend: true, template: { spec } },
    };
  }

  async function nodeOf(pod: string): Promise<string> {
    const { spec } = await cluster.api.get<{ spec: { nodeName: string } }>(
      `/api/v1/namespaces/${namespace}/pods/${pod}`,
    );
    return spec.nodeName;
  }

  /** Has the student itself ask for memory until the kernel ends it: through the debugger that Node opens at SIGUSR1. */
  async function outOfMemory(pod: string): Promise<void> {
    const hog = 'globalThis.held = []; for (;;) held.push(Buffer.alloc(32 * 1024 * 1024, 1))';
    const code = `
      process.kill(1, 'SIGUSR1');
      const open = async () => {
        for (;;) {
          const found = await fetch('http://127.0.0.1:9229/json').then((answer) => answer.json()).catch(() => []);
          if (found.length > 0) return found[0].webSocketDebuggerUrl;
        }
      };
      const socket = new WebSocket(await open());
      socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: ${JSON.stringify(hog)} } }));
      setInterval(() => undefined, 1000);`;
    // Ends with the container.
    await cluster.kubectl(['-n', namespace, 'exec', pod, '--', 'node', '--input-type=module', '-e', code]);
    await until('the student to be out of memory', async () => {
      const { text } = await cluster.api.send('GET', `/api/v1/namespaces/${namespace}/pods/${pod}`);
      return text.includes('OOMKilled');
    });
  }
});
