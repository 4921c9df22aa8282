/**
 * The baseline that most clusters have: a HorizontalPodAutoscaler a job on CPU utilization, with its default behavior,
 * evaluated by the real controller every 15 s on what the real metrics-server has scraped. kwok's nodes tell of the CPU that
 * each teacher would have used (kwok-usage.yaml).
 */
import { join } from 'node:path';

import { hpaPeriodSeconds, type Job, leastReplicas, usualHpa } from '../../../src/simulate/index.js';
import type { ControlPlane } from '../../kit/cluster/index.js';
import { freePorts } from '../../kit/cluster/ports.js';
import { buildTools, metricsServerTools, toolPath } from '../../kit/cluster/tools.js';
import { repositoryRoot } from '../../kit/cluster/index.js';

import { registerApi, servingCredentials } from './aggregated.js';
import type { Moment, RunningTeacher, Scaler, Setting } from './scaler.js';
import { createTeachers, deleteTeachers, requestedCpu } from './teachers.js';
import { startingShare, Utilization } from './utilization.js';

export const kwokUsage = join(repositoryRoot, 'test/bench/real/kwok-usage.yaml');

/** --metric-resolution */
const scrapeSeconds = hpaPeriodSeconds;
const annotation = 'bench.distillery.dev/cpu';
/** What changed by less than this share of a request is not written again. */
const leastChange = 0.02;
const hpasPath = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';

export async function hpaScaler({ world, trace }: Setting): Promise<Scaler> {
  const { cluster } = world;
  const { api } = cluster;
  await startMetricsServer(cluster);
  const usage = new Map<string, Utilization>();
  /** What was last written on a pod. */
  const written = new Map<string, number>();

  const write = async ({ name }: RunningTeacher, share: number): Promise<void> => {
    if (Math.abs(share - (written.get(name) ?? -1)) < leastChange) return;
    written.set(name, share);
    const cpu = `${String(Math.round(share * requestedCpu * 1_000))}m`;
    const { status, text } = await api.send(
      'PATCH',
      `/api/v1/namespaces/default/pods/${name}`,
      { metadata: { annotations: { [annotation]: cpu } } },
      'application/merge-patch+json',
    );
    // One that has just gone needs none.
    if (status >= 300 && status !== 404) throw new Error(`pod ${name}: ${text}`);
  };
  const measure = async (job: Job, teachers: readonly RunningTeacher[], nowSeconds: number): Promise<void> => {
    const share = usage.get(job.spec.uid)?.read(job, nowSeconds) ?? startingShare;
    await Promise.all(teachers.map((teacher) => write(teacher, teacher.isReady ? share : startingShare)));
  };
  return {
    submitted: async (job) => {
      usage.set(job.uid, new Utilization(scrapeSeconds));
      const minReplicas = leastReplicas(job);
      await createTeachers(api, trace, job, minReplicas);
      await api.post(hpasPath, {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: job.uid },
        spec: {
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: job.uid },
          minReplicas,
          maxReplicas: job.maxReplicas,
          metrics: [
            {
              type: 'Resource',
              resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: usualHpa.target * 100 } },
            },
          ],
        },
      });
    },
    work: async ({ nowSeconds, jobs, teachers }: Moment) => {
      await Promise.all(jobs.map((job) => measure(job, teachers.get(job.spec.uid) ?? [], nowSeconds)));
    },
    done: async (job) => {
      await api.delete(`${hpasPath}/${job.uid}`);
      await deleteTeachers(api, job);
    },
  };
}

async function startMetricsServer(cluster: ControlPlane): Promise<void> {
  await buildTools({ groups: [metricsServerTools] });
  const service = { namespace: 'kube-system', name: 'metrics-server' };
  const [[port = 0], serving] = await Promise.all([freePorts(1), servingCredentials(cluster, service)]);
  await pointAtKwok(cluster);
  const { kubeconfig } = cluster;
  await cluster.processes.start({
    name: 'metrics-server',
    command: toolPath('metrics-server'),
    args: [
      ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
        (name) => `--${name}=${kubeconfig}`,
      ),
      `--secure-port=${String(port)}`,
      '--bind-address=127.0.0.1',
      `--tls-cert-file=${serving.certificate}`,
      `--tls-private-key-file=${serving.key}`,
      `--metric-resolution=${String(scrapeSeconds)}s`,
      '--kubelet-use-node-status-port',
      '--kubelet-preferred-address-types=InternalIP',
      // kwok shows a certificate of its own making.
      '--kubelet-insecure-tls',
    ],
  });
  await registerApi(cluster, { group: 'metrics.k8s.io', version: 'v1beta1', service, port });
}

/** All nodes have one address: what is asked there says which node it is about. */
async function pointAtKwok({ api }: ControlPlane): Promise<void> {
  const { items } = await api.get<{ items: { metadata: { name: string } }[] }>('/api/v1/nodes');
  await Promise.all(
    items.map(({ metadata: { name } }) => {
      const path = `/metrics/nodes/${name}/metrics/resource`;
      return api.patch(`/api/v1/nodes/${name}`, {
        metadata: { annotations: { 'metrics.k8s.io/resource-metrics-path': path } },
      });
    }),
  );
}
