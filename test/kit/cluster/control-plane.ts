/**
 * A real Kubernetes control plane for tests and interactive use: its own etcd, API server, controller manager and
 * scheduler, on free ports, in its own folder, with kwok for any number of nodes.
 *
 * Invariants:
 *  control-plane/C1 None of its processes outlives the process that started it (keeper.ts).
 *  control-plane/C2 Two control planes never interfere: each has its own ports, certificates and folder.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Applied, type WrittenObject } from './applied.js';
import { Api } from './api.js';
import { apiServer, auditFile, frontProxyUser, serviceAddress } from './api-server.js';
import { type AuditLevel, AuditTrail } from './audit.js';
import { Component } from './component.js';
import { Etcd, type Snapshot } from './etcd.js';
import { type Endpoint, writeKubeconfig } from './kubeconfig.js';
import { kwok, type NodeOptions, nodeObject } from './kwok.js';
import { Authority } from './pki.js';
import { endPod, type PodEnd } from './pods.js';
import { freePorts } from './ports.js';
import { Processes } from './processes.js';
import { RequestCounts } from './request-counts.js';
import { scheduler } from './scheduler.js';
import { buildTools, toolPath } from './tools.js';
import { until } from '../until.js';

const run = promisify(execFile);

export interface ControlPlaneOptions {
  /** Level of the API server's audit log; absent = no log. */
  readonly audit?: AuditLevel;
  /** Address of the API server; absent = loopback. Pods need an address of a bridge. */
  readonly address?: string;
  /** More flags of the API server. */
  readonly apiServerArgs?: readonly string[];
  /** Of all components; absent = as Kubernetes ships them. */
  readonly featureGates?: Readonly<Record<string, boolean>>;
  /** Allows aggregated API servers, as for metrics; absent = none. */
  readonly aggregation?: boolean;
  /** The scheduler's profile: one of KubeSchedulerConfiguration without its name; absent = the default. */
  readonly schedulerProfile?: object;
  /** Files of kwok objects beside its stages. */
  readonly kwokConfigs?: readonly string[];
  /**
   * Files of CRDs that are served before the controller manager starts: its garbage collector discovers later kinds only at
   * its next discovery, after up to 30 s.
   */
  readonly crds?: readonly string[];
  /** True = keep the folder with all logs at the end. */
  readonly keep?: boolean;
}

/** What a wait reads of a CRD; conditions are null just after its creation. */
interface Crd {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null };
}

export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class ControlPlane {
  readonly folder: string;
  readonly processes: Processes;
  readonly endpoint: Endpoint;
  readonly kubeconfig: string;
  readonly authority: Authority;
  readonly etcd: Etcd;
  readonly apiServer: Component;
  readonly controllerManager: Component;
  readonly scheduler: Component;
  /** As cluster-admin. */
  readonly api: Api;
  readonly audit: AuditTrail;
  readonly #applied: Applied;
  readonly #kwokConfigs: readonly string[];
  #kwok: { readonly component: Component; readonly port: number } | null = null;
  #users = 0;
  /** Number of nodes by prefix. */
  readonly #nodes = new Map<string, number>();

  constructor(parts: {
    readonly folder: string;
    readonly processes: Processes;
    readonly endpoint: Endpoint;
    readonly kubeconfig: string;
    readonly authority: Authority;
    readonly etcd: Etcd;
    readonly apiServer: Component;
    readonly controllerManager: Component;
    readonly scheduler: Component;
    readonly api: Api;
    readonly kwokConfigs?: readonly string[];
  }) {
    this.folder = parts.folder;
    this.processes = parts.processes;
    this.endpoint = parts.endpoint;
    this.kubeconfig = parts.kubeconfig;
    this.authority = parts.authority;
    this.etcd = parts.etcd;
    this.apiServer = parts.apiServer;
    this.controllerManager = parts.controllerManager;
    this.scheduler = parts.scheduler;
    this.api = parts.api;
    this.#applied = new Applied(parts.api);
    this.audit = new AuditTrail(auditFile(parts.folder));
    this.#kwokConfigs = parts.kwokConfigs ?? [];
  }

  get url(): string {
    return this.endpoint.url;
  }

  /** As cluster-admin; any exit code is an answer. */
  async kubectl(
    args: readonly string[],
    options: { readonly input?: string; readonly kubeconfig?: string } = {},
  ): Promise<KubectlResult> {
    return new Promise((resolve) => {
      const child = execFile(
        toolPath('kubectl'),
        ['--kubeconfig', options.kubeconfig ?? this.kubeconfig, ...args],
        { maxBuffer: 256 * 1024 * 1024 },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ code, stdout, stderr });
        },
      );
      // It may end without having read everything.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(options.input ?? '');
    });
  }

  /** @throws Error with what kubectl said */
  async kubectlOk(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.kubectl(args, input === undefined ? {} : { input });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${String(code)}: ${stderr}`);
    return stdout;
  }

  /** @param objects as kubectl apply takes them; written in this order */
  async apply(...objects: readonly object[]): Promise<void> {
    for (const object of objects) await this.#applied.write(object as WrittenObject);
  }

  /** @param file declares CRDs; resolves when the API server serves them */
  async installCrd(file: string): Promise<void> {
    const names = await this.kubectlOk(['apply', '--server-side', '-o', 'name', '-f', file]);
    await this.servesCrds(
      names
        .trim()
        .split('\n')
        .map((name) => name.slice(name.indexOf('/') + 1)),
    );
  }

  /**
   * Resolves when the API server serves these CRDs. (`kubectl wait` ends with an error when it sees one whose conditions
   * are null, as they are just after its creation.)
   */
  async servesCrds(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await until(`the API server to serve ${name}`, async () => {
        const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
        const { status } = await this.api.get<Crd>(path);
        return (status?.conditions ?? []).some((one) => one.type === 'Established' && one.status === 'True');
      });
    }
  }

  /** Nodes to which pods may be scheduled, named `PREFIX-0` and so on; starts kwok with the first. */
  async addNodes(count: number, options: NodeOptions & { readonly prefix?: string } = {}): Promise<string[]> {
    const { prefix = 'node', ...rest } = options;
    this.#kwok ??= await this.#startKwok();
    const { port } = this.#kwok;
    const first = this.#nodes.get(prefix) ?? 0;
    this.#nodes.set(prefix, first + count);
    const names = Array.from({ length: count }, (_, index) => `${prefix}-${String(first + index)}`);
    const atOnce = 16;
    for (let from = 0; from < names.length; from += atOnce) {
      await Promise.all(
        names.slice(from, from + atOnce).map(async (name) => {
          await this.api.post('/api/v1/nodes', nodeObject(name, rest, port, new Date()));
        }),
      );
    }
    // The controller manager removes the initial taint of a new node when it has seen the node.
    await until('all nodes to be schedulable', async () => {
      const { items } = await this.api.get<{ items: Node[] }>('/api/v1/nodes?resourceVersion=0');
      const open = new Set(items.filter(isSchedulable).map(({ metadata }) => metadata.name));
      return names.every((name) => open.has(name));
    });
    return names;
  }

  async #startKwok(): Promise<{ readonly component: Component; readonly port: number }> {
    const [port = 0] = await freePorts(1);
    const component = kwok(this.processes, this.kubeconfig, port, this.#kwokConfigs);
    await component.start();
    return { component, port };
  }

  /** Ends a pod of a kwok node as its kubelet would report it. */
  async endPod(namespace: string, name: string, end: PodEnd): Promise<void> {
    await endPod(this.api, `/api/v1/namespaces/${namespace}/pods/${name}`, end, new Date());
  }

  /** A user with a client certificate. @returns path of its kubeconfig */
  async user(commonName: string, organizations: readonly string[] = []): Promise<string> {
    const file = `user-${String(++this.#users)}`;
    const credentials = await this.authority.issue(file, { commonName, organizations });
    return writeKubeconfig(join(this.folder, `${file}.kubeconfig`), this.endpoint, { credentials });
  }

  /** @returns path of a kubeconfig with a token of that ServiceAccount, valid for hours */
  async serviceAccountKubeconfig(namespace: string, name: string): Promise<string> {
    const { status } = await this.api.post<{ status: { token: string } }>(
      `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 14_400 } },
    );
    const file = join(this.folder, `account-${namespace}-${name}.kubeconfig`);
    return writeKubeconfig(file, this.endpoint, { token: status.token });
  }

  /** The API server's own counts of its requests. */
  async requestCounts(): Promise<RequestCounts> {
    const { text } = await this.api.send('GET', '/metrics');
    return new RequestCounts(text);
  }

  /** Restores the whole cluster; its own servers restart, and every other watcher sees versions decrease. */
  async setBack(snapshot: Snapshot): Promise<void> {
    // Servers that a test has stopped stay stopped.
    const clients = [this.controllerManager, this.scheduler, this.#kwok?.component].filter(
      (part) => part !== undefined,
    );
    const running = clients.filter((part) => part.running);
    await Promise.all([this.apiServer, ...running].map((part) => part.kill()));
    await this.etcd.restore(snapshot);
    await this.apiServer.start();
    await Promise.all(running.map((part) => part.start()));
  }

  /** Ends everything; resolves when nothing is left. */
  async stop(): Promise<void> {
    await this.api.close();
    await this.processes.close();
  }
}

interface Node {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
}

function isSchedulable({ spec }: Node): boolean {
  return spec.taints?.some(({ key }) => key === 'node.kubernetes.io/not-ready') !== true;
}

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { keep = false } = options;
  await buildTools();
  const folder = await mkdtemp(join(tmpdir(), 'distillery-cluster-'));
  const processes = await Processes.open(folder, keep);
  try {
    return await assemble(folder, processes, options);
  } catch (error) {
    await processes.close();
    throw error;
  }
}

async function assemble(folder: string, processes: Processes, options: ControlPlaneOptions): Promise<ControlPlane> {
  const { audit = null, address = '127.0.0.1', apiServerArgs = [], crds = [] } = options;
  const gates = featureGates(options.featureGates ?? {});
  const [client = 0, peer = 0, manager = 0, schedulerPort = 0] = await freePorts(4);
  const [port = 0] = await freePorts(1, address);
  const etcd = new Etcd(processes, folder, { client, peer });
  const starting = etcd.start();
  const authority = await Authority.create(join(folder, 'pki'));
  const names = [
    `IP:${address}`,
    'IP:127.0.0.1',
    `IP:${serviceAddress}`,
    'DNS:localhost',
    'DNS:kubernetes.default.svc',
  ];
  const [server, admin, managerLogin, schedulerLogin, tokenKey] = await Promise.all([
    authority.issue('kube-apiserver', { commonName: 'kube-apiserver', names }),
    authority.issue('admin', { commonName: 'admin', organizations: ['system:masters'] }),
    authority.issue('kube-controller-manager', { commonName: 'system:kube-controller-manager' }),
    authority.issue('kube-scheduler', { commonName: 'system:kube-scheduler' }),
    tokenKeyIn(folder),
    starting,
  ]);
  const endpoint: Endpoint = { url: `https://${address}:${String(port)}`, authority: authority.certificate };
  const [kubeconfig, managerConfig, schedulerConfig] = await Promise.all([
    writeKubeconfig(join(folder, 'admin.kubeconfig'), endpoint, { credentials: admin }),
    writeKubeconfig(join(folder, 'controller-manager.kubeconfig'), endpoint, { credentials: managerLogin }),
    writeKubeconfig(join(folder, 'scheduler.kubeconfig'), endpoint, { credentials: schedulerLogin }),
  ]);
  const frontProxy =
    options.aggregation === true ? await authority.issue('front-proxy', { commonName: frontProxyUser }) : null;
  const apiServing = await apiServer(processes, {
    folder,
    address,
    port,
    etcdUrl: etcd.url,
    authority,
    server,
    kubeletClient: admin,
    tokenKey,
    audit,
    frontProxy,
    args: [...gates, ...apiServerArgs],
  });
  const controllerManager = new Component(processes, {
    name: 'kube-controller-manager',
    command: toolPath('kube-controller-manager'),
    args: [
      `--kubeconfig=${managerConfig}`,
      `--secure-port=${String(manager)}`,
      '--bind-address=127.0.0.1',
      `--root-ca-file=${authority.certificate}`,
      `--service-account-private-key-file=${tokenKey.privateFile}`,
      '--use-service-account-credentials',
      '--leader-elect=false',
      // On loopback there are no kubelets and no node leases: do not remove nodes for missing ones.
      ...(address.startsWith('127.') ? ['--node-monitor-grace-period=24h'] : []),
      // The default limits would dominate measurements with a thousand jobs.
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
      ...gates,
    ],
  });
  const scheduling = await scheduler(processes, {
    folder,
    kubeconfig: schedulerConfig,
    port: schedulerPort,
    profile: options.schedulerProfile ?? null,
    args: gates,
  });
  const [api] = await Promise.all([Api.connect(endpoint, admin), apiServing.start()]);
  const cluster = new ControlPlane({
    folder,
    processes,
    endpoint,
    kubeconfig,
    authority,
    etcd,
    apiServer: apiServing,
    controllerManager,
    scheduler: scheduling,
    api,
    kwokConfigs: options.kwokConfigs ?? [],
  });
  await Promise.all(crds.map((file) => cluster.installCrd(file)));
  await Promise.all([controllerManager.start(), scheduling.start()]);
  await until('the default ServiceAccount', async () => {
    const { status } = await api.send('GET', '/api/v1/namespaces/default/serviceaccounts/default');
    return status === 200;
  });
  return cluster;
}

function featureGates(gates: Readonly<Record<string, boolean>>): string[] {
  const each = Object.entries(gates).map(([name, isOn]) => `${name}=${String(isOn)}`);
  return each.length === 0 ? [] : [`--feature-gates=${each.join()}`];
}

/** Creates the key that signs the tokens of ServiceAccounts. */
async function tokenKeyIn(folder: string): Promise<{ readonly privateFile: string; readonly publicFile: string }> {
  const privateFile = join(folder, 'service-accounts.key');
  const publicFile = join(folder, 'service-accounts.pub');
  await run('openssl', ['genrsa', '-out', privateFile, '2048']);
  const { stdout } = await run('openssl', ['rsa', '-in', privateFile, '-pubout']);
  await writeFile(publicFile, stdout);
  return { privateFile, publicFile };
}
