/**
 * The owner's side of the keeper: starts processes, knows them by pid, and has them end with their owner.
 *
 * Invariants:
 *  processes/P1 A process started here never outlives this process: the keeper sees to it; should the keeper itself be
 *     killed, its processes are killed from here.
 *  processes/P2 Signals go through the keeper, the parent: a pid that was given to somebody else meanwhile is never
 *     hit.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Report, Request } from './keeper.js';

export interface ProcessSpec {
  /** Names the log file too. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment; absent = this process's. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it gets between SIGTERM and SIGKILL when everything ends; absent = 0, SIGKILL at once. */
  readonly graceMs?: number;
}
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}
export interface KeptProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly running: boolean;
  /** Resolves when it has ended, for any reason. */
  readonly exited: Promise<ProcessExit>;
  /** Does nothing when it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, after the grace SIGKILL; resolves when it has ended. */
  stop(graceMs?: number): Promise<ProcessExit>;
  /** SIGKILL, as a machine that loses power would; resolves when it has ended. */
  kill(): Promise<ProcessExit>;
  /** Its last lines, for an error message. */
  lastWords(): Promise<string>;
}

interface Entry {
  readonly started: PromiseWithResolvers<number>;
  readonly exited: PromiseWithResolvers<ProcessExit>;
  pid: number | null;
}

export class Processes {
  readonly #keeper: ChildProcess;
  readonly #logs: string;
  readonly #entries = new Map<number, Entry>();
  readonly #ended: Promise<unknown>;
  #lastId = 0;

  /**
   * @param folder holds `logs/`
   * @param keep leave the folder when everything has ended; otherwise the keeper removes it
   */
  static async open(folder: string, keep = false): Promise<Processes> {
    await mkdir(join(folder, 'logs'), { recursive: true, mode: 0o700 });
    return new Processes(folder, keep);
  }

  private constructor(folder: string, keep: boolean) {
    this.#logs = join(folder, 'logs');
    const program = fileURLToPath(new URL(`./keeper${extname(import.meta.url)}`, import.meta.url));
    // Its own process group: a Ctrl-C in the owner's terminal is not for the cluster.
    this.#keeper = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', program, ...(keep ? [] : [folder])],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        detached: true,
      },
    );
    this.#ended = once(this.#keeper, 'close').then(
      () => this.#orphan('its keeper ended'),
      (error: unknown) => this.#orphan(`its keeper could not be started: ${String(error)}`),
    );
    // The keeper may be gone first.
    this.#keeper.stdin?.on('error', () => undefined);
    if (this.#keeper.stdout !== null) {
      createInterface({ input: this.#keeper.stdout }).on('line', (line) => this.#read(JSON.parse(line) as Report));
    }
  }

  /** @throws Error when it could not be started; that it then keeps running is for the caller to see */
  async start(spec: ProcessSpec): Promise<KeptProcess> {
    const { name, graceMs = 0, command, args, env, cwd } = spec;
    const id = ++this.#lastId;
    const logFile = join(this.#logs, `${name}.log`);
    const entry: Entry = { started: Promise.withResolvers(), exited: Promise.withResolvers(), pid: null };
    this.#entries.set(id, entry);
    this.#send({
      start: {
        id,
        command,
        args,
        logFile,
        graceMs,
        ...(env === undefined ? {} : { env }),
        ...(cwd === undefined ? {} : { cwd }),
      },
    });
    let running = true;
    const exited = entry.exited.promise.then((exit) => {
      running = false;
      return exit;
    });
    const signal = (which: NodeJS.Signals): void => this.#send({ signal: { id, signal: which } });
    const pid = await entry.started.promise.catch((error: unknown) => {
      throw new Error(`${name} (${command}): ${error instanceof Error ? error.message : String(error)}`);
    });
    return {
      name,
      pid,
      logFile,
      get running() {
        return running;
      },
      exited,
      signal,
      stop: async (grace = graceMs) => {
        signal('SIGTERM');
        const impatience = setTimeout(() => signal('SIGKILL'), grace);
        const exit = await exited;
        clearTimeout(impatience);
        return exit;
      },
      kill: () => {
        signal('SIGKILL');
        return exited;
      },
      lastWords: () => lastWords(logFile),
    };
  }

  /** Has the keeper run a command when everything has ended; the last given runs first. */
  atEnd(command: readonly [string, ...string[]]): void {
    this.#send({ atEnd: command });
  }

  /** Ends everything (keeper/K1, keeper/K2, keeper/K3); resolves when that is done. */
  async close(): Promise<void> {
    this.#keeper.stdin?.end();
    await this.#ended;
  }

  #send(request: Request): void {
    this.#keeper.stdin?.write(`${JSON.stringify(request)}\n`);
  }

  #read(report: Report): void {
    if ('started' in report) {
      const entry = this.#entries.get(report.started.id);
      if (entry !== undefined) entry.pid = report.started.pid;
      entry?.started.resolve(report.started.pid);
    } else if ('failed' in report) {
      this.#entries.get(report.failed.id)?.started.reject(new Error(report.failed.message));
      this.#entries.delete(report.failed.id);
    } else {
      const { id, code, signal } = report.exited;
      this.#entries.get(id)?.exited.resolve({ code, signal });
      this.#entries.delete(id);
    }
  }

  /** The keeper is gone: whatever it did not report as ended ends now. */
  #orphan(reason: string): void {
    for (const { started, exited, pid } of this.#entries.values()) {
      started.reject(new Error(reason));
      if (pid !== null) killPid(pid);
      exited.resolve({ code: null, signal: null });
    }
    this.#entries.clear();
  }
}

function killPid(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already, which is what was wanted.
  }
}

async function lastWords(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-5).join('\n') || '(nothing)';
}
