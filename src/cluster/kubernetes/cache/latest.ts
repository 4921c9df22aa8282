/**
 * The latest known version of one object: the one from the watch, or the answer to a write of ours that the watch has not
 * delivered yet.
 *
 * Invariants:
 *  latest/V1 A write of ours is read at once: no decision is taken twice on a state that is gone.
 *  latest/V2 A list that was requested after an answer replaces the answer: the store may have been restored in between.
 *  latest/V3 An answer counts for a short while only. After that the watch counts, also when the API server was
 *     restored to an older state, whose resource versions are lower.
 */

export interface Versioned {
  readonly resourceVersion: string;
}

/** Longer than a watch lags on a healthy server. */
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

  /** Takes in the end of a list that was requested at this time. @returns true when it replaced an answer */
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

/** Resource versions are comparable numbers (KEP-5504). */
function isNewer(version: Versioned, than: Versioned): boolean {
  return BigInt(version.resourceVersion) > BigInt(than.resourceVersion);
}
