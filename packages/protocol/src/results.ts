/**
 * The list of a job's result files with the SHA-256 of each, in the format of `sha256sum -c`. The job's status names the
 * SHA-256 of the list, so that the status covers every byte of every file. Pure.
 */

/** Name of the list among the results. */
export const resultSumsName = 'SHA256SUMS';

/** The files that a student writes, in this order. */
export const resultFiles: readonly string[] = ['model.json', 'weights.bin', 'metrics.json', resultSumsName];

/** A file that a result may be. */
export const resultNamePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/** @param sums SHA-256 in lower-case hex, by file name */
export function resultSumsText(sums: ReadonlyMap<string, string>): string {
  return [...sums].map(([name, sum]) => `${sum}  ${name}\n`).join('');
}

/** @returns the sums by name; null for a text that is not such a list, or that names a file twice */
export function readResultSums(text: string): Map<string, string> | null {
  const sums = new Map<string, string>();
  const lines = text.split('\n');
  // A last line without an end was cut.
  if (lines.pop() !== '') return null;
  for (const line of lines) {
    const [, sum = '', name = ''] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (!resultNamePattern.test(name) || sums.has(name)) return null;
    sums.set(name, sum);
  }
  return sums;
}
