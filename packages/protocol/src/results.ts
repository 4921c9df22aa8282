/**
 * How a reader of a job's results checks them (docs/protocol.md "Results"): the digest of the student's weights, and the
 * list of the result files with the SHA-256 of each, in the format of `sha256sum -c`. The job's status names the digest and
 * the SHA-256 of the list, so that it covers every byte of every file. Pure: the caller hashes.
 *
 * The digest shows whether two runs ended with the same student, to the last bit. The student computes it from memory, a
 * reader of the model from its files.
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

/** A named tensor outside any runtime: row-major, little-endian. */
export interface NamedWeights {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * The texts and bytes whose SHA-256, in hex, is the digest: each tensor in the order of the names, its name and shape
 * before its bits. The order of the list does not matter.
 */
export function* weightsDigestParts(weights: readonly NamedWeights[]): Generator<string | Uint8Array> {
  for (const tensor of inDigestOrder(weights)) {
    yield weightsDigestHead(tensor);
    yield new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  }
}

/** The order in which tensors enter the digest. */
export function inDigestOrder<T extends { readonly name: string }>(tensors: readonly T[]): T[] {
  return [...tensors].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** What enters the digest before a tensor's bits: JSON delimits name and shape, and the shape gives the number of bytes that follow. */
export function weightsDigestHead({ name, shape }: Pick<NamedWeights, 'name' | 'shape'>): string {
  return JSON.stringify([name, shape]);
}
