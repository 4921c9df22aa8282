/**
 * Nodes without machines: kwok keeps them Ready and answers for their pods as a kubelet would, which start at once and
 * run until a test ends them. What is real about such a cluster is everything but the containers.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Component } from './component.js';
import { cacheFolder, repositoryRoot } from './paths.js';
import type { Processes } from './processes.js';
import { toolPath } from './tools.js';

const run = promisify(execFile);

/** kwok's own rules for how objects change, by their place in its module; a Job's pods are left to the tests to end. */
const stages = [
  'node/fast/node-initialize.yaml',
  'node/heartbeat-with-lease/node-heartbeat-with-lease.yaml',
  ...['create', 'init-container-running', 'init-container-completed', 'ready', 'delete'].map(
    (name) => `pod/general/pod-${name}.yaml`,
  ),
];

/** Label of the nodes that kwok answers for. */
const kwokLabel = 'distillery.dev/kwok';

/** The stages as one file, from the module that was built, kept beside the binary. */
async function stagesFile(): Promise<string> {
  const file = join(cacheFolder, 'kwok-stages.yaml');
  try {
    await access(file);
    return file;
  } catch {
    // Not made yet.
  }
  const module = join(repositoryRoot, 'test/cluster/kwok');
  await run('go', ['mod', 'download', 'sigs.k8s.io/kwok'], { cwd: module });
  const { stdout } = await run('go', ['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/kwok'], { cwd: module });
  const folder = join(stdout.trim(), 'kustomize/stage');
  const texts = await Promise.all(stages.map((name) => readFile(join(folder, name), 'utf8')));
  await mkdir(cacheFolder, { recursive: true });
  await writeFile(`${file}.${String(process.pid)}`, texts.join('\n---\n'));
  await rename(`${file}.${String(process.pid)}`, file);
  return file;
}

export async function kwok(
  processes: Processes,
  kubeconfig: string,
  port: number,
  moreArgs: readonly string[],
): Promise<Component> {
  return new Component(processes, {
    name: 'kwok',
    command: toolPath('kwok'),
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--config=${await stagesFile()}`,
      '--manage-all-nodes=false',
      `--manage-nodes-with-label-selector=${kwokLabel}=true`,
      `--server-address=127.0.0.1:${String(port)}`,
      ...moreArgs,
    ],
    isReady: async () => (await fetch(`http://127.0.0.1:${String(port)}/healthz`)).ok,
  });
}

export interface NodeOptions {
  readonly gpus?: number;
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
}

export function nodeObject(name: string, options: NodeOptions): object {
  const { gpus = 0, cpu = '32', memory = '256Gi', pods = 110, labels = {}, taints = [] } = options;
  const resources = { cpu, memory, pods: String(pods), ...(gpus === 0 ? {} : { 'nvidia.com/gpu': String(gpus) }) };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { [kwokLabel]: 'true', 'kubernetes.io/hostname': name, ...labels } },
    spec: { taints },
    status: { capacity: resources, allocatable: resources },
  };
}
