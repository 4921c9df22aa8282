/**
 * The cluster's etcd: without the waiting for disks that a test does not need, and with what only a test needs, going
 * back to an earlier state.
 */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Component } from './component.js';
import type { Processes } from './processes.js';
import { toolPath } from './tools.js';

/** A copy of everything that was stored at one moment; lives as long as its cluster. */
export interface Snapshot {
  readonly folder: string;
}

export class Etcd extends Component {
  readonly url: string;
  readonly #folder: string;
  readonly #data: string;
  #snapshots = 0;

  constructor(processes: Processes, folder: string, ports: { readonly client: number; readonly peer: number }) {
    const url = `http://127.0.0.1:${ports.client}`;
    const peer = `http://127.0.0.1:${ports.peer}`;
    const data = join(folder, 'etcd');
    super(processes, {
      name: 'etcd',
      command: toolPath('etcd'),
      args: [
        `--data-dir=${data}`,
        `--listen-client-urls=${url}`,
        `--advertise-client-urls=${url}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=default=${peer}`,
        '--unsafe-no-fsync',
        // The only member need not wait long for others before it leads.
        '--heartbeat-interval=10',
        '--election-timeout=100',
        '--log-level=warn',
      ],
      isReady: async () => (await fetch(`${url}/health`)).ok,
    });
    this.url = url;
    this.#folder = folder;
    this.#data = data;
  }

  /** Takes some 100 ms, in which the server answers no request; what it then holds is what a crash would leave. */
  async snapshot(): Promise<Snapshot> {
    const folder = join(this.#folder, `snapshot-${++this.#snapshots}`);
    await this.frozen(() => cp(this.#data, folder, { recursive: true }));
    return { folder };
  }

  /** Kills it, puts the earlier data in place, starts it. Its clients must be stopped: they would see time go back. */
  async restore({ folder }: Snapshot): Promise<void> {
    await this.kill();
    await rm(this.#data, { recursive: true });
    await cp(folder, this.#data, { recursive: true });
    await this.start();
  }
}
