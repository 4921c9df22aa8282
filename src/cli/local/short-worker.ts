/** A worker process that answers one question about a job with one line of JSON, without any stream. */
import { spawn } from 'node:child_process';

import { spawnFolder } from '@distillery/platform';
import { workerExitCodes } from '@distillery/protocol';

import type { Ending } from '../shared/exit.js';

import type { RunFolder } from './run-folder.js';

export interface ShortWorker {
  /** Its compiled entry file. */
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: AbortSignal;
}

export interface Answered {
  /** null when it could not be started, or was stopped. */
  readonly exitCode: number | null;
  readonly stdout: string;
  /** The start of what it wrote there. */
  readonly stderr: string;
}

const longestSentence = 4_000;

/** Asks it about the job whose manifest is in the folder. The process has ended when this resolves. */
export async function ask(folder: RunFolder, { script, environment, stop }: ShortWorker): Promise<Answered> {
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: spawnFolder(folder.path),
    env: { ...environment, DISTILL_MANIFEST: folder.file('job', 'manifest.json') },
    signal: stop,
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < longestSentence) stderr += text.slice(0, longestSentence - stderr.length);
  });
  const exitCode = await new Promise<number | null>((settle) => {
    child.on('error', () => {
      // A stop is reported as an error, too: that child is ending, and `close` follows.
      if (child.pid === undefined) settle(null);
    });
    child.once('close', settle);
  });
  return { exitCode, stdout: Buffer.concat(chunks).toString('utf8'), stderr };
}

/** `distill` ends as the worker process ended that failed its job. */
export function endingOf(exitCode: number | null): Exclude<Ending, 'ok'> {
  if (exitCode === workerExitCodes.terminal) return 'badInput';
  if (exitCode === workerExitCodes.unreachable) return 'unavailable';
  if (exitCode === workerExitCodes.storage) return 'storage';
  return 'failed';
}
