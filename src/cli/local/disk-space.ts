/**
 * Watches the free space of a run's disk.
 *
 * A nats-server whose disk is full turns JetStream off and keeps running, and workers would wait forever for answers.
 * Its store lies in the run's folder, so the free space of that disk shows it in time.
 */
import { statfs } from 'node:fs/promises';

import type { Clock } from '@distillery/base';

import { CliError } from '../shared/cli-error.js';
import { shellWord } from '../shared/shell-words.js';

const MiB = 1024 * 1024;
/** More than one message of a stream, the most that is written between two checks. */
const leastFreeBytes = 2 * MiB;
const checkEveryMs = 1_000;

/** @throws CliError storage when the folder's disk has less free space than a run needs to continue */
export async function checkDiskSpace(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= leastFreeBytes) return;
  throw new CliError('storage', {
    about: `run folder ${folder}`,
    found: `${(freeBytes / MiB).toFixed(1)} MiB free on its disk`,
    expected: `at least ${String(leastFreeBytes / MiB)} MiB`,
    remedy: `free some space, then use --resume ${shellWord(folder)} to continue the run`,
  });
}

/** Checks the disk once a second until `signal` aborts; calls `failed` with the first error, then ends. */
export async function watchDiskSpace(
  folder: string,
  clock: Clock,
  signal: AbortSignal,
  failed: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await checkDiskSpace(folder);
    } catch (error) {
      failed(error);
      return;
    }
    await clock.sleep(checkEveryMs, signal);
  }
}
