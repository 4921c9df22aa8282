/**
 * A cluster whose pods are real: the kit's control plane on a bridge, and nodes with containerd and kubelet that run the
 * project's images. Only one runs on a machine at a time (host-resources.ts); it ends with this process in every case.
 */
import { join } from 'node:path';

import { ControlPlane, type ControlPlaneOptions, startControlPlane } from '../control-plane.js';
import { distillJobCrd } from '../paths.js';
import { Processes } from '../processes.js';

import { nodePlace } from './configuration.js';
import { buildImages, type Image, type Images } from './images.js';
import { serveNames } from './names.js';
import { RealNode } from './node.js';
import { hostAddress, occupySite, type Site, siteFolder } from './host-resources.js';
import { realPodsAvailable } from './system.js';
import { claimFolder, type VolumeOptions } from './volumes.js';

export interface RealClusterOptions extends Pick<ControlPlaneOptions, 'audit' | 'apiServerArgs' | 'crds'> {
  /** Number of nodes; absent = 1. */
  readonly nodes?: 1 | 2;
  /** Images of ours that every node has at the start; absent = the worker's. */
  readonly images?: readonly ('operator' | 'worker' | 'nats')[];
  /** Pods find the pods of a Service by its name (names.ts); absent = they know addresses only. */
  readonly names?: boolean;
}

interface RealParts {
  readonly nodes: readonly RealNode[];
  readonly images: Images;
  readonly nodeProcesses: Processes;
  readonly site: Site;
  readonly names: { close(): Promise<void> } | null;
}

export class RealCluster extends ControlPlane {
  readonly nodes: readonly RealNode[];
  readonly images: Images;
  /** Address of this machine for pods: servers for them listen here. */
  readonly hostAddress = hostAddress;
  readonly #nodeProcesses: Processes;
  readonly #site: Site;
  readonly #names: RealParts['names'];

  constructor(controlPlane: ControlPlane, { nodes, images, nodeProcesses, site, names }: RealParts) {
    super(controlPlane);
    this.nodes = nodes;
    this.images = images;
    this.#nodeProcesses = nodeProcesses;
    this.#site = site;
    this.#names = names;
  }

  /** Loads the image of an archive into every node. */
  async loadImage(image: Pick<Image, 'archive'>): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.loadImage(image)));
  }

  /** Sets extended resources of a node, such as `{ 'nvidia.com/gpu': 4 }`; they survive restarts of its kubelet. */
  async offer(node: string, resources: Readonly<Record<string, number>>): Promise<void> {
    const quantities = Object.fromEntries(Object.entries(resources).map(([name, value]) => [name, String(value)]));
    await this.api.patch(`/api/v1/nodes/${node}/status`, {
      status: { capacity: quantities, allocatable: quantities },
    });
  }

  /** A claim on a folder of this machine. */
  async pvcFromFolder(namespace: string, name: string, folder: string, options?: VolumeOptions): Promise<void> {
    await claimFolder(this.api, namespace, name, folder, options);
  }

  /** Output of a container so far. @throws Error with the API server's message */
  async podLogs(namespace: string, pod: string, container?: string): Promise<string> {
    const query = container === undefined ? '' : `?container=${container}`;
    const { status, text } = await this.api.send('GET', `/api/v1/namespaces/${namespace}/pods/${pod}/log${query}`);
    if (status !== 200) throw new Error(`log of pod ${namespace}/${pod}: ${status} ${text}`);
    return text;
  }

  override async stop(): Promise<void> {
    await this.#names?.close();
    await Promise.all([super.stop(), this.#nodeProcesses.close()]);
    await this.#site.leave();
  }
}

/** @throws Error with the reason where `realPodsAvailable` finds one */
export async function startRealCluster(options: RealClusterOptions = {}): Promise<RealCluster> {
  const { nodes: count = 1, images: wanted = ['worker'], names = false, ...forControlPlane } = options;
  const available = await realPodsAvailable();
  if (!available.ok) throw new Error(available.why);
  const images = await buildImages();
  const site = await occupySite();
  const nodeProcesses = await Processes.open(join(siteFolder, 'processes'));
  nodeProcesses.atEnd(site.sweepCommand);
  const starting = startControlPlane({ crds: [distillJobCrd], ...forControlPlane, address: hostAddress });
  try {
    const nodes = Array.from({ length: count }, (_, index) => {
      return new RealNode({
        place: nodePlace(index, siteFolder),
        processes: nodeProcesses,
        pause: images.pause,
        names,
      });
    });
    // In parallel: nodes unpack images while the control plane starts.
    const booting = nodes.map(async (node) => {
      await node.boot();
      for (const name of ['pause', ...wanted] as const) await node.loadImage(images[name]);
    });
    await allSettled([starting, ...booting]);
    const controlPlane = await starting;
    const service = names ? await serveNames(hostAddress, controlPlane.api) : null;
    const cluster = new RealCluster(controlPlane, { nodes, images, nodeProcesses, site, names: service });
    await Promise.all(nodes.map((node) => node.join(cluster)));
    return cluster;
  } catch (error) {
    await starting.then(
      (controlPlane) => controlPlane.stop(),
      () => undefined,
    );
    await nodeProcesses.close();
    await site.leave();
    throw error;
  }
}

/** Waits for all, even when one fails: nothing may be running during the teardown. */
async function allSettled(all: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(all);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
