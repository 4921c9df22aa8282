/**
 * One worker as a child process. It is spawned with a pipe whose end tells it that its owner is gone, so that no worker
 * outlives the run even if the owner is killed. Its output goes to a file, and its termination message is read back.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { dirname } from 'node:path';

import { makeFolderSync, spawnFolder } from '@distillery/platform';
import { isEndFromOutside } from '@distillery/protocol';

import type { EndedProcess } from '../../domain/index.js';

export interface ChildSpec {
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly terminationFile: string;
  /** Runs at a lower CPU priority than the student and all other programs. */
  readonly background: boolean;
}

export interface ChildEnd {
  readonly ended: EndedProcess;
  readonly signal: NodeJS.Signals | null;
}

/** Signals that a process causes by its own fault; all others come from outside. */
const ownFaults: readonly NodeJS.Signals[] = ['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGSYS', 'SIGTRAP'];

/** True if the process was ended from outside (killed, evicted, stopped), which is not an error of its own. */
export function endedFromOutside({ ended, signal }: ChildEnd): boolean {
  return (
    (ended.exitCode !== null && isEndFromOutside(ended.exitCode)) || (signal !== null && !ownFaults.includes(signal))
  );
}

export interface Child {
  readonly pid: number;
  readonly end: Promise<ChildEnd>;
  /** SIGTERM now, SIGKILL after the grace period; the first call counts. */
  stop(graceMs: number): void;
}

/** @throws Error when the process could not be started */
export function startChild(spec: ChildSpec): Child {
  makeFolderSync(dirname(spec.logFile));
  rmSync(spec.terminationFile, { force: true });
  const log = openSync(spec.logFile, 'a');
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', spec.script], {
      stdio: ['pipe', log, log],
      cwd: spawnFolder(dirname(spec.logFile)),
      env: { ...spec.environment, DISTILL_OWNER_PIPE: '1', DISTILL_TERMINATION_LOG: spec.terminationFile },
    });
  } finally {
    closeSync(log);
  }
  const { pid } = child;
  const end = new Promise<ChildEnd>((resolve) => {
    child.once('error', (error) => {
      resolve({ ended: { exitCode: null, message: error.message }, signal: null });
    });
    child.once('exit', (exitCode, signal) => {
      resolve({ ended: { exitCode, message: terminationMessage(spec.terminationFile, exitCode, signal) }, signal });
    });
  });
  // The worker may exit before the pipe closes; its end is reported above.
  child.stdin?.on('error', () => undefined);
  if (pid === undefined) throw new Error(`could not start ${spec.script}`);
  if (spec.background) lowerPriority(pid);
  let stopping = false;
  return {
    pid,
    end,
    stop: (graceMs) => {
      if (stopping) return;
      stopping = true;
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
      void end.then(() => {
        clearTimeout(kill);
      });
    },
  };
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // The process is already gone, or the system forbids it. The teacher then runs at normal priority.
  }
}

function terminationMessage(path: string, exitCode: number | null, signal: NodeJS.Signals | null): string {
  try {
    const text = readFileSync(path, 'utf8').trim();
    if (text !== '') return text;
  } catch {
    // The worker wrote no message.
  }
  return signal === null ? `exited with code ${String(exitCode)}` : `ended by ${signal}`;
}
