/**
 * The folder of one local run: everything the run writes lies in it, so that removing it removes the run.
 *
 *   job.json        the job as it was validated, its uid included: what `--resume` continues
 *   run.lock        pid of the process that works on it
 *   slots           teachers it may have, once `distill slots` said so
 *   status.json     the job's status, as `kubectl get -o json` would show it
 *   job/            manifest and passwords for the workers (0600)
 *   logs/           one file a process
 *   nats/           the server's configuration, log and store; gone after a finished run
 *   checkpoints/    with `checkpoint.store: file`
 *   model/          the result: model.json, weights.bin, metrics.json
 */
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { type DistillJob, type DistillJobStatus, readJob } from '../api/index.js';

import { codeOf } from '../lib/system-error.js';
import { readTextSync } from '../platform/index.js';

import { CliError } from './exit.js';
import { storageFault } from './room.js';

export class RunFolder {
  readonly path: string;
  readonly job: DistillJob;

  private constructor(path: string, job: DistillJob) {
    this.path = path;
    this.job = job;
  }

  /** @throws CliError when the folder cannot be written or another run lives there */
  static create(path: string, job: DistillJob, pid: number): RunFolder {
    const folder = resolve(path);
    return writing(folder, () => {
      makeFolder(join(folder, 'logs'));
      lock(folder, pid);
      const file = join(folder, 'job.json');
      try {
        refuseTrainedRun(folder, path);
        writeFileSync(`${file}.new`, `${JSON.stringify(job, null, 2)}\n`);
        renameSync(`${file}.new`, file);
      } catch (error) {
        for (const name of [`${file}.new`, join(folder, 'run.lock')]) rmSync(name, { force: true });
        throw error;
      }
      return new RunFolder(folder, job);
    });
  }

  /** @throws CliError when there is no run to resume */
  static resume(path: string, pid: number): RunFolder {
    const folder = resolve(path);
    const job = jobIn(folder, path);
    refuseCompleteRun(folder, path);
    return writing(folder, () => {
      lock(folder, pid);
      return new RunFolder(folder, job);
    });
  }

  file(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  release(): void {
    rmSync(this.file('run.lock'), { force: true });
  }
}

/** @throws CliError unless the folder's job.json is one that `create` wrote */
function jobIn(folder: string, path: string): DistillJob {
  const refused = (found: string, cause?: unknown): CliError =>
    new CliError(
      'badInput',
      `--resume ${path}: found ${found}, expected the folder of a run; name the one that the run printed when it stopped`,
      { cause },
    );
  let text: string;
  try {
    text = readTextSync(join(folder, 'job.json'));
  } catch (error) {
    throw refused('no readable job.json there', error);
  }
  const read = readJob(text, { sourceName: join(folder, 'job.json') });
  if (!read.ok || read.job.metadata.uid === undefined) throw refused('a job.json that no run wrote');
  // Of the status only this: who was announced before is not announced again.
  const attempts = statusIn(folder)?.attempts;
  return attempts === undefined ? read.job : { ...read.job, status: { attempts } };
}

/** A long run is not lost to a command that was typed twice. @throws CliError */
function refuseTrainedRun(folder: string, path: string): void {
  const steps = statusIn(folder)?.progress?.step ?? 0;
  if (steps === 0) return;
  throw new CliError(
    'badInput',
    `--dir ${path}: found a run that trained ${String(steps)} steps there, expected a new folder; ` +
      `go on with it by --resume ${path}, or name another folder`,
  );
}

/** Its checkpoints are gone with the server's store: it would be trained again from the start. @throws CliError */
function refuseCompleteRun(folder: string, path: string): void {
  const model = join(folder, 'model');
  if (statusIn(folder)?.phase !== 'Succeeded' || !existsSync(model)) return;
  throw new CliError(
    'badInput',
    `--resume ${path}: found a run that is complete, expected one that was stopped; its model lies in ${model}`,
  );
}

/** undefined when no run has come so far as to write one. */
function statusIn(folder: string): DistillJobStatus | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'status.json'), 'utf8')) as DistillJobStatus;
  } catch {
    return undefined;
  }
}

/** As mkdir -p; Node's own `recursive` reports a read-only file system as a missing folder. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/** @throws CliError when a process that lives holds the folder */
function lock(folder: string, pid: number): void {
  const file = join(folder, 'run.lock');
  for (;;) {
    try {
      writeFileSync(file, `${pid}\n`, { flag: 'wx' });
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const holder = holderOf(file);
    if (holder !== null && holder !== pid && isAlive(holder)) {
      throw new CliError(
        'badInput',
        `${folder}: found process ${holder} working on this run, expected none; wait for it or stop it ` +
          `(if it is another program, remove ${file})`,
      );
    }
    if (holder !== null) removeLockOf(holder, file, `${file}.${pid}`);
  }
}

/** The pid in a lock, NaN when it holds none; null when there is no lock. */
function holderOf(file: string): number | null {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

/** Removes what a dead process left. Of two that find it at once, one may have taken the lock anew: it keeps it. */
function removeLockOf(dead: number, file: string, aside: string): void {
  try {
    renameSync(file, aside);
    if (!Object.is(holderOf(aside), dead)) linkSync(aside, file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EEXIST') throw error;
  }
  rmSync(aside, { force: true });
}

/** True while a process works on the run of this folder. */
export function isAtWork(folder: string): boolean {
  const holder = holderOf(join(folder, 'run.lock'));
  return holder !== null && isAlive(holder);
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function writing<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CliError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const fault = storageFault(error);
    const sentence =
      fault ?? `found that it cannot be written (${reason}), expected a folder; choose another with --dir`;
    throw new CliError('storage', `run folder ${folder}: ${sentence}`, { cause: error });
  }
}
