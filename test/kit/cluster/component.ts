/**
 * One server of a control plane: the same program with the same arguments, which a test can stop, kill and start again.
 */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { patienceMs } from '../patience.js';
import type { KeptProcess, Processes, ProcessSpec } from './processes.js';

export interface ComponentSpec extends ProcessSpec {
  /** True once it serves; polled after a start. Absent = a running process is enough. */
  readonly isReady?: () => Promise<boolean>;
}

const askEveryMs = 25;

export class Component {
  readonly #processes: Processes;
  readonly #spec: ComponentSpec;
  #process: KeptProcess | null = null;

  constructor(processes: Processes, spec: ComponentSpec) {
    this.#processes = processes;
    this.#spec = spec;
  }

  get running(): boolean {
    return this.#process?.running === true;
  }

  /** Process id of the running process, or of the last one. */
  get pid(): number {
    if (this.#process === null) throw new Error(`${this.#spec.name}: never started`);
    return this.#process.pid;
  }

  get logFile(): string {
    if (this.#process === null) throw new Error(`${this.#spec.name}: never started`);
    return this.#process.logFile;
  }

  /** Resolves when it serves; does nothing when it runs. @throws Error with the end of its log when it does not start */
  async start(): Promise<void> {
    if (this.running) return;
    this.#process = await this.#processes.start(this.#spec);
    await this.#untilReady(this.#process);
  }

  /** Stops it with SIGTERM; resolves when it has ended. */
  async stop(graceMs = 10_000): Promise<void> {
    await this.#ending(() => this.#process?.stop(graceMs));
  }

  /** Stops it with SIGKILL; resolves when it has ended. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    await this.#ending(() => {
      this.#process?.signal(signal);
      return this.#process?.exited;
    });
  }

  /** With `nsenter` the program is a child that ends just after it, and holds its port until then. */
  async #ending(end: () => Promise<unknown> | undefined): Promise<void> {
    const children = this.running ? await childrenOf(this.pid) : [];
    await end();
    for (const child of children) while (await runs(child)) await sleep(1);
  }

  /** Stops it if it runs, and starts it. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Freezes it while `work` runs: it answers no request and writes nothing. */
  async frozen<T>(work: () => Promise<T>): Promise<T> {
    this.#process?.signal('SIGSTOP');
    try {
      while (this.running && !(await isStopped(this.pid))) await sleep(1);
      return await work();
    } finally {
      this.#process?.signal('SIGCONT');
    }
  }

  async #untilReady(process: KeptProcess): Promise<void> {
    const { name, isReady } = this.#spec;
    if (isReady === undefined) return;
    const end = performance.now() + patienceMs;
    while (!(await isReady().catch(() => false))) {
      const trouble = !process.running ? 'ended' : performance.now() > end ? 'is not ready in time' : null;
      if (trouble !== null) throw new Error(`${name} ${trouble}; its log ends:\n${await process.lastWords()}`);
      await sleep(askEveryMs);
    }
  }
}

async function childrenOf(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter((child) => child !== '');
}

/**
 * False for one that has ended and that nothing has waited for yet. After a SIGKILL the first thread may have ended while others still
 * hold the sockets.
 */
async function runs(pid: string): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const states = threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => null));
  return (await Promise.all(states)).some((stat) => stat !== null && !/^[ZX]/.test(stateIn(stat)));
}

/** From the state on: the name before it may hold anything. */
function stateIn(stat: string): string {
  return stat.slice(stat.lastIndexOf(')') + 2);
}

/** True when the kernel has stopped every thread; each stops when it next checks its signals. */
async function isStopped(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
  return states.every((stat) => stateIn(stat).startsWith('T'));
}
