/**
 * A release on a cluster of real pods, as a platform engineer has it: nothing is there before but the data of a job and the claim of the
 * NATS server's volume. The commands of the chart's README run as they are written there.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chartFolder, sets } from '../helm.js';
import { repositoryRoot } from '../paths.js';
import { said } from '../prometheus.js';
import type { DistillJobStatus } from '../../../../src/api/index.js';
import { smallMnist } from '../../mnist.js';
import type { Image } from './images.js';
import { type RealCluster, startRealCluster } from './real-cluster.js';

export const system = 'distillery-system';
/** Labels of what the release makes for its NATS server. */
export const ofServer = 'app.kubernetes.io/name=distillery-nats,app.kubernetes.io/instance=distillery';

/** `localhost/distillery/operator:abc` as the values of an image. */
export function imageValues(key: string, { name }: Image): Record<string, string> {
  const at = name.lastIndexOf(':');
  return {
    [`${key}.repository`]: name.slice(0, at),
    [`${key}.tag`]: name.slice(at + 1),
    [`${key}.pullPolicy`]: 'Never',
  };
}

/** The first command of the chart's README that begins so, in one line. @throws Error when there is none */
function readmeCommand(beginning: string): string[] {
  const text = readFileSync(join(chartFolder, 'README.md'), 'utf8').replaceAll(/ *\\\n +/g, ' ');
  const lines = text.split('\n');
  const line = lines.find((one) => one === beginning) ?? lines.find((one) => one.startsWith(beginning));
  if (line === undefined) throw new Error(`charts/distillery/README.md: found no command ${beginning}`);
  return line
    .trim()
    .split(/\s+/)
    .map((word) => word.replaceAll("'", ''));
}

export class ReleaseCluster {
  private constructor(
    readonly cluster: RealCluster,
    readonly folder: string,
  ) {}

  /** An empty cluster, with the namespace of the release under the restricted standard. */
  static async create(): Promise<ReleaseCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'distillery-release-'));
    for (const name of ['data', 'out', 'nats']) mkdirSync(join(folder, name));
    cpSync(join(repositoryRoot, 'examples/mnist/models'), join(folder, 'data/models'), { recursive: true });
    smallMnist(join(folder, 'data/mnist'), { train: 4_000, test: 500 });
    const cluster = await startRealCluster({ images: ['operator', 'worker', 'nats'], crds: [], names: true });
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: system, labels } });
    // The kit has no StorageClass that makes volumes; the StatefulSet takes a claim of its name.
    await cluster.pvcFromFolder(system, 'data-distillery-nats-0', join(folder, 'nats'), { writable: true });
    await cluster.kubectlOk(['-n', system, 'label', 'pvc', 'data-distillery-nats-0', ...ofServer.split(',')]);
    await cluster.pvcFromFolder('default', 'data', join(folder, 'data'));
    await cluster.pvcFromFolder('default', 'out', join(folder, 'out'), { writable: true });
    return new ReleaseCluster(cluster, folder);
  }

  async close(): Promise<void> {
    await this.cluster.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The values of a release whose images are those of the kit. */
  get values(): Record<string, string> {
    const { operator, worker, nats } = this.cluster.images;
    return {
      ...imageValues('image', operator),
      ...imageValues('worker', worker),
      ...imageValues('nats.image', nats),
      'nats.storage.size': '6Gi',
      leaseSeconds: '5',
    };
  }

  /** Runs a command of the README, with further values. @returns its output */
  async run(beginning: string, values: Readonly<Record<string, string>> = {}): Promise<string> {
    const [tool, ...args] = readmeCommand(beginning);
    if (tool === 'kubectl') return this.cluster.kubectlOk(args);
    const chart = args.map((one) => (one === 'charts/distillery' ? chartFolder : one));
    const waits = ['install', 'upgrade', 'uninstall'].includes(args[0] ?? '') ? ['--wait', '--timeout', '10m'] : [];
    const all = [...chart, ...sets(values), ...waits, '--kubeconfig', this.cluster.kubeconfig];
    // What a hook prints, such as the test of a release, comes on standard error.
    const { code, text } = await said('helm', all, '');
    if (code !== 0) throw new Error(`helm ${all.join(' ')} ended with ${String(code)}: ${text}`);
    return text;
  }

  async status(job: string): Promise<DistillJobStatus | undefined> {
    const text = await this.cluster.kubectlOk(['get', 'distilljob', job, '-o', 'json']);
    return (JSON.parse(text) as { readonly status?: DistillJobStatus }).status;
  }

  /** Names of the pods of a job's role that run and are not being deleted. */
  async pods(job: string, role: 'student' | 'teacher'): Promise<string[]> {
    const selector = `distillery.dev/job=${job},app.kubernetes.io/component=${role}`;
    const { items } = await this.cluster.api.get<{
      items: { metadata: { name: string; deletionTimestamp?: string }; status: { phase: string } }[];
    }>(`/api/v1/namespaces/default/pods?labelSelector=${encodeURIComponent(selector)}`);
    return items
      .filter(({ metadata, status }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name);
  }
}

/** Resources of a pod of a small job. */
export const smallPod = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } };

/** A job on the data of the cluster. @param change of the spec */
export function mnistJob(
  name: string,
  {
    epochs,
    container = {},
    spec = {},
    student = {},
  }: {
    readonly epochs: number;
    /** Fields of the student's container. */
    readonly container?: object;
    readonly spec?: object;
    readonly student?: object;
  },
): object {
  const templateOf = (fields: object): object => ({
    spec: { containers: [{ name: 'worker', resources: smallPod, ...fields }] },
  });
  return {
    apiVersion: 'distillery.dev/v1alpha1',
    kind: 'DistillJob',
    metadata: { name, namespace: 'default' },
    spec: {
      dataset: { uri: 'pvc://data/mnist' },
      training: { batchSize: 64, epochs, seed: 3 },
      teacher: {
        model: { uri: 'pvc://data/models/teacher.onnx' },
        pools: [{ name: 'cpu', maxReplicas: 1, template: templateOf({}) }],
      },
      logits: { maxBytes: '64Mi' },
      student: {
        model: { uri: 'pvc://data/models/student.json' },
        checkpoint: { everySteps: 20 },
        output: { store: `pvc://out/${name}` },
        template: templateOf(container),
        ...student,
      },
      ...spec,
    },
  };
}
