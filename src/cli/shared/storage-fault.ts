/** Errors of the operating system about a disk, as sentences. */
import { codeOf } from '@distillery/base';

const sentences: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'found a file or folder that may not be written, expected the right to; change its permissions'],
  ['ENOSPC', 'found no space left on its disk, expected room to write; free some space'],
  ['EDQUOT', 'found the disk quota used up, expected room to write; free some space'],
  ['EFBIG', 'found a limit on the size of a file, expected room to write; raise it (ulimit -f)'],
  ['EROFS', 'found a read-only file system, expected a writable one; mount it writable'],
  ['EIO', 'found an input/output error, expected a working disk; check the disk'],
]);

/** A sentence without its subject, such as "found a read-only file system…"; null when the error is not about a disk. */
export function storageFault(error: unknown): string | null {
  const code = codeOf(error);
  const sentence = sentences.get(code);
  return sentence === undefined ? null : `${sentence} (${code})`;
}
