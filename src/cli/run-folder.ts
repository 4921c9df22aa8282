/**
 * The folder of one local run: everything the run writes lies in it, so that removing it removes the run.
 *
 *   job.json        the job as it was validated, its uid included: what `--resume` continues
 *   run.lock        pid of the process that works on it
 *   status.json     the job's status, as `kubectl get -o json` would show it
 *   job/            manifest and passwords for the workers (0600)
 *   logs/           one file a process
 *   nats/           the server's configuration, log and store; gone after a finished run
 *   checkpoints/    with `checkpoint.store: file`
 *   model/          the result: model.json, weights.bin, metrics.json
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { DistillJob } from '../api/index.js';

import { CliError } from './exit.js';

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
      mkdirSync(join(folder, 'logs'), { recursive: true });
      lock(folder, pid);
      const file = join(folder, 'job.json');
      writeFileSync(`${file}.new`, `${JSON.stringify(job, null, 2)}\n`);
      renameSync(`${file}.new`, file);
      return new RunFolder(folder, job);
    });
  }

  /** @throws CliError when there is no run to resume */
  static resume(path: string, pid: number): RunFolder {
    const folder = resolve(path);
    let job: DistillJob;
    try {
      // Written by `create` from a validated job; a person who edits it starts a new run instead.
      job = JSON.parse(readFileSync(join(folder, 'job.json'), 'utf8')) as DistillJob;
    } catch (error) {
      throw new CliError(
        'badInput',
        `--resume ${path}: found no readable job.json there; name the folder that the run printed when it stopped`,
        { cause: error },
      );
    }
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

function lock(folder: string, pid: number): void {
  const file = join(folder, 'run.lock');
  try {
    writeFileSync(file, `${pid}\n`, { flag: 'wx' });
    return;
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  }
  const holder = Number(readFileSync(file, 'utf8'));
  if (holder !== pid && isAlive(holder)) {
    throw new CliError('badInput', `${folder}: process ${holder} is working on this run; wait for it or stop it first`);
  }
  // Its process died without releasing it.
  writeFileSync(file, `${pid}\n`);
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

function writing<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CliError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError('storage', `run folder ${folder}: cannot be written (${reason}); choose another with --dir`, {
      cause: error,
    });
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
