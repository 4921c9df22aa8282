/**
 * One server of a control plane: the same program with the same arguments, stopped, killed and started again as a test
 * wants it.
 */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import type { KeptProcess, Processes, ProcessSpec } from './processes.js';

export interface ComponentSpec extends ProcessSpec {
  /** True once it serves; asked again and again after a start. Absent = a running process is enough. */
  readonly isReady?: () => Promise<boolean>;
}

const readyLimitMs = 60_000;
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

  /** Process id of the running one, or of the last that ran. */
  get pid(): number {
    if (this.#process === null) throw new Error(`${this.#spec.name}: never started`);
    return this.#process.pid;
  }

  get logFile(): string {
    if (this.#process === null) throw new Error(`${this.#spec.name}: never started`);
    return this.#process.logFile;
  }

  /** Resolves when it serves; does nothing when it runs. @throws Error with the end of its log when it does not come up */
  async start(): Promise<void> {
    if (this.running) return;
    this.#process = await this.#processes.start(this.#spec);
    await this.#untilReady(this.#process);
  }

  /** Asks it to end; resolves when it has. */
  async stop(graceMs = 10_000): Promise<void> {
    await this.#process?.stop(graceMs);
  }

  /** Ends it without a word; resolves when it is gone. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.#process?.signal(signal);
    await this.#process?.exited;
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
    const end = performance.now() + readyLimitMs;
    while (!(await isReady().catch(() => false))) {
      const trouble = !process.running ? 'ended' : performance.now() > end ? 'is not ready in time' : null;
      if (trouble !== null) throw new Error(`${name} ${trouble}; its log ends:\n${await process.lastWords()}`);
      await sleep(askEveryMs);
    }
  }
}

/** True when the kernel has stopped every thread; each stops when it next looks at its signals. */
async function isStopped(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
  return states.every((stat) => stat.slice(stat.lastIndexOf(')') + 2).startsWith('T'));
}
