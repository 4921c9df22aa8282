/**
 * The baseline for queues: the real KEDA, a ScaledObject a job with the nats-jetstream scaler on the WORK consumer, polled
 * every 30 s, asleep after 300 s without lag. The lag is that of real messages, which the bench publishes and consumes at
 * the plant's rates; KEDA reads it from nats-server's monitoring.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { jobNames } from '@distillery/protocol';

import { usualKeda } from '../../../src/simulate/index.js';
import { type ControlPlane, repositoryRoot, until } from '../../kit/cluster/index.js';
import { freePorts } from '../../kit/cluster/ports.js';
import { buildTools, kedaTools, toolPath } from '../../kit/cluster/tools.js';
import { streamsOf } from '../../kit/stream.js';

import { registerApi, servingCredentials } from './aggregated.js';
import type { Moment, Scaler, Setting } from './scaler.js';
import { createTeachers, deleteTeachers } from './teachers.js';
import { teachersConsumer, WorkFeed } from './work-feed.js';

const run = promisify(execFile);

const namespace = 'keda';
const scaledObjectsPath = '/apis/keda.sh/v1alpha1/namespaces/default/scaledobjects';

export async function kedaScaler({ world, trace, connection }: Setting): Promise<Scaler> {
  const { cluster, nats, home } = world;
  const admin = await home.adminOf('default');
  const { api } = cluster;
  await startKeda(cluster);
  const feeds = new Map<string, WorkFeed>();
  return {
    submitted: async (job) => {
      await admin.provision(streamsOf(job.uid));
      feeds.set(job.uid, new WorkFeed(connection, job.uid));
      await createTeachers(api, trace, job, job.minReplicas);
      await api.post(scaledObjectsPath, {
        apiVersion: 'keda.sh/v1alpha1',
        kind: 'ScaledObject',
        metadata: { name: job.uid },
        spec: {
          scaleTargetRef: { name: job.uid },
          pollingInterval: usualKeda.pollingSeconds,
          cooldownPeriod: usualKeda.cooldownSeconds,
          minReplicaCount: job.minReplicas,
          maxReplicaCount: job.maxReplicas,
          triggers: [
            {
              type: 'nats-jetstream',
              metadata: {
                natsServerMonitoringEndpoint: nats.monitoring,
                accountID: nats.account,
                stream: jobNames(job.uid).streams.work,
                consumer: teachersConsumer,
                lagThreshold: String(usualKeda.lagThreshold),
              },
            },
          ],
        },
      });
    },
    work: async ({ jobs }: Moment) => {
      await Promise.all(jobs.map(async (job) => feeds.get(job.spec.uid)?.follow(job)));
    },
    done: async (job) => {
      feeds.delete(job.uid);
      await api.delete(`${scaledObjectsPath}/${job.uid}`);
      await deleteTeachers(api, job);
    },
  };
}

/** Starts KEDA's operator and metrics server as processes, with certificates of the cluster's authority. */
async function startKeda(cluster: ControlPlane): Promise<void> {
  await buildTools({ groups: [kedaTools] });
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await cluster.kubectlOk(['apply', '--server-side', '-f', join(await moduleFolder(), 'config/crd/bases')]);
  const service = { namespace, name: 'keda-metrics-apiserver' };
  const [[port = 0, grpc = 0, probes = 0, metrics = 0], serving] = await Promise.all([
    freePorts(4),
    servingCredentials(cluster, service),
  ]);
  const certificates = join(cluster.folder, 'keda-certificates');
  await mkdir(certificates, { mode: 0o700 });
  await copyFile(cluster.authority.certificate, join(certificates, 'ca.crt'));
  await copyFile(serving.certificate, join(certificates, 'tls.crt'));
  await copyFile(serving.key, join(certificates, 'tls.key'));
  const env = {
    PATH: process.env.PATH ?? '',
    KUBECONFIG: cluster.kubeconfig,
    // Empty means all namespaces.
    WATCH_NAMESPACE: '',
    POD_NAMESPACE: namespace,
    KEDA_CLUSTER_OBJECT_NAMESPACE: namespace,
  };
  const operator = await cluster.processes.start({
    name: 'keda-operator',
    command: toolPath('keda-operator'),
    env,
    args: [
      '--enable-prometheus-metrics=false',
      `--health-probe-bind-address=127.0.0.1:${String(probes)}`,
      `--metrics-service-bind-address=127.0.0.1:${String(grpc)}`,
      `--cert-dir=${certificates}`,
      // The certificates need no rotation here, and there are no webhooks.
      '--enable-cert-rotation=false',
    ],
  });
  await until(
    'KEDA to be ready',
    async () => (await fetch(`http://127.0.0.1:${String(probes)}/readyz`).catch(() => null))?.ok === true,
    () => operator.lastWords(),
    60_000,
  );
  await cluster.processes.start({
    name: 'keda-adapter',
    command: toolPath('keda-adapter'),
    env,
    args: [
      ...['lister', 'authentication', 'authorization'].map((name) => `--${name}-kubeconfig=${cluster.kubeconfig}`),
      `--secure-port=${String(port)}`,
      '--bind-address=127.0.0.1',
      `--cert-dir=${certificates}`,
      `--tls-cert-file=${join(certificates, 'tls.crt')}`,
      `--tls-private-key-file=${join(certificates, 'tls.key')}`,
      `--port=${String(metrics)}`,
      `--metrics-service-address=localhost:${String(grpc)}`,
    ],
  });
  await registerApi(cluster, { group: 'external.metrics.k8s.io', version: 'v1beta1', service, port });
}

/** Folder of the pinned KEDA's sources, with its CRDs. */
async function moduleFolder(): Promise<string> {
  const module = 'github.com/kedacore/keda/v2';
  const { stdout } = await run('go', ['mod', 'download', '-json', module], {
    cwd: join(repositoryRoot, 'test/cluster/keda'),
  });
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}
