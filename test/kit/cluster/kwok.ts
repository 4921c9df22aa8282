/**
 * Nodes without machines: kwok reports the status of their pods as a kubelet would; they start at once and run until a test
 * ends or deletes them (stages/). Everything in such a cluster is real except the containers.
 */
import { join } from 'node:path';

import { Component } from './component.js';
import { repositoryRoot } from './paths.js';
import type { Processes } from './processes.js';
import { toolPath } from './tools.js';

/** Label of the nodes that kwok manages. */
const kwokLabel = 'distillery.dev/kwok';

/** Rules for changes of nodes and pods, one per stage; read as files from the kit's source. */
const stageFiles = ['node.yaml', 'pod-start.yaml', 'pod-stop.yaml'];

/** @param configs files of more kwok objects, such as the measurements of its nodes */
export function kwok(processes: Processes, kubeconfig: string, port: number, configs: readonly string[]): Component {
  return new Component(processes, {
    name: 'kwok',
    command: toolPath('kwok'),
    args: [
      `--kubeconfig=${kubeconfig}`,
      ...stageFiles.map((name) => `--config=${join(repositoryRoot, 'test/kit/cluster/stages', name)}`),
      ...configs.map((file) => `--config=${file}`),
      '--manage-all-nodes=false',
      `--manage-nodes-with-label-selector=${kwokLabel}=true`,
      // No leases: thousands of them would be most of what the API server does, and another kwok would wait for their end.
      '--node-lease-duration-seconds=0',
      // Beside the Services' addresses, with room for many pods.
      '--cidr=10.128.0.0/10',
      `--server-address=127.0.0.1:${String(port)}`,
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

/**
 * A node as its kubelet registers it, Ready from the first moment: with thousands, no write is needed after.
 * @param kubeletPort where kwok listens in place of the kubelet, on loopback
 */
export function nodeObject(name: string, options: NodeOptions, kubeletPort: number, now: Date): object {
  const { gpus = 0, cpu = '32', memory = '256Gi', pods = 110, labels = {}, taints = [] } = options;
  const resources = { cpu, memory, pods: String(pods), ...(gpus === 0 ? {} : { 'nvidia.com/gpu': String(gpus) }) };
  const time = now.toISOString();
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { [kwokLabel]: 'true', 'kubernetes.io/hostname': name, ...labels } },
    spec: { taints },
    status: {
      phase: 'Running',
      capacity: resources,
      allocatable: resources,
      addresses: [
        { type: 'Hostname', address: name },
        { type: 'InternalIP', address: '127.0.0.1' },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'kwok answers for this node',
          lastHeartbeatTime: time,
          lastTransitionTime: time,
        },
      ],
    },
  };
}
