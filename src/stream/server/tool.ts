/**
 * Runs a tool such as `go` or `tar` to its end.
 *
 * Invariant:
 *  tool/T1 Nothing that a tool started outlives the call or this process, short of a SIGKILL of this process. The tool
 *     leads a process group of its own, which is ended as a whole: `go build` alone leaves its compilers behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';

import { DistilleryError } from '@distillery/base';

export interface ToolOptions {
  readonly cwd?: string;
  readonly environment?: NodeJS.ProcessEnv;
  readonly limitMs: number;
  readonly stop: AbortSignal;
}

/** The tool could not be started, took too long, or ended with another exit code than 0. */
export class ToolError extends DistilleryError {
  override readonly name = 'ToolError';
  readonly kind = 'Tool';
  readonly retry = 'Later';
}

/** Time between asking a tool to end and ending it. */
const graceMs = 2_000;
/** Of each output, its last part is kept. */
const keptCharacters = 64 * 1024;

/**
 * Runs a tool, without a shell.
 * @returns what it wrote to standard output, its last 64 Ki characters
 * @throws ToolError; the signal's reason once it aborts, after everything that the tool started has ended
 */
export async function runTool(
  command: string,
  args: readonly string[],
  { cwd, environment, limitMs, stop }: ToolOptions,
): Promise<string> {
  stop.throwIfAborted();
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
    ...(environment === undefined ? {} : { env: environment }),
  });
  const output = lastOf(child.stdout);
  const errors = lastOf(child.stderr);
  const ended = Promise.withResolvers<{ readonly code: number | null } | { readonly error: unknown }>();
  child.once('error', (error) => ended.resolve({ error }));
  child.once('close', (code) => ended.resolve({ code }));
  const timers: NodeJS.Timeout[] = [];
  const end = (): void => {
    signalGroup(child, 'SIGTERM');
    timers.push(setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs));
  };
  const overdue = new AbortController();
  overdue.signal.addEventListener('abort', end, { once: true });
  timers.push(setTimeout(() => overdue.abort(), limitMs));
  // A second Ctrl-C ends this process at once.
  const atExit = (): void => signalGroup(child, 'SIGKILL');
  process.once('exit', atExit);
  stop.addEventListener('abort', end, { once: true });
  try {
    const ending = await ended.promise;
    stop.throwIfAborted();
    if ('error' in ending)
      throw new ToolError({ about: '', problem: `${command} cannot be started`, remedy: '' }, { cause: ending.error });
    if (overdue.signal.aborted)
      throw new ToolError({
        about: '',
        problem: `${command} took longer than ${String(limitMs / 1_000)} s`,
        remedy: '',
      });
    const { code } = ending;
    if (code === 0) return output();
    // One sentence, not a page.
    const lastLine = errors().trim().split('\n').at(-1) ?? '';
    const problem = lastLine === '' ? `${command} ended with exit code ${String(code)}` : lastLine;
    throw new ToolError({ about: '', problem, remedy: '' });
  } finally {
    // What a tool left running in its group holds no pipe of ours.
    signalGroup(child, 'SIGKILL');
    for (const timer of timers) clearTimeout(timer);
    process.off('exit', atExit);
    stop.removeEventListener('abort', end);
  }
}

function lastOf(stream: ChildProcess['stdout']): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-keptCharacters)));
  return () => text;
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The whole group has ended.
  }
}
