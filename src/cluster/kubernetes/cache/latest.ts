/**
 * The latest known version of one object: what the watch told, or what the API server answered to a write of ours that the
 * watch has not brought yet.
 *
 * Invariants:
 *  latest/V1 A write of ours is read at once: no decision is taken twice on a state that is gone.
 *  latest/V2 A list that was asked for after an answer came stands instead of it: the store may have been put back in
 *     between.
 *  latest/V3 An answer counts for a short while only. After that the watch is the truth, also when the API server was
 *     set back to an older state, whose resource versions are lower.
 */

export interface Versioned {
  readonly resourceVersion: string;
}

/** Longer than any watch lags on a healthy server. */
const answerCountsMs = 10_000;

export class Latest<V extends Versioned> {
  #observed: V | null = null;
  #answer: { readonly version: V; readonly atMs: number } | null = null;

  observed(version: V | null): void {
    this.#observed = version;
    if (version !== null && this.#answer !== null && !isNewer(this.#answer.version, version)) this.#answer = null;
  }

  answered(version: V, nowMs: number): void {
    this.#answer = { version, atMs: nowMs };
  }

  /** What is there was told, as of a moment after this. @returns true when that took an answer's place */
  listed(askedAtMs: number): boolean {
    if (this.#answer === null || this.#answer.atMs >= askedAtMs) return false;
    this.#answer = null;
    return true;
  }

  current(nowMs: number): V | null {
    if (this.#answer === null || nowMs - this.#answer.atMs > answerCountsMs) return this.#observed;
    if (this.#observed === null || isNewer(this.#answer.version, this.#observed)) return this.#answer.version;
    return this.#observed;
  }
}

/** Resource versions are numbers that may be compared (KEP-5504). */
function isNewer(version: Versioned, than: Versioned): boolean {
  return BigInt(version.resourceVersion) > BigInt(than.resourceVersion);
}
