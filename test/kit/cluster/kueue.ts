/**
 * The real Kueue on a control plane of the kit: the manager as a process, with its CRDs and webhooks from the Go module that
 * test/cluster/kueue pins.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { parse, stringify } from 'yaml';

import { until } from '../until.js';
import { Component } from './component.js';
import type { ControlPlane } from './control-plane.js';
import { freePorts } from './ports.js';
import { buildTools, kueueTools, toolPath } from './tools.js';

const run = promisify(execFile);

/** Kinds that the manager serves here; its other webhooks are for kinds that the control plane lacks. */
const integrations = ['batch/job', 'pod', 'deployment'];
const ourWebhooks = /^[mv](job|pod|deployment|workload|clusterqueue|cohort|resourceflavor)\.kb\.io$/;
const api = 'kueue.x-k8s.io/v1beta2';
const namespace = 'kueue-system';
const service = 'kueue-webhook-service';
const secret = 'kueue-webhook-server-cert';

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly service: { readonly path: string } };
}

/** Folder of Kueue's module; downloads it if necessary. */
async function moduleFolder(): Promise<string> {
  const { stdout } = await run('go', ['mod', 'download', '-json', 'sigs.k8s.io/kueue'], { cwd: kueueTools.module });
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

/** Installs CRDs, webhooks and manager; resolves when the manager answers. */
export async function startKueue(cluster: ControlPlane): Promise<Component> {
  await buildTools({ groups: [kueueTools] });
  const components = join(await moduleFolder(), 'config/components');
  const [port = 0, health = 0] = await freePorts(2);
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    // The manager makes its own certificate for the Service's name; the API server finds the manager by ExternalName.
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: secret, namespace } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: service, namespace },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    },
  );
  const crds = await crdsOf(join(components, 'crd/bases'), port);
  await cluster.apply(...crds);
  await cluster.servesCrds(crds.map(({ metadata }) => metadata.name));
  await cluster.apply(...(await webhooksOf(join(components, 'webhook/manifests.yaml'), port)));
  const folder = join(cluster.folder, 'kueue');
  await mkdir(folder);
  const manager = await managerOf(cluster, folder, port, health);
  await Promise.all([manager.start(), mountCertificate(cluster, folder)]);
  await until('the webhooks of Kueue to answer', async () => {
    try {
      await cluster.apply(flavor('kit'));
      return true;
    } catch {
      return false;
    }
  });
  return manager;
}

interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: object;
}

/** The CRDs with their conversion webhooks, as Kueue's kustomization patches them. */
async function crdsOf(folder: string, port: number): Promise<Crd[]> {
  const converted = /^(localqueues|clusterqueues|cohorts|workloads|multikueueclusters)\./;
  const clientConfig = { service: { namespace, name: service, path: '/convert', port } };
  const conversion = { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } };
  const files = await readdir(folder);
  const crds = await Promise.all(files.map(async (file) => parse(await readFile(join(folder, file), 'utf8')) as Crd));
  return crds.map((crd) => (converted.test(crd.metadata.name) ? { ...crd, spec: { ...crd.spec, conversion } } : crd));
}

async function webhooksOf(file: string, port: number): Promise<object[]> {
  const selector = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', namespace] };
  const documents = (await readFile(file, 'utf8')).split(/^---$/m).filter((text) => text.trim() !== '');
  return documents.map((document) => {
    const { metadata, webhooks, ...rest } = parse(document) as {
      readonly metadata: { readonly name: string };
      readonly webhooks: readonly Webhook[];
    };
    return {
      ...rest,
      metadata: { name: `kueue-${metadata.name}` },
      webhooks: webhooks
        .filter(({ name }) => ourWebhooks.test(name))
        .map((webhook) => ({
          ...webhook,
          clientConfig: { service: { namespace, name: service, path: webhook.clientConfig.service.path, port } },
          namespaceSelector: { matchExpressions: [selector] },
        })),
    };
  });
}

/** Does what a kubelet would: the manager finds its Secret as files. */
async function mountCertificate(cluster: ControlPlane, folder: string): Promise<void> {
  await until('the certificate of Kueue', async () => {
    const { data = {} } = await cluster.api.get<{ data?: Record<string, string> }>(
      `/api/v1/namespaces/${namespace}/secrets/${secret}`,
    );
    if (data['tls.crt'] === undefined) return false;
    for (const [name, text] of Object.entries(data)) await writeFile(join(folder, name), Buffer.from(text, 'base64'));
    return true;
  });
}

async function managerOf(cluster: ControlPlane, folder: string, port: number, health: number): Promise<Component> {
  const config = join(folder, 'config.yaml');
  const excluded = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', namespace] };
  await writeFile(
    config,
    stringify({
      apiVersion: 'config.kueue.x-k8s.io/v1beta2',
      kind: 'Configuration',
      namespace,
      health: { healthProbeBindAddress: `127.0.0.1:${String(health)}` },
      metrics: { bindAddress: '0' },
      webhook: { host: '127.0.0.1', port, certDir: folder },
      leaderElection: { leaderElect: false },
      internalCertManagement: { enable: true, webhookServiceName: service, webhookSecretName: secret },
      managedJobsNamespaceSelector: { matchExpressions: [excluded] },
      integrations: { frameworks: integrations },
    }),
  );
  return new Component(cluster.processes, {
    name: 'kueue',
    command: toolPath('kueue'),
    // Visibility would be an aggregated API server of its own.
    args: [`--config=${config}`, `--kubeconfig=${cluster.kubeconfig}`, '--feature-gates=VisibilityOnDemand=false'],
    isReady: async () => (await fetch(`http://127.0.0.1:${String(health)}/readyz`)).ok,
  });
}

/** @param topology name of a Topology; absent = the flavor has none */
export function flavor(name: string, topology?: string, nodeLabels: Readonly<Record<string, string>> = {}): object {
  const spec = topology === undefined ? {} : { nodeLabels, topologyName: topology };
  return { apiVersion: api, kind: 'ResourceFlavor', metadata: { name }, spec };
}

/** A topology whose only level is the node. */
export function nodeTopology(name: string): object {
  const spec = { levels: [{ nodeLabel: 'kubernetes.io/hostname' }] };
  return { apiVersion: api, kind: 'Topology', metadata: { name }, spec };
}

export interface QueueOptions {
  readonly gpus: number;
  /** Absent = plenty. */
  readonly cpu?: string;
  readonly flavor?: string;
  readonly cohort?: string;
  readonly preemption?: object;
}

/** A ClusterQueue with quota for GPUs, and for CPU if it says so, and plenty of everything else. */
export function clusterQueue(name: string, options: QueueOptions): object {
  const { gpus, cpu = '1000', flavor: of = 'kit', cohort, preemption } = options;
  const quota = { cpu, memory: '1000Gi', 'ephemeral-storage': '1000Gi', 'nvidia.com/gpu': String(gpus) };
  return {
    apiVersion: api,
    kind: 'ClusterQueue',
    metadata: { name },
    spec: {
      namespaceSelector: {},
      ...(cohort === undefined ? {} : { cohortName: cohort }),
      ...(preemption === undefined ? {} : { preemption }),
      resourceGroups: [
        {
          coveredResources: Object.keys(quota),
          flavors: [
            {
              name: of,
              resources: Object.entries(quota).map(([resource, nominalQuota]) => ({ name: resource, nominalQuota })),
            },
          ],
        },
      ],
    },
  };
}

export function localQueue(name: string, queue: string, namespace = 'default'): object {
  return { apiVersion: api, kind: 'LocalQueue', metadata: { name, namespace }, spec: { clusterQueue: queue } };
}
