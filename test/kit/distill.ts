/**
 * The `distill` command as a person runs it: a child process with `--json`, its lines parsed, its processes known by pid,
 * so that tests kill exactly those and check that none is left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { stringify } from 'yaml';

import { exitCodes } from '../../src/cli/shared/exit.js';
import { distillProgram } from './programs.js';

const root = join(import.meta.dirname, '../..');

export interface Progress {
  readonly type: 'progress';
  readonly phase: string;
  readonly step: number;
  readonly steps: number;
  readonly teachers: readonly { readonly name: string; readonly phase: string }[];
  readonly pids: {
    readonly student: number | null;
    readonly teachers: readonly number[];
    readonly nats: number | null;
  };
}
export interface EventLine {
  readonly type: 'event';
  readonly severity: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}
export interface ResultLine {
  readonly type: 'result';
  readonly outcome: 'complete' | 'failed' | 'stopped';
  readonly message?: string;
  readonly digest?: string;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly replacedRows?: number;
  readonly studentAccuracy?: number | null;
  readonly teacherAccuracy?: number;
  readonly baselineAccuracy?: number;
  readonly folder?: string;
  /** The command that resumes a stopped run. */
  readonly resume?: string;
  readonly report?: string;
  readonly model?: string;
}
type Line = Progress | EventLine | ResultLine | { readonly type: 'message'; readonly message: string };

export class DistillProcess {
  readonly lines: Line[] = [];
  /** Lines that were printed for people. */
  readonly plain: string[] = [];
  readonly child: ChildProcess;
  readonly #everyPid = new Set<number>();
  readonly #ended: Promise<number>;
  #stderr = '';

  /** @param folder in which it is started; absent = the folder of this process */
  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}, folder?: string) {
    this.child = spawn(process.execPath, [distillProgram, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
      ...(folder === undefined ? {} : { cwd: folder }),
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    if (this.child.stdout !== null) {
      createInterface({ input: this.child.stdout }).on('line', (text) => {
        if (!text.startsWith('{')) {
          this.plain.push(text);
          return;
        }
        const line = JSON.parse(text) as Line;
        this.lines.push(line);
        if (line.type === 'progress') {
          const { student, teachers, nats } = line.pids;
          for (const pid of [student, nats, ...teachers]) if (pid !== null) this.#everyPid.add(pid);
        }
      });
    }
    this.#ended = once(this.child, 'close').then(([code]) => (typeof code === 'number' ? code : -1));
  }

  get stderr(): string {
    return this.#stderr;
  }

  get progress(): Progress | undefined {
    return this.lines.findLast((line) => line.type === 'progress');
  }

  get events(): EventLine[] {
    return this.lines.filter((line) => line.type === 'event');
  }

  get result(): ResultLine | undefined {
    return this.lines.findLast((line) => line.type === 'result');
  }

  /** The exit code, once the process and its output have ended. */
  ended(): Promise<number> {
    return this.#ended;
  }

  /** Waits for a condition on the output; fails when the run ends first. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const over = new AbortController();
    void this.#ended.then(() => over.abort());
    while (!holds()) {
      if (over.signal.aborted) {
        throw new Error(`the run ended before: ${what}\n${this.stderr}\n${JSON.stringify(this.lines.at(-1))}`);
      }
      await sleep(20, undefined, { signal: over.signal }).catch(() => undefined);
    }
  }

  /** Pids that the run ever reported and that are still alive; waits until there are none or the time is up. */
  async survivors(waitMs = 10_000): Promise<number[]> {
    const end = performance.now() + waitMs;
    for (;;) {
      const alive = [...this.#everyPid].filter(isAlive);
      if (alive.length === 0 || performance.now() > end) return alive;
      await sleep(50);
    }
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export const distillExit = exitCodes;

/** A job of a few seconds on small real data; `change` edits the spec before it is written. */
export function writeSmallJob(
  folder: string,
  dataUri: string,
  change: (spec: SmallSpec) => void = () => undefined,
): string {
  const spec: SmallSpec = {
    dataset: { uri: dataUri },
    training: { batchSize: 64, epochs: 4, seed: 7, augment: { shift: 1, noise: 0.05 } },
    teacher: {
      model: { format: 'onnx', uri: `file://${join(root, 'examples/mnist/models/teacher.onnx')}` },
      bufferTargetSeconds: 2,
      pools: [{ name: 'cpu', maxReplicas: 2 }],
    },
    logits: {},
    student: {
      model: { uri: `file://${join(root, 'examples/mnist/models/student.json')}` },
      optimizer: { name: 'adam', learningRate: 0.002 },
      checkpoint: { everySteps: 20, keep: 2, store: 'nats' },
    },
  };
  change(spec);
  const file = join(folder, 'job.yaml');
  writeFileSync(
    file,
    stringify({ apiVersion: 'distillery.dev/v1alpha1', kind: 'DistillJob', metadata: { name: 'small' }, spec }),
  );
  return file;
}

export interface SmallSpec {
  dataset: Record<string, unknown>;
  training: Record<string, unknown>;
  teacher: Record<string, unknown>;
  logits: Record<string, unknown>;
  student: Record<string, unknown>;
  backoffLimit?: number;
}
