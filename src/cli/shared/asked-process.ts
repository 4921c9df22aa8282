/**
 * A process of ours that is asked by one line on its standard input: it loads libraries, so that the command does not. What is
 * in the line is in no argument, environment or file.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

import { spawnFolder } from '@distillery/platform';

export interface AskedProcessOptions {
  /** The compiled entry file. */
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Where it works, while that folder is there. */
  readonly folder: string;
  /** Kills it. */
  readonly stop: AbortSignal;
  /** Receives its standard error, in pieces of text. */
  readonly heard: (text: string) => void;
}

export interface AskedProcess {
  readonly output: Readable;
  /** Resolves when it has ended and all that it wrote is here. */
  readonly closed: Promise<void>;
  readonly kill: () => void;
  /** null = it has not ended by itself. */
  readonly exitCode: () => number | null;
  /** @param what of the process, as a subject @param words the last ones that it wrote */
  readonly crash: (what: string, words: string) => Error;
}

/** The last words of a process that crashed; more is no sentence. */
export const longestWords = 2_000;

export function askProcess(
  request: object,
  { script, environment, folder, stop, heard }: AskedProcessOptions,
): AskedProcess {
  const child = spawn(process.execPath, [script], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: spawnFolder(folder),
    env: environment,
  });
  const kill = (): void => void child.kill('SIGKILL');
  stop.addEventListener('abort', kill, { once: true });
  child.stderr.setEncoding('utf8').on('data', heard);
  // A process that ends before it reads: its exit says why.
  child.stdin.on('error', () => undefined);
  // Its input stays open: the end of it would mean that this process is gone.
  child.stdin.write(`${JSON.stringify(request)}\n`);
  const closed = once(child, 'close').then(() => stop.removeEventListener('abort', kill));
  return {
    output: child.stdout,
    closed,
    kill,
    exitCode: () => child.exitCode,
    crash: (what, words) =>
      new Error(`${what} ended with ${String(child.exitCode ?? child.signalCode)}: ${words.trim()}`),
  };
}
