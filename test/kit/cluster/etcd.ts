/**
 * The cluster's etcd: without fsync, which tests do not need, and with a way back to an earlier state, which only tests
 * need.
 */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Component } from './component.js';
import type { Processes } from './processes.js';
import { toolPath } from './tools.js';

/** A copy of all data at one moment; exists as long as its cluster. */
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
        // The only member need not wait for others before it leads.
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

  /** Takes about 100 ms, in which the server answers no request; the copy is what a crash would leave. */
  async snapshot(): Promise<Snapshot> {
    const folder = join(this.#folder, `snapshot-${++this.#snapshots}`);
    await this.frozen(() => cp(this.#data, folder, { recursive: true }));
    return { folder };
  }

  /** Kills it, restores the earlier data, starts it. Its clients must be stopped: they would see versions decrease. */
  async restore({ folder }: Snapshot): Promise<void> {
    await this.kill();
    await rm(this.#data, { recursive: true });
    await cp(folder, this.#data, { recursive: true });
    await this.start();
  }
}
