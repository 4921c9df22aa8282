/**
 * `distill slots N`: limits the teachers of a running run, through a file in the run's folder that the run reads. The rights
 * of the folder decide who may do it, and no port is needed.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Clock } from '@distillery/base';
import { readTextSync, writeWholeSync } from '@distillery/platform';

import { CliError } from '../shared/cli-error.js';
import { folderNamed } from '../shared/folders.js';

import { isRunning } from './run-folder.js';

/** Name of the file in the run's folder. */
export const slotsFile = 'slots';

const checkEveryMs = 250;
/** More processes than any machine has. */
const mostSlots = 100_000;

/**
 * Limits the teachers of a run.
 * @param folder of the run; undefined = the only running one in the folder `runs`
 * @returns the folder of the run @throws CliError badInput when no run is running, or several are
 */
export function writeSlots(slots: number, folder: string | undefined, runs: string): string {
  const run = folder === undefined ? onlyRunIn(runs) : folderNamed('--dir', folder);
  if (!isRunning(run)) {
    throw new CliError('badInput', {
      about: `--dir ${run}`,
      problem: 'no run is running there',
      remedy: 'start one, or name another folder',
    });
  }
  writeWholeSync(join(run, slotsFile), `${String(slots)}\n`);
  return run;
}

function onlyRunIn(runs: string): string {
  const found = foldersIn(runs).filter(isRunning);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new CliError('badInput', {
    about: runs,
    problem: found.length === 0 ? 'no run is running there' : `several runs are running (${found.join(', ')})`,
    remedy: 'name the folder of the run with --dir',
  });
}

function foldersIn(parent: string): string[] {
  try {
    return readdirSync(parent).map((name) => join(parent, name));
  } catch {
    return [];
  }
}

/** Calls `changed` with every number that is written from now on, until `signal` aborts. Earlier numbers are dropped. */
export async function watchSlots(
  folder: string,
  clock: Clock,
  signal: AbortSignal,
  changed: (slots: number) => void,
): Promise<void> {
  const file = join(folder, slotsFile);
  rmSync(file, { force: true });
  let last: number | null = null;
  while (!signal.aborted) {
    const slots = slotsIn(file);
    if (slots !== null && slots !== last) changed(slots);
    last = slots;
    await clock.sleep(checkEveryMs, signal);
  }
}

/** @returns null when there is no file, or no number in it */
function slotsIn(file: string): number | null {
  let text: string;
  try {
    text = readTextSync(file).trim();
  } catch {
    return null;
  }
  const slots = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  return slots <= mostSlots ? slots : null;
}
