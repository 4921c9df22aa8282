/**
 * `distill slots N`: how many teachers a run may have from now on. It is written into the run's folder, and the run looks
 * there: whoever may write the folder may say so, and nothing listens on any port.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Clock } from '@distillery/base';
import { readTextSync, writeWholeSync } from '@distillery/platform';

import { CliError } from './exit.js';
import { isAtWork, named } from './run-folder.js';

/** Name of the file in the run's folder. */
export const slotsFile = 'slots';

const lookEveryMs = 250;
/** As many processes as no machine has. */
const mostSlots = 100_000;

/** @returns the folder of the run that was told. @throws CliError when there is none, or several to choose from */
export function tellSlots(slots: number, folder: string | undefined, runs: string): string {
  const run = folder === undefined ? onlyRunIn(runs) : named('--dir', folder);
  if (!isAtWork(run)) {
    throw new CliError('badInput', {
      about: `--dir ${run}`,
      found: 'no process at work there',
      expected: 'the folder of a run',
      remedy: 'start one, or name another',
    });
  }
  writeWholeSync(join(run, slotsFile), `${String(slots)}\n`);
  return run;
}

function onlyRunIn(runs: string): string {
  const found = foldersIn(runs).filter(isAtWork);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new CliError('badInput', {
    about: runs,
    found: found.length === 0 ? 'no run at work' : `several runs at work (${found.join(', ')})`,
    expected: 'one',
    remedy: 'name its folder with --dir',
  });
}

function foldersIn(parent: string): string[] {
  try {
    return readdirSync(parent).map((name) => join(parent, name));
  } catch {
    return [];
  }
}

/** Calls back with every number that is written from now on, until `signal` aborts. What an earlier run was told is gone. */
export async function watchSlots(
  folder: string,
  clock: Clock,
  signal: AbortSignal,
  told: (slots: number) => void,
): Promise<void> {
  const file = join(folder, slotsFile);
  rmSync(file, { force: true });
  let last: number | null = null;
  while (!signal.aborted) {
    const slots = slotsIn(file);
    if (slots !== null && slots !== last) told(slots);
    last = slots;
    await clock.sleep(lookEveryMs, signal);
  }
}

/** null when nobody wrote any, or something that is no number. */
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
