/**
 * Watches the storage of a run: the free space of its disk, and the writes of its NATS server.
 *
 * A nats-server whose disk is full turns JetStream off and keeps running, and workers would wait forever for answers. Its
 * store lies in the run's folder, so the free space of that disk shows it in time. A limit on the size of files, a quota or a
 * broken disk shows in the server's log alone.
 */
import { statfs } from 'node:fs/promises';

import type { Clock } from '@distillery/base';

import { CliError, storageFaultOf } from '../shared/cli-error.js';
import { shellWord } from '../shared/shell-words.js';

import type { Nats } from './nats.js';

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

/** @throws CliError storage when the system refused a write to the run's NATS server */
async function checkServerWrites(folder: string, nats: Pick<Nats, 'refusedWrite'>): Promise<void> {
  const code = await nats.refusedWrite();
  const fault = code === null ? null : storageFaultOf(code);
  if (fault === null) return;
  throw new CliError('storage', {
    ...fault,
    about: `NATS server of run folder ${folder}`,
    remedy: `${fault.remedy}, then use --resume ${shellWord(folder)} to continue the run`,
  });
}

export interface StorageWatch {
  /** Of the run. */
  readonly folder: string;
  readonly nats: Pick<Nats, 'refusedWrite'>;
  readonly clock: Clock;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/** Checks once a second; calls `failed` with the first error, then ends. */
export async function watchStorage(
  { folder, nats, clock, signal }: StorageWatch,
  failed: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await checkDiskSpace(folder);
      await checkServerWrites(folder, nats);
    } catch (error) {
      failed(error);
      return;
    }
    await clock.sleep(checkEveryMs, signal);
  }
}
