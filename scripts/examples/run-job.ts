/** Runs a job by the `distill` command, and reads what it measured. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { type Manifest, parseManifest } from '@distillery/protocol';

import { CliError } from '../../dist/src/cli/shared/cli-error.js';
import { type Ending, exitCodes } from '../../dist/src/cli/shared/exit.js';

import { programsFolder } from '../programs/programs.ts';
import type { Figures } from './example.ts';

const distill = join(programsFolder, 'src/cli/main.js');

export interface JobRun {
  readonly job: string;
  /** The run's folder: absent, or empty. */
  readonly folder: string;
  readonly hasBaseline: boolean;
  /** `View` shows the run as `distill run` does. */
  readonly output: 'View' | 'Quiet';
  readonly progress: (line: string) => void;
  readonly stop: AbortSignal;
}

export interface RunResult {
  readonly figures: Figures;
  /** SHA-256 of the student's weights, hex. */
  readonly digest: string;
  /** Folder of the student's model. */
  readonly model: string;
  /** What the workers got. */
  readonly manifest: Manifest;
}

interface Line {
  readonly type?: string;
  readonly outcome?: string;
  readonly message?: string;
  readonly step?: number;
  readonly steps?: number;
}

/** @throws CliError when the run does not end with a model; the reason of `stop` once it aborts */
export async function runJob({ job, folder, hasBaseline, output, progress, stop }: JobRun): Promise<RunResult> {
  stop.throwIfAborted();
  const args = ['run', job, '--dir', folder, ...(hasBaseline ? ['--baseline'] : [])];
  const quiet = output === 'Quiet';
  const child = spawn(process.execPath, [distill, ...args, ...(quiet ? ['--json'] : [])], {
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', 'inherit'],
  });
  const end = (): void => void child.kill('SIGINT');
  stop.addEventListener('abort', end, { once: true });
  const reader = new LineReader(progress);
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (text) => reader.take(text));
  const [code] = (await once(child, 'close')) as [number | null];
  stop.removeEventListener('abort', end);
  stop.throwIfAborted();
  if (code !== 0) throw failed(reader.result, code, folder);
  return resultIn(folder, reader.result);
}

/** Keeps the last line of `distill run --json`, and says each tenth of the steps. */
class LineReader {
  result: Line = {};
  #tenths = 0;
  readonly #progress: (line: string) => void;

  constructor(progress: (line: string) => void) {
    this.#progress = progress;
  }

  take(text: string): void {
    const line = lineOf(text);
    if (line.type === 'result') this.result = line;
    const { step = 0, steps = 0 } = line;
    const tenths = steps === 0 ? 0 : Math.floor((step / steps) * 10);
    if (line.type !== 'progress' || tenths === this.#tenths) return;
    this.#tenths = tenths;
    this.#progress(`step ${String(step)} of ${String(steps)}`);
  }
}

/** An empty object for what is no JSON. */
function lineOf(text: string): Line {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return {};
  }
}

/** Ends as the run did. */
function failed(result: Line, code: number | null, folder: string): CliError {
  const ending = Object.entries(exitCodes).find((entry) => entry[1] === code)?.[0] as Ending | undefined;
  const problem = result.message ?? `it ended with exit code ${String(code)}`;
  const logs = join(folder, 'logs');
  // Without a message, `distill` itself has said what is wrong.
  const remedy = result.message !== undefined && existsSync(logs) ? `read the logs in ${logs}` : '';
  return new CliError(ending === undefined || ending === 'ok' ? 'failed' : ending, {
    about: 'distill run',
    problem,
    remedy,
  });
}

/** The numbers of `metrics.json`, and those of the last line of `distill run --json`. */
function resultIn(folder: string, line: object): RunResult {
  const model = join(folder, 'model');
  const report = JSON.parse(readFileSync(join(model, 'metrics.json'), 'utf8')) as { digest: string; metrics?: object };
  return {
    figures: { ...numbersOf(report), ...numbersOf(report.metrics ?? {}), ...numbersOf(line) },
    digest: report.digest,
    model,
    manifest: parseManifest(readFileSync(join(folder, 'job/manifest.json'), 'utf8')),
  };
}

function numbersOf(values: object): Figures {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
