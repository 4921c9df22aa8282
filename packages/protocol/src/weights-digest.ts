/**
 * What the digest of a student's weights is made of (docs/protocol.md "Results"): it shows whether two runs ended with
 * the same student, to the last bit. The student computes it from memory, a reader of the model from its files.
 */

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
