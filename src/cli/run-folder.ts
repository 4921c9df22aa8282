/**
 * The folder of one local run: everything the run writes lies in it, so that removing it removes the run.
 *
 *   .distillery     marks the folder as a run's; written first
 *   job.json        the job as it was validated, its uid included: what `--resume` continues
 *   run.lock        pid of the process that works on it
 *   slots           teachers it may have, once `distill slots` said so
 *   status.json     the job's status, as `kubectl get -o json` would show it
 *   job/            manifest and passwords for the workers (0600)
 *   logs/           one file a process
 *   nats/           the server's configuration, log and store; gone after a finished run
 *   checkpoints/    with `checkpoint.store: file`
 *   model/          the result: model.json, weights.bin, metrics.json, SHA256SUMS
 *   baseline/       the folder of the run that `--baseline` adds
 *
 * Invariants:
 *  run-folder/R1 A run writes only into a folder that carries its mark, and the mark goes only into a folder that was
 *     absent or empty (packages/platform). What else stands in the way is refused before anything is touched.
 *  run-folder/R2 Nothing is written or removed through a link inside the folder, and every entry is of the kind that a
 *     run writes: a file, or a folder. Anything else is refused before anything is touched.
 */
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { codeOf, decodeText, printable } from '@distillery/base';
import {
  claimFolderSync,
  lookAtFolderSync,
  makeFolderSync,
  makeNewFolderSync,
  type Mark,
  markFolderSync,
  markName,
  markOfSync,
  readRegularSync,
  writeWholeSync,
} from '@distillery/platform';

import { type DistillJob, type DistillJobStatus, readJob } from '../api/index.js';

import { CliError } from './exit.js';
import { checkPlace } from './place.js';
import { storageFault } from './room.js';
import { foreignIn, strangeIn } from './run-entries.js';
import { shellWord } from './shell-words.js';

const runMark: Mark = { kind: 'run' };
/** Of the folder of the run's own NATS server, which goes when the run is complete. */
export const natsMark: Mark = { kind: 'nats' };

export class RunFolder {
  readonly path: string;
  readonly job: DistillJob;

  private constructor(path: string, job: DistillJob) {
    this.path = path;
    this.job = job;
  }

  /**
   * In the folder that the person names.
   * @throws CliError when the folder holds anything but a run that trained no step, or cannot be written
   */
  static create(path: string, job: DistillJob, pid: number): RunFolder {
    const folder = named('--dir', path);
    checkPlace(`--dir ${path}`, folder);
    return writing(folder, () => {
      claim(folder, path);
      return RunFolder.#begin(folder, path, job, pid);
    });
  }

  /**
   * In a folder that is not there yet: `path`, or the first of `path-2`, `path-3` and so on that is free.
   * @throws CliError when it cannot be written
   */
  static createNew(path: string, job: DistillJob, pid: number): RunFolder {
    const first = named('run folder', path);
    checkPlace(`run folder ${first}`, dirname(first));
    return writing(first, () => {
      for (let count = 1; ; count++) {
        const folder = count === 1 ? first : `${first}-${String(count)}`;
        // Only its maker goes on: of two runs that start at once, the other takes the next name.
        if (!makeNewFolderSync(folder)) continue;
        markFolderSync(folder, runMark);
        return RunFolder.#begin(folder, folder, job, pid);
      }
    });
  }

  /** @throws CliError when there is no run to resume; nothing was touched then */
  static resume(path: string, pid: number): RunFolder {
    const folder = named('--resume', path);
    const job = jobIn(folder, path);
    const earlier = checkIsRun(folder, path);
    refuseCompleteRun(folder, path);
    refuseStrange(folder, `--resume ${path}`);
    if (!earlier) refuseForeignParts(folder, `--resume ${path}`);
    return writing(folder, () => {
      lock(folder, pid);
      try {
        if (earlier) markEarlierRun(folder);
        // A copy of a run without its logs goes on as well.
        makeFolderSync(join(folder, 'logs'));
      } catch (error) {
        rmSync(join(folder, 'run.lock'), { force: true });
        throw error;
      }
      return new RunFolder(folder, job);
    });
  }

  static #begin(folder: string, path: string, job: DistillJob, pid: number): RunFolder {
    lock(folder, pid);
    try {
      refuseTrainedRun(folder, path);
      makeFolderSync(join(folder, 'logs'));
      writeWholeSync(join(folder, 'job.json'), `${JSON.stringify(job, null, 2)}\n`);
    } catch (error) {
      rmSync(join(folder, 'run.lock'), { force: true });
      throw error;
    }
    return new RunFolder(folder, job);
  }

  file(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  release(): void {
    rmSync(this.file('run.lock'), { force: true });
  }
}

/** The folder that an option names. @throws CliError when its name is empty, which would mean the working folder */
export function named(option: string, path: string): string {
  if (path.trim() !== '') return resolve(path);
  throw new CliError('badInput', {
    about: option,
    problem: 'the name of the folder is empty',
    remedy: 'name a folder',
  });
}

/** run-folder/R1. A link that the person names is followed; one inside the folder never is. @throws CliError */
function claim(folder: string, path: string): void {
  const found = claimFolderSync(realOf(folder), runMark);
  switch (found.kind) {
    case 'made':
      return;
    case 'ours': {
      refuseStrange(folder, `--dir ${path}`);
      refuseForeignParts(folder, `--dir ${path}`);
      return;
    }
    case 'foreign':
      throw new CliError('badInput', {
        about: `--dir ${path}`,
        problem: `the folder holds ${listOf(found.holds)}, which is not of a run`,
        remedy: `name a new or an empty folder${found.holds.includes('job.json') ? `; if a run was stopped there, resume it with --resume ${shellWord(path)}` : ''}`,
      });
    case 'notAFolder':
      throw new CliError('badInput', {
        about: `--dir ${path}`,
        problem: `it is a ${found.is}`,
        remedy: 'name another folder',
      });
  }
}

/** Where a link that the person names leads to; a name that is not there yet stays as it is. */
function realOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/**
 * Earlier releases marked no folder. One of theirs is a run's if nothing lies in it but what a run writes.
 * @returns true for such a folder
 * @throws CliError for any other that carries no mark
 */
function checkIsRun(folder: string, path: string): boolean {
  const found = lookAtFolderSync(realOf(folder), runMark);
  if (found.kind === 'ours') return false;
  const foreign = found.kind === 'foreign' ? found.holds.flatMap((name) => foreignIn(folder, name)) : [];
  if (foreign.length === 0) return true;
  throw new CliError('badInput', {
    about: `--resume ${path}`,
    problem: `the folder has no file ${markName}, and holds ${listOf(foreign)}, which is not of a run`,
    remedy: 'move that elsewhere, then resume',
  });
}

function markEarlierRun(folder: string): void {
  markFolderSync(folder, runMark);
  if (existsSync(join(folder, 'nats'))) markFolderSync(join(folder, 'nats'), natsMark);
}

/** run-folder/R2. @throws CliError */
function refuseStrange(folder: string, who: string): void {
  const strange = strangeIn(folder);
  if (strange === null) return;
  const { name, is } = strange;
  const fault =
    is === 'link'
      ? {
          problem: `${name} in it is a link, and a run writes only into its own folder`,
          remedy: 'remove the link, or put what it leads to in its place',
        }
      : { problem: `${name} in it is ${is}`, remedy: 'move it elsewhere' };
  throw new CliError('badInput', { about: who, ...fault });
}

/** R1 for the folders in it that carry marks of their own. @throws CliError */
function refuseForeignParts(folder: string, who: string): void {
  const foreign = (name: string, mark: Mark): boolean => lookAtFolderSync(join(folder, name), mark).kind === 'foreign';
  if (foreign('nats', natsMark)) {
    throw new CliError('badInput', {
      about: who,
      problem: 'nats in it is not of this run, which keeps its NATS server there',
      remedy: 'move it elsewhere',
    });
  }
  const [mine] = existsSync(join(folder, 'nats')) ? foreignIn(folder, 'nats') : [];
  if (mine !== undefined) {
    // The folder goes when the run is complete.
    throw new CliError('badInput', {
      about: who,
      problem: `${printable(mine)} in it is not of a run`,
      remedy: 'move it elsewhere',
    });
  }
  const baseline = join(folder, 'baseline');
  const isEarlierRun = (): boolean =>
    existsSync(join(baseline, 'job.json')) &&
    readdirSync(baseline).every((name) => foreignIn(baseline, name).length === 0);
  if (foreign('baseline', runMark) && !isEarlierRun()) {
    throw new CliError('badInput', {
      about: who,
      problem: 'baseline in it is not of this run, which keeps the run of --baseline there',
      remedy: 'move it elsewhere',
    });
  }
}

/** A few names, and how many more. */
function listOf(names: readonly string[]): string {
  const rest = names.length - 3;
  const shown = names.slice(0, 3).map(printable).join(', ');
  return rest > 0 ? `${shown} and ${String(rest)} more` : shown;
}

/** @throws CliError unless the folder's job.json is one that `create` wrote */
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
  // Of the status only this: who was announced before is not announced again.
  const attempts = statusIn(folder)?.attempts;
  return attempts === undefined ? read.job : { ...read.job, status: { attempts } };
}

/** A long run is not lost to a command that was typed twice. @throws CliError */
function refuseTrainedRun(folder: string, path: string): void {
  const steps = statusIn(folder)?.progress?.step ?? 0;
  if (steps === 0) return;
  throw new CliError('badInput', {
    about: `--dir ${path}`,
    found: `a run that trained ${String(steps)} steps there`,
    expected: 'a new folder',
    remedy: `resume it with --resume ${shellWord(path)}, or name another folder`,
  });
}

/** Its checkpoints are gone with the server's store: it would be trained again from the start. @throws CliError */
function refuseCompleteRun(folder: string, path: string): void {
  const model = join(folder, 'model');
  // model.json takes its place last.
  if (statusIn(folder)?.phase !== 'Succeeded' || !existsSync(join(model, 'model.json'))) return;
  throw new CliError('badInput', {
    about: `--resume ${path}`,
    found: 'a run that is complete',
    expected: 'one that was stopped',
    remedy: `its model lies in ${model}`,
  });
}

/** undefined when no run has come so far as to write one. */
function statusIn(folder: string): DistillJobStatus | undefined {
  try {
    return JSON.parse(decodeText(readRegularSync(join(folder, 'status.json')))) as DistillJobStatus;
  } catch {
    return undefined;
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
      throw new CliError('badInput', {
        about: folder,
        found: `process ${holder} working on this run`,
        expected: 'none',
        remedy: `wait for it or stop it (if it is another program, remove ${printable(file)})`,
      });
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
  if (markOfSync(folder)?.kind !== runMark.kind) return false;
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
    const fault = storageFault(error) ?? {
      problem: `cannot be written (${reason})`,
      remedy: 'name another folder with --dir',
    };
    // A path that no file system takes is no fault of the disk.
    const ending = codeOf(error) === 'ENAMETOOLONG' ? 'badInput' : 'storage';
    throw new CliError(ending, { ...fault, about: `run folder ${folder}` }, { cause: error });
  }
}
