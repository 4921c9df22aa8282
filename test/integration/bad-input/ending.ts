/**
 * How a run of `distill` ended, and what it left: the code, the message for the person, processes that are still alive,
 * half-written files. Processes are found by the run's folder in their arguments or environment, so that also processes
 * that no output named are found.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { DistillProcess, isAlive } from '../../kit/distill.js';
import { distillProgram } from '../../kit/programs.js';

export interface Ending {
  readonly exitCode: number;
  /** What the person reads: the result's message, or what was written to standard error. */
  readonly message: string;
  readonly survivors: readonly string[];
  readonly halfWritten: readonly string[];
}

/** What every clean ending has in common, whatever its code and message. */
export const nothingLeft = { survivors: [], halfWritten: [] } as const;

/** Runs `distill run … --dir folder` to its end. */
export async function endingOfRun(
  job: string,
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ending> {
  return endingOf(new DistillProcess(['run', job, '--json', '--dir', folder], environment), folder);
}

/** Waits for the end of a run in `folder`. */
export async function endingOf(run: DistillProcess, folder: string): Promise<Ending> {
  const exitCode = await run.ended();
  return {
    exitCode,
    message: run.result?.message ?? run.stderr.trim(),
    survivors: await survivorsOf(folder),
    halfWritten: halfWrittenIn(folder),
  };
}

/**
 * Runs `distill run … --json` by a line of bash, in which "$@" is the command: for limits and pipes.
 * @param args after `distill`
 */
export async function endingInShell(line: string, args: readonly string[], folder: string): Promise<Ending> {
  const shell = spawn('bash', ['-c', line, 'bash', process.execPath, distillProgram, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    shell[name].setEncoding('utf8').on('data', (text: string) => (written[name] += text));
  }
  const [exitCode] = (await once(shell, 'close')) as [number | null];
  const result = /^\{"type":"result".*$/m.exec(written.stdout)?.[0] ?? '{}';
  const { message } = JSON.parse(result) as { message?: string };
  return {
    exitCode: exitCode ?? -1,
    message: message ?? written.stderr.trim(),
    survivors: await survivorsOf(folder),
    halfWritten: halfWrittenIn(folder),
  };
}

/** Processes of the run in `folder` that do not end within the time. */
async function survivorsOf(folder: string, waitMs = 10_000): Promise<readonly string[]> {
  const end = performance.now() + waitMs;
  for (;;) {
    const alive = processesOf(folder);
    if (alive.length === 0 || performance.now() > end) return alive;
    await sleep(50);
  }
}

/** Pids and arguments of the processes that work in `folder`, from Linux's /proc. */
export function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const text = textOf(`/proc/${pid}/cmdline`) + textOf(`/proc/${pid}/environ`);
      if (!text.includes(folder) || !isAlive(Number(pid))) return [];
      return [`${pid} ${textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`];
    });
}

/** Empty for a process that is gone meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const modelFiles = ['SHA256SUMS', 'metrics.json', 'model.json', 'model.onnx', 'weights.bin'];

/** Files with the suffix of something unfinished, and a model folder that lacks a file. */
function halfWrittenIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(partial|new)$|(^|\/)\.part-/.test(name),
  );
  const model = join(folder, 'model');
  if (existsSync(model) && modelFiles.some((name) => !existsSync(join(model, name)))) found.push('model');
  return found;
}

/** Whether the run left a finished model. */
export function hasModel(folder: string): boolean {
  return modelFiles.every((name) => existsSync(join(folder, 'model', name)));
}

/** Logs of all students of a run, in order of their attempts. */
export function studentLog(folder: string): string {
  const logs = join(folder, 'logs');
  return readdirSync(logs)
    .filter((name) => /^student-\d+\.log$/.test(name))
    .map((name) => readFileSync(join(logs, name), 'utf8'))
    .join('');
}

/** A copy of a file with some of its bytes changed. */
export function changedCopy(from: string, to: string, change: (bytes: Buffer) => Buffer): void {
  writeFileSync(to, change(readFileSync(from)));
}
