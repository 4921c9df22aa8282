/** The cluster's scheduler, with its default profile or another. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { Component } from './component.js';
import type { Processes } from './processes.js';
import { toolPath } from './tools.js';

export interface SchedulerOptions {
  readonly folder: string;
  readonly kubeconfig: string;
  readonly port: number;
  /** A profile of KubeSchedulerConfiguration v1, without its name; null = Kubernetes' own. */
  readonly profile: object | null;
  /** More flags. */
  readonly args: readonly string[];
}

export async function scheduler(
  processes: Processes,
  { folder, kubeconfig, port, profile, args }: SchedulerOptions,
): Promise<Component> {
  const configuration = join(folder, 'scheduler.yaml');
  await writeFile(
    configuration,
    stringify({
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      clientConnection: { kubeconfig, qps: 500, burst: 1_000 },
      leaderElection: { leaderElect: false },
      profiles: [{ schedulerName: 'default-scheduler', ...profile }],
    }),
  );
  return new Component(processes, {
    name: 'kube-scheduler',
    command: toolPath('kube-scheduler'),
    args: [`--config=${configuration}`, `--secure-port=${String(port)}`, '--bind-address=127.0.0.1', ...args],
  });
}
