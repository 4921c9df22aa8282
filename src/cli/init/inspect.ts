/** The process that inspects data and models: it loads their libraries, so that the command does not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Clock } from '@distillery/base';
import { spawnFolder } from '@distillery/platform';

import { CliError } from '../shared/cli-error.js';

import { type InitReply, type InitRequest, readReply } from './request.js';

export interface InspectionProcess {
  /** The compiled entry file. */
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: AbortSignal;
  readonly clock: Clock;
}

/** A model with a loop that does not end seems slow. */
const longestMs = 15 * 60_000;

function tooLong(): CliError {
  return new CliError('badInput', {
    about: 'distill init',
    problem: `data and model were read for ${String(longestMs / 60_000)} minutes without an end`,
    remedy: 'name some of the data with --data, or another model with --teacher',
  });
}

/** The last words of a process that crashed; more is no sentence. */
const longestWords = 2_000;

/**
 * Asks a new process, which has ended when this resolves.
 * @returns null after a stop @throws CliError for one that does not end; Error with the last words of a process that crashed
 */
export async function inspectFiles(
  request: InitRequest,
  { script, environment, stop, clock }: InspectionProcess,
): Promise<InitReply | null> {
  if (isStopped(stop)) return null;
  const child = spawn(process.execPath, [script], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: spawnFolder(request.folder),
    env: environment,
  });
  const kill = (): void => void child.kill('SIGKILL');
  stop.addEventListener('abort', kill, { once: true });
  let [output, words] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-longestWords)));
  // A process that ends before it reads: its exit says why.
  child.stdin.on('error', () => undefined);
  // Its input stays open: the end of it would mean that this process is gone.
  child.stdin.write(`${JSON.stringify(request)}\n`);
  const over = new AbortController();
  const isLate = clock.sleep(longestMs, over.signal).then(() => !over.signal.aborted);
  const closed = once(child, 'close').then(() => false);
  try {
    if (await Promise.race([closed, isLate])) {
      kill();
      await closed;
      throw tooLong();
    }
  } finally {
    over.abort();
    stop.removeEventListener('abort', kill);
  }
  if (isStopped(stop)) return null;
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  if (line.startsWith('{')) return readReply(line);
  throw new Error(
    `the process that inspects data and models ended with ${String(child.exitCode ?? child.signalCode)}: ${words.trim()}`,
  );
}

/** Read each time: the signal changes while the process works. */
function isStopped(stop: AbortSignal): boolean {
  return stop.aborted;
}
