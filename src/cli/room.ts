/**
 * The disk of a run: whether an error says that it cannot take more, and a watch that notices before anybody is stuck.
 *
 * A nats-server without room turns JetStream off and keeps running: workers would then wait for answers for ever. Its
 * store lies in the run's folder, so a look at that disk tells.
 */
import { statfs } from 'node:fs/promises';

import { codeOf, type FaultOf, problemOf, writeRefusalOf } from '@distillery/base';
import type { Clock } from '@distillery/base';

import { CliError } from './exit.js';
import { shellWord } from './shell-words.js';

const MiB = 1024 * 1024;
/** More than one message of a stream, the largest thing that is written at once without another check. */
const leastFreeBytes = 2 * MiB;
const lookEveryMs = 1_000;

/** Of these a process says only the code, whatever the file. EPERM is left out: it also answers signals. */
const storageCodes: ReadonlySet<string> = new Set(['EACCES', 'ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EIO']);

/** What an error of the operating system says of the disk; null when it is about something else. */
export function storageFault(error: unknown): FaultOf | null {
  const code = codeOf(error);
  const refusal = storageCodes.has(code) ? writeRefusalOf(code) : null;
  return refusal === null ? null : { problem: `${problemOf(refusal)} (${code})`, remedy: refusal.remedy };
}

/** @throws CliError when the folder's disk has less room than a run needs to go on */
export async function checkRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= leastFreeBytes) return;
  throw new CliError('storage', {
    about: `run folder ${folder}`,
    found: `${(freeBytes / MiB).toFixed(1)} MiB free on its disk`,
    expected: `at least ${String(leastFreeBytes / MiB)} MiB`,
    remedy: `free some space, then resume the run with --resume ${shellWord(folder)}`,
  });
}

/** Looks again and again until `signal` aborts; tells the first error, then ends. */
export async function watchRoom(
  folder: string,
  clock: Clock,
  signal: AbortSignal,
  failed: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await checkRoom(folder);
    } catch (error) {
      failed(error);
      return;
    }
    await clock.sleep(lookEveryMs, signal);
  }
}
