/** Removes what killed processes left half-written in a run's folder. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { isAlive, sweepHalfWrittenSync } from '@distillery/platform';

import { sweptIn } from './run-entries.js';

/** Files that another process writes beside the run, without the lock. */
const writtenBeside: readonly string[] = ['slots', 'run.lock'];
/** What earlier releases left of files that were being written. */
const earlierHalves: readonly string[] = ['job.json.new', 'status.json.new', 'slots.new'];

/**
 * Removes them; files of others stay. The caller holds the lock: no other process may write what a run writes, and a worker
 * of a killed run, which ends by itself, must not.
 * @throws the system's error with its code
 */
export function sweepRun(folder: string): void {
  for (const { inner, isOwn } of sweptIn(folder)) {
    sweepHalfWrittenSync(join(folder, inner), {
      isOwn,
      isWriting: (pid, target) => inner === '' && writtenBeside.includes(target) && isAlive(pid),
    });
  }
  for (const name of earlierHalves) rmSync(join(folder, name), { force: true });
}
