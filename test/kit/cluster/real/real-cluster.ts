/**
 * A cluster whose pods are real: the kit's control plane on a bridge, and nodes with containerd and kubelet that run the
 * project's images. One at a time on a machine (host-resources.ts); it ends with this process, whatever happens.
 */
import { join } from 'node:path';

import { ControlPlane, type ControlPlaneOptions, startControlPlane } from '../control-plane.js';
import { distillJobCrd } from '../paths.js';
import { Processes } from '../processes.js';

import { nodePlace } from './configuration.js';
import { buildImages, type Image, type Images } from './images.js';
import { RealNode } from './node.js';
import { hostAddress, occupySite, type Site, siteFolder } from './host-resources.js';
import { realPodsAvailable } from './system.js';
import { claimFolder, type VolumeOptions } from './volumes.js';

export interface RealClusterOptions extends Pick<ControlPlaneOptions, 'audit' | 'apiServerArgs' | 'crds'> {
  /** Absent = 1. */
  readonly nodes?: 1 | 2;
  /** Which of our images every node has at the start; absent = the worker's. */
  readonly images?: readonly ('operator' | 'worker')[];
}

interface RealParts {
  readonly nodes: readonly RealNode[];
  readonly images: Images;
  readonly nodeProcesses: Processes;
  readonly site: Site;
}

export class RealCluster extends ControlPlane {
  readonly nodes: readonly RealNode[];
  readonly images: Images;
  /** This machine as pods reach it: a server for them listens here. */
  readonly hostAddress = hostAddress;
  readonly #nodeProcesses: Processes;
  readonly #site: Site;

  constructor(controlPlane: ControlPlane, { nodes, images, nodeProcesses, site }: RealParts) {
    super(controlPlane);
    this.nodes = nodes;
    this.images = images;
    this.#nodeProcesses = nodeProcesses;
    this.#site = site;
  }

  /** Makes the image of an archive known to every node. */
  async loadImage(image: Pick<Image, 'archive'>): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.loadImage(image)));
  }

  /** Extended resources of a node, such as `{ 'nvidia.com/gpu': 4 }`; they stay over restarts of its kubelet. */
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

  /** What a container has printed so far. @throws Error with the API server's sentence */
  async podLogs(namespace: string, pod: string, container?: string): Promise<string> {
    const query = container === undefined ? '' : `?container=${container}`;
    const { status, text } = await this.api.send('GET', `/api/v1/namespaces/${namespace}/pods/${pod}/log${query}`);
    if (status !== 200) throw new Error(`log of pod ${namespace}/${pod}: ${status} ${text}`);
    return text;
  }

  override async stop(): Promise<void> {
    await Promise.all([super.stop(), this.#nodeProcesses.close()]);
    await this.#site.leave();
  }
}

/** @throws Error that says why, where `realPodsAvailable` says no */
export async function startRealCluster(options: RealClusterOptions = {}): Promise<RealCluster> {
  const { nodes: count = 1, images: wanted = ['worker'], ...forControlPlane } = options;
  const available = await realPodsAvailable();
  if (!available.ok) throw new Error(available.why);
  const images = await buildImages();
  const site = await occupySite();
  const nodeProcesses = await Processes.open(join(siteFolder, 'processes'));
  nodeProcesses.atEnd(site.sweepCommand);
  const starting = startControlPlane({ crds: [distillJobCrd], ...forControlPlane, address: hostAddress });
  try {
    const nodes = Array.from({ length: count }, (_, index) => {
      return new RealNode({ place: nodePlace(index, siteFolder), processes: nodeProcesses, pause: images.pause });
    });
    // All at once: nodes unpack images while the control plane comes up.
    const booting = nodes.map(async (node) => {
      await node.boot();
      for (const name of ['pause', ...wanted] as const) await node.loadImage(images[name]);
    });
    await allSettled([starting, ...booting]);
    const cluster = new RealCluster(await starting, { nodes, images, nodeProcesses, site });
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

/** Waits for all, also when one fails: nothing may be under way while everything is taken down. */
async function allSettled(all: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(all);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
