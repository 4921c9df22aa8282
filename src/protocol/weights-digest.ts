/**
 * What the digest of a student's weights is made of (docs/protocol.md "Results"): it says whether two runs ended with
 * the same student, to the last bit. The student computes it from memory, whoever brings the model home from its files.
 */

/** A named tensor outside any runtime: row-major, little-endian. */
export interface NamedWeights {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * The texts and bytes whose SHA-256, in hex, is the digest: each tensor in the order of the names, its name and shape
 * before its bits. Where a tensor stands in the list does not matter.
 */
export function* weightsDigestParts(weights: readonly NamedWeights[]): Generator<string | Uint8Array> {
  for (const { name, shape, data } of [...weights].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))) {
    // JSON delimits name and shape without doubt, and the shape says how many bytes follow.
    yield JSON.stringify([name, shape]);
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
}
