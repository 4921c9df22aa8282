/** The process that looks at data and models: it loads their libraries, so that the command does not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { spawnFolder } from '@distillery/platform';

import { type InitReply, type InitRequest, readReply } from './request.js';

export interface LookProcess {
  /** The compiled entry file. */
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: AbortSignal;
}

/** The last words of a process that crashed; more is no sentence. */
const longestWords = 2_000;

/**
 * Asks a new process, which has ended when this resolves.
 * @returns null after a stop @throws Error with the last words of a process that crashed
 */
export async function lookAt(
  request: InitRequest,
  { script, environment, stop }: LookProcess,
): Promise<InitReply | null> {
  if (stop.aborted) return null;
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
  try {
    await once(child, 'close');
  } finally {
    stop.removeEventListener('abort', kill);
  }
  if (stop.aborted) return null;
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  if (line.startsWith('{')) return readReply(line);
  throw new Error(
    `the process that looks at data and models ended with ${String(child.exitCode ?? child.signalCode)}: ${words.trim()}`,
  );
}
