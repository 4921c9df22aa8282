/**
 * The keeper: a small process between an owner (a test, `npm run cluster`) and the processes of its cluster, so that
 * none of them outlives the owner, even when the owner gets SIGKILL and can no longer clean up.
 *
 * Run as `node keeper.js [FOLDER]`. Standard input is a pipe from the owner with one JSON request a line; its end means
 * that the owner is gone or done. Then, in this order:
 *  keeper/K1 the processes end, the last started first: at once, or by SIGTERM and after their grace by SIGKILL;
 *  keeper/K2 the clean-up commands run, the last given first;
 *  keeper/K3 FOLDER, if one was named, is removed.
 * Standard output carries one JSON line per process that started, failed to, or ended. It imports nothing of the
 * project: it is a program, also run from its source by the tests. processes.ts is its other side.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface StartRequest {
  readonly id: number;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment; absent = the keeper's, which is the owner's. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Both outputs are appended to it. */
  readonly logFile: string;
  /** Time between SIGTERM and SIGKILL; 0 = SIGKILL at once. */
  readonly graceMs: number;
}
export type Request =
  | { readonly start: StartRequest }
  | { readonly signal: { readonly id: number; readonly signal: NodeJS.Signals } }
  /** A command that keeper/K2 runs. */
  | { readonly atEnd: readonly string[] };
export type Report =
  | { readonly started: { readonly id: number; readonly pid: number } }
  | { readonly failed: { readonly id: number; readonly message: string } }
  | {
      readonly exited: { readonly id: number; readonly code: number | null; readonly signal: NodeJS.Signals | null };
    };

/** Maximum time of a clean-up command. */
const cleanUpLimitMs = 200_000;

const [folder] = process.argv.slice(2);
const children = new Map<number, { readonly child: ChildProcess; readonly graceMs: number }>();
const cleanUps: (readonly string[])[] = [];

function report(line: Report): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function start(request: StartRequest): void {
  const { id, command, args, env, cwd, logFile, graceMs } = request;
  let log: number;
  try {
    log = openSync(logFile, 'a', 0o600);
  } catch (error) {
    report({ failed: { id, message: String(error) } });
    return;
  }
  const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ['ignore', log, log] });
  closeSync(log);
  child.on('error', ({ message }) => {
    if (child.pid === undefined) report({ failed: { id, message } });
  });
  if (child.pid === undefined) return;
  // Record it now, not at its event: the end of the requests may already be waiting to be read.
  children.set(id, { child, graceMs });
  report({ started: { id, pid: child.pid } });
  child.on('exit', (code, signal) => {
    children.delete(id);
    report({ exited: { id, code, signal } });
  });
}

function handle(request: Request): void {
  if ('start' in request) start(request.start);
  else if ('signal' in request) children.get(request.signal.id)?.child.kill(request.signal.signal);
  else cleanUps.push(request.atEnd);
}

async function endChild(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
  const impatience = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await gone;
  clearTimeout(impatience);
}

async function cleanUp([command = '', ...args]: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], timeout: cleanUpLimitMs });
  await new Promise((resolve) => child.on('error', resolve).on('exit', resolve));
}

let ending = false;
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  for (const { child, graceMs } of [...children.values()].reverse()) await endChild(child, graceMs);
  for (const command of cleanUps.reverse()) await cleanUp(command);
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.exit(0);
}

// The owner may be gone when the last lines are written.
process.stdout.on('error', () => undefined);
createInterface({ input: process.stdin })
  .on('line', (line) => handle(JSON.parse(line) as Request))
  .on('close', () => void end());
process.on('SIGTERM', () => void end());
// The owner handles Ctrl-C and a closing terminal.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
