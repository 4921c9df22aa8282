/**
 * A real node: containerd and kubelet in mount, network and process namespaces of their own, as on a machine of their
 * own. So several fit on one machine, and a node that ends leaves little: all its processes end with its first one, and the
 * kernel drops mounts, interfaces and rules with the last of them. The site's sweep removes the rest, cgroups and files.
 *
 * The programs inside are children of `nsenter` and do not survive its end, so every end is sudden.
 */
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Api } from '../api.js';
import { serviceAddress } from '../api-server.js';
import { Component } from '../component.js';
import { type Endpoint, writeKubeconfig } from '../kubeconfig.js';
import type { Authority } from '../pki.js';
import type { Processes } from '../processes.js';
import { toolPath } from '../tools.js';

import { run } from './command.js';
import {
  containerdConfiguration,
  containerdSocket,
  firstProcess,
  kubeletConfiguration,
  nodeNetwork,
  type NodePlace,
  podNetwork,
} from './configuration.js';
import type { Image } from './images.js';
import { bridge, makeCgroup, maskedFolders, removeCgroup } from './host-resources.js';

export interface NodeOptions {
  readonly place: NodePlace;
  readonly processes: Processes;
  readonly pause: Image;
  /** Pods get a name service. */
  readonly names: boolean;
}
/** The cluster that a node joins. */
export interface Membership {
  readonly authority: Authority;
  readonly endpoint: Endpoint;
  readonly api: Api;
}

/** The process dies with its parent in every case. */
const bound = ['setpriv', '--pdeathsig', 'KILL'];

export class RealNode {
  readonly name: string;
  readonly address: string;
  readonly #options: NodeOptions;
  #machine: Component | null = null;
  #containerd: Component | null = null;
  #kubelet: Component | null = null;
  #membership: Membership | null = null;

  constructor(options: NodeOptions) {
    this.name = options.place.name;
    this.address = options.place.address;
    this.#options = options;
  }

  get kubelet(): Component {
    return running(this.#kubelet, `${this.name}: kubelet`);
  }

  get containerd(): Component {
    return running(this.#containerd, `${this.name}: containerd`);
  }

  /** Starts the machine and containerd; images can be loaded then. Needs no API server yet. */
  async boot(): Promise<void> {
    const { place, processes, pause } = this.#options;
    const { folder } = place;
    await mkdir(join(folder, 'cni'), { recursive: true });
    await writeFile(join(folder, 'first-process.sh'), firstProcess(maskedFolders));
    await writeFile(join(folder, 'resolv.conf'), 'options timeout:1 attempts:1\n');
    await writeFile(join(folder, 'cni/10-bridge.conflist'), podNetwork(place));
    await writeFile(join(folder, 'containerd.toml'), containerdConfiguration(place, pause.name));
    this.#machine = new Component(processes, {
      name: this.name,
      command: bound[0] ?? '',
      args: [
        ...bound.slice(1),
        ...['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'],
        ...['bash', join(folder, 'first-process.sh')],
      ],
      isReady: async () => {
        await access(`/proc/${await this.#firstPid()}/root/run/ready`);
        return true;
      },
    });
    await this.#machine.start();
    await this.#connect();
    this.#containerd = await this.#program(
      'containerd',
      ['containerd', '--config', join(folder, 'containerd.toml')],
      () => this.#ctr('version').then(() => true),
    );
    await this.#containerd.start();
  }

  /** Starts the kubelet; resolves when the node is Ready and takes pods. */
  async join(membership: Membership): Promise<void> {
    this.#membership = membership;
    const { authority, endpoint, api } = membership;
    const { place, names } = this.#options;
    const { folder, address } = place;
    const [client, server] = await Promise.all([
      authority.issue(`${this.name}-client`, {
        commonName: `system:node:${this.name}`,
        organizations: ['system:nodes'],
      }),
      authority.issue(`${this.name}-server`, { commonName: this.name, names: [`IP:${address}`] }),
    ]);
    const kubeconfig = await writeKubeconfig(join(folder, 'kubeconfig'), endpoint, { credentials: client });
    const cgroupRoot = await makeCgroup(this.name);
    const configuration = join(folder, 'kubelet.json');
    const files = { certificate: server.certificate, key: server.key, authority: authority.certificate };
    await writeFile(configuration, kubeletConfiguration(place, { cgroupRoot, files, names }));
    const args = [
      toolPath('kubelet'),
      `--config=${configuration}`,
      `--kubeconfig=${kubeconfig}`,
      `--root-dir=${folder}/kubelet`,
      `--cert-dir=${folder}/pki`,
      `--hostname-override=${this.name}`,
      `--node-ip=${address}`,
    ];
    const port = Number(new URL(endpoint.url).port);
    await this.run('sh', '-c', nodeNetwork(place, serviceAddress, port));
    this.#kubelet = await this.#program('kubelet', args, () => takesPods(api, this.name));
    await this.#kubelet.start();
  }

  /** Imports an image (seconds), once. */
  async loadImage({ archive }: Pick<Image, 'archive'>): Promise<void> {
    await this.#ctr('images', 'import', archive);
  }

  /** Simulates a loss of power: every process on the node is gone at once. The API server is not notified. */
  async powerOff(): Promise<void> {
    // Its child, the first process of the namespace, ends after all others there.
    await this.#machine?.kill();
    // Remove the cgroups, as a real loss of power does: a kubelet that finds some asks containerd for each and waits long.
    await removeCgroup(this.name);
  }

  /** Starts the node after `powerOff`, with its disk and without its processes. */
  async powerOn(): Promise<void> {
    if (this.#membership === null) throw new Error(`${this.name}: never joined a cluster`);
    await this.boot();
    await this.join(this.#membership);
  }

  /** Runs a program on the node. @returns its standard output */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const [nsenter = '', ...inside] = await this.#inside();
    return run(nsenter, [...inside, command, ...args]);
  }

  #ctr(...args: readonly string[]): Promise<string> {
    return this.run('ctr', '--address', containerdSocket, '--namespace', 'k8s.io', ...args);
  }

  async #program(name: string, command: readonly string[], isReady: () => Promise<boolean>): Promise<Component> {
    const [nsenter = '', ...inside] = await this.#inside();
    const { processes } = this.#options;
    return new Component(processes, {
      name: `${this.name}-${name}`,
      command: nsenter,
      args: [...inside, ...bound, ...command],
      isReady,
    });
  }

  /** The command that takes another into the node's namespaces. */
  async #inside(): Promise<string[]> {
    return ['nsenter', '--target', String(await this.#firstPid()), '--mount', '--net', '--pid', '--'];
  }

  /**
   * Pid on this machine: `unshare` itself stays outside of the process namespace, and its child is the first process
   * inside.
   */
  async #firstPid(): Promise<number> {
    const outside = running(this.#machine, this.name).pid;
    const children = await readFile(`/proc/${outside}/task/${outside}/children`, 'utf8');
    const pid = Number(children.trim());
    if (!(pid > 0)) throw new Error(`${this.name}: found no first process, expected a running node`);
    return pid;
  }

  /** Connects the node to the bridge by a pair of interfaces. */
  async #connect(): Promise<void> {
    const outside = `kl-${this.name}`;
    const pid = String(await this.#firstPid());
    // The kernel removes the interface of a node without power after a delay.
    if (await isThere(`/sys/class/net/${outside}`)) await run('ip', ['link', 'delete', outside]);
    await run('ip', ['link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid]);
    await run('ip', ['link', 'set', outside, 'master', bridge, 'up']);
  }
}

interface NodeObject {
  readonly spec: { readonly taints?: readonly unknown[] };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}
interface Pods {
  readonly items: readonly { readonly metadata: { readonly uid: string } }[] | null;
}

/**
 * The node is Ready, and its kubelet, asked through the API server, knows its pods: after a restart the API server alone
 * would still report the state of the previous kubelet.
 */
async function takesPods(api: Api, name: string): Promise<boolean> {
  const { spec, status } = await api.get<NodeObject>(`/api/v1/nodes/${name}`);
  const ready = status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
  if (!ready || (spec.taints ?? []).length > 0) return false;
  const [bound, known] = await Promise.all([
    api.get<Pods>(`/api/v1/pods?fieldSelector=spec.nodeName%3D${name}`),
    api.get<Pods>(`/api/v1/nodes/${name}/proxy/pods`),
  ]);
  const uids = new Set(known.items?.map(({ metadata }) => metadata.uid));
  return (bound.items ?? []).every(({ metadata }) => uids.has(metadata.uid));
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function running(component: Component | null, what: string): Component {
  if (component === null) throw new Error(`${what}: never started`);
  return component;
}
