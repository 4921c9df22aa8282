/**
 * The disk of a run: whether an error says that it cannot take more, and a watch that notices before anybody is stuck.
 *
 * A nats-server without room turns JetStream off and keeps running: workers would then wait for answers for ever. Its
 * store lies in the run's folder, so a look at that disk tells.
 */
import { statfs } from 'node:fs/promises';

import { codeOf } from '@distillery/base';
import type { Clock } from '@distillery/base';

import { CliError } from '../shared/exit.js';
import { shellWord } from '../shared/shell-words.js';

const MiB = 1024 * 1024;
/** More than one message of a stream, the largest thing that is written at once without another check. */
const leastFreeBytes = 2 * MiB;
const lookEveryMs = 1_000;

const sentences: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'found a file or folder that may not be written, expected the right to; change its permissions'],
  ['ENOSPC', 'found no space left on its disk, expected room to write; free some space'],
  ['EDQUOT', 'found the disk quota used up, expected room to write; free some space'],
  ['EFBIG', 'found a limit on the size of a file, expected room to write; raise it (ulimit -f)'],
  ['EROFS', 'found a read-only file system, expected a writable one; mount it writable'],
  ['EIO', 'found an input/output error, expected a working disk; check the disk'],
]);

/** What an error of the operating system says of the disk; null when it is about something else. */
export function storageFault(error: unknown): string | null {
  const code = codeOf(error);
  const sentence = sentences.get(code);
  return sentence === undefined ? null : `${sentence} (${code})`;
}

/** @throws CliError when the folder's disk has less room than a run needs to go on */
export async function checkRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= leastFreeBytes) return;
  throw new CliError(
    'storage',
    `run folder ${folder}: found ${(freeBytes / MiB).toFixed(1)} MiB free on its disk, expected at least ` +
      `${String(leastFreeBytes / MiB)} MiB; free some space, then resume the run with --resume ${shellWord(folder)}`,
  );
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
