/** What a folder must hold, and must not hold, before a run writes into it. */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

import { decodeText, printable } from '@distillery/base';
import { claimFolderSync, lookAtFolderSync, type Mark, markName, readRegularSync } from '@distillery/platform';

import type { DistillJobStatus } from '../../api/index.js';

import { CliError } from '../shared/cli-error.js';
import { shellWord } from '../shared/shell-words.js';

import { foreignIn, natsMark, runMark, strangeIn } from './run-entries.js';

/**
 * Makes the folder of a new run, or checks that it can hold one (run-folder/R1). A link that the person names is followed;
 * a link inside the folder never is.
 * @param path as the person named it
 * @returns true for a folder that was absent or empty
 * @throws CliError badInput
 */
export function claim(folder: string, path: string): boolean {
  const found = claimFolderSync(realOf(folder), runMark);
  switch (found.kind) {
    case 'made':
      return true;
    case 'ours': {
      refuseStrange(folder, `--dir ${path}`);
      refuseForeignParts(folder, `--dir ${path}`);
      return false;
    }
    case 'foreign':
      throw new CliError('badInput', {
        about: `--dir ${path}`,
        problem: `the folder holds ${listOf(found.holds)}, which is not of a run`,
        remedy: `name a new or an empty folder${found.holds.includes('job.json') ? `, or use --resume ${shellWord(path)} to continue a run that was stopped there` : ''}`,
      });
    case 'notAFolder':
      throw new CliError('badInput', {
        about: `--dir ${path}`,
        problem: `it is a ${found.is}`,
        remedy: 'name another folder',
      });
  }
}

/** @returns where a link leads; a path that does not exist stays as it is */
function realOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/**
 * Checks that a folder is one of a run. Earlier releases marked no folder: theirs hold nothing but what a run writes.
 * @returns true for a folder of an earlier release
 * @throws CliError badInput
 */
export function checkIsRun(folder: string, path: string): boolean {
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

/** Checks run-folder/R2. @throws CliError badInput */
export function refuseStrange(folder: string, who: string): void {
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

/** Checks run-folder/R1 for the folders inside that carry marks of their own. @throws CliError badInput */
export function refuseForeignParts(folder: string, who: string): void {
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
    // Refused because the folder is removed when the run is complete.
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

/** @returns a few names, and how many more there are */
function listOf(names: readonly string[]): string {
  const rest = names.length - 3;
  const shown = names.slice(0, 3).map(printable).join(', ');
  return rest > 0 ? `${shown} and ${String(rest)} more` : shown;
}

/** Protects a long run from a command that is typed twice. @throws CliError badInput */
export function refuseTrainedRun(folder: string, path: string): void {
  const steps = statusIn(folder)?.progress?.step ?? 0;
  if (steps === 0) return;
  throw new CliError('badInput', {
    about: `--dir ${path}`,
    found: `a run that trained ${String(steps)} steps there`,
    expected: 'a new folder',
    remedy: `use --resume ${shellWord(path)} to continue it, or name another folder`,
  });
}

/** The checkpoints of a complete run are gone with the server's store: it would start from step 0. @throws CliError badInput */
export function refuseCompleteRun(folder: string, path: string): void {
  const model = join(folder, 'model');
  // model.json is the last file that is written.
  if (statusIn(folder)?.phase !== 'Succeeded' || !existsSync(join(model, 'model.json'))) return;
  throw new CliError('badInput', {
    about: `--resume ${path}`,
    problem: `the run is complete, and its model is in ${model}`,
    remedy: '',
  });
}

/** @returns undefined before a run has written one */
export function statusIn(folder: string): DistillJobStatus | undefined {
  try {
    return JSON.parse(decodeText(readRegularSync(join(folder, 'status.json')))) as DistillJobStatus;
  } catch {
    return undefined;
  }
}
