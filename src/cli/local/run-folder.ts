/**
 * The folder of one local run: everything the run writes lies in it, so that removing it removes the run.
 *
 *   .distillery     marks the folder as a run's; written first
 *   job.json        the job as it was validated, its uid included: what `--resume` continues
 *   run.lock        pid of the process that runs it
 *   slots           how many teachers it may have; `distill slots` writes it
 *   status.json     the job's status, as `kubectl get -o json` would show it
 *   history.jsonl   what the run was like over time (run-history.ts)
 *   report.html     the report of the run, written at its end (run-report.ts)
 *   job/            manifest and passwords for the workers (0600)
 *   logs/           one file for each process
 *   nats/           the server's configuration, log and store; removed when the run is complete
 *   checkpoints/    with `checkpoint.store: file`
 *   model/          the result: model.json, weights.bin, model.onnx, metrics.json, SHA256SUMS
 *   baseline/       the folder of the run that `--baseline` adds
 *
 * Invariants:
 *  run-folder/R1 A run writes only into a folder that carries its mark, and the mark goes only into a folder that was
 *     absent or empty (packages/platform). Any other folder is refused before anything is changed.
 *  run-folder/R2 Nothing is written or removed through a link inside the folder, and every entry is of the kind that a
 *     run writes: a file, or a folder. Anything else is refused before anything is changed.
 *  run-folder/R3 What a kill left half-written is removed under the lock, when the folder is opened and when it is released.
 *  run-folder/R4 A run that is refused before it began leaves nothing: what this process made is removed, and nothing else.
 */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { codeOf, decodeText } from '@distillery/base';
import {
  makeFolderSync,
  makeNewFolderSync,
  markFolderSync,
  markOfSync,
  readRegularSync,
  writeWholeSync,
} from '@distillery/platform';

import { type DistillJob, readJob } from '../../api/index.js';

import { CliError, storageFault } from '../shared/cli-error.js';
import { checkPath, folderNamed } from '../shared/folders.js';

import {
  checkIsRun,
  claim,
  refuseCompleteRun,
  refuseForeignParts,
  refuseStrange,
  refuseTrainedRun,
  statusIn,
} from './run-folder-checks.js';
import { isLocked, lock, unlock } from './run-lock.js';
import { natsMark, runMark } from './run-entries.js';
import { sweepRun } from './run-sweep.js';

export class RunFolder {
  readonly path: string;
  readonly job: DistillJob;

  /** What `discard` removes: the folders that this process made, inner ones first; null = it found a run there. */
  #made: readonly string[] | null;

  private constructor(path: string, job: DistillJob, made: readonly string[] | null) {
    this.path = path;
    this.job = job;
    this.#made = made;
  }

  /**
   * Starts a run in the folder that the person names.
   * @returns the folder, locked by process `pid`
   * @throws CliError when the folder holds anything but a run that trained no step, or cannot be written
   */
  static create(path: string, job: DistillJob, pid: number): RunFolder {
    const folder = folderNamed('--dir', path);
    checkPath(`--dir ${path}`, folder);
    return writing(folder, () => {
      const missing = missingFolders(folder);
      const isNew = claim(folder, path);
      return RunFolder.#begin(folder, path, job, { pid, made: isNew ? missing : null });
    });
  }

  /**
   * Starts a run in a new folder: `path`, or the first of `path-2`, `path-3` and so on that does not exist.
   * @returns the folder, locked by process `pid`
   * @throws CliError when it cannot be written
   */
  static createNew(path: string, job: DistillJob, pid: number): RunFolder {
    const first = folderNamed('run folder', path);
    checkPath(`run folder ${first}`, dirname(first));
    return writing(first, () => {
      for (let count = 1; ; count++) {
        const folder = count === 1 ? first : `${first}-${String(count)}`;
        const missing = missingFolders(folder);
        // Of two runs that start at the same time, one makes the folder and the other takes the next name.
        if (!makeNewFolderSync(folder)) continue;
        markFolderSync(folder, runMark);
        return RunFolder.#begin(folder, folder, job, { pid, made: missing });
      }
    });
  }

  /**
   * Opens the folder of an earlier run.
   * @returns the folder, locked by process `pid`
   * @throws CliError when there is no run to resume; nothing is changed then
   */
  static resume(path: string, pid: number): RunFolder {
    const folder = folderNamed('--resume', path);
    const job = jobIn(folder, path);
    const earlier = checkIsRun(folder, path);
    refuseCompleteRun(folder, path);
    refuseStrange(folder, `--resume ${path}`);
    if (!earlier) refuseForeignParts(folder, `--resume ${path}`);
    return writing(folder, () => {
      lock(folder, pid);
      try {
        sweepRun(folder);
        if (earlier) markEarlierRun(folder);
        // A copy of a run may lack its logs.
        makeFolderSync(join(folder, 'logs'));
      } catch (error) {
        unlock(folder);
        throw error;
      }
      return new RunFolder(folder, job, null);
    });
  }

  static #begin(
    folder: string,
    path: string,
    job: DistillJob,
    { pid, made }: { readonly pid: number; readonly made: readonly string[] | null },
  ): RunFolder {
    lock(folder, pid);
    try {
      refuseTrainedRun(folder, path);
      sweepRun(folder);
      makeFolderSync(join(folder, 'logs'));
      writeWholeSync(join(folder, 'job.json'), `${JSON.stringify(job, null, 2)}\n`);
    } catch (error) {
      unlock(folder);
      throw error;
    }
    return new RunFolder(folder, job, made);
  }

  /** The run begins: from now on, `discard` removes nothing. */
  keep(): void {
    this.#made = null;
  }

  /** Removes what this process has made, unless the run has begun. What cannot be removed stays. */
  discard(): void {
    const made = this.#made;
    if (made === null) return;
    try {
      for (const name of readdirSync(this.path)) rmSync(join(this.path, name), { recursive: true, force: true });
      for (const folder of made) rmdirSync(folder);
    } catch {
      // Why the run was refused is what to report. A folder above that has another run by now is not empty.
    }
  }

  /** @returns the path of an entry of the folder */
  file(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  /** Lets another process run it. A complete run is never opened again, so what killed workers left goes now. */
  release(): void {
    try {
      sweepRun(this.path);
    } catch {
      // How the run ended is what to report.
    }
    unlock(this.path);
  }
}

/** Folders on the way to a path that do not exist, the path first. */
function missingFolders(path: string): readonly string[] {
  if (existsSync(path)) return [];
  const above = dirname(path);
  return above === path ? [path] : [path, ...missingFolders(above)];
}

function markEarlierRun(folder: string): void {
  markFolderSync(folder, runMark);
  if (existsSync(join(folder, 'nats'))) markFolderSync(join(folder, 'nats'), natsMark);
}

/** Reads the job of an earlier run. @throws CliError badInput unless its job.json is one that a run wrote */
function jobIn(folder: string, path: string): DistillJob {
  const refused = (found: string, cause?: unknown): CliError =>
    new CliError(
      'badInput',
      {
        about: `--resume ${path}`,
        found,
        expected: 'the folder of a run',
        remedy: 'name the one that the run printed when it stopped',
      },
      { cause },
    );
  let text: string;
  try {
    text = decodeText(readRegularSync(join(folder, 'job.json')));
  } catch (error) {
    throw refused('no readable job.json there', error);
  }
  const read = readJob(text, { sourceName: join(folder, 'job.json') });
  if (!read.ok || read.job.metadata.uid === undefined) throw refused('a job.json that no run wrote');
  // Of the status only the attempts are kept, so that no event is repeated.
  const attempts = statusIn(folder)?.attempts;
  return attempts === undefined ? read.job : { ...read.job, status: { attempts } };
}

/** True while a process runs the run of this folder. */
export function isRunning(folder: string): boolean {
  return markOfSync(folder)?.kind === runMark.kind && isLocked(folder);
}

/** Translates the errors of writing into the folder. @throws CliError */
function writing<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CliError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const fault = storageFault(error) ?? {
      problem: `cannot be written (${reason})`,
      remedy: 'name another folder with --dir',
    };
    // A path that is too long is not a fault of the disk.
    const ending = codeOf(error) === 'ENAMETOOLONG' ? 'badInput' : 'storage';
    throw new CliError(ending, { ...fault, about: `run folder ${folder}` }, { cause: error });
  }
}
