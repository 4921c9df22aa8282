/**
 * How long a teacher takes to answer, as the student sees it: the shortest time from feeding an item to its frame. Longer
 * ones also waited in the queue. A window that followed those would lengthen the queue that it follows: the shortest one only
 * ever falls, so that no window grows by its own effect (docs/adr/0013).
 */
export class AnswerTime {
  readonly #fedAtMs = new Map<number, number>();
  /** Items fed before the first answer may have waited for teachers to start. */
  #answered = false;
  #shortestMs = Infinity;

  /** In seconds; 0 before it is known. */
  get seconds(): number {
    return Number.isFinite(this.#shortestMs) ? this.#shortestMs / 1_000 : 0;
  }

  /** An item that was new to the server was handed to it at that time. */
  fed(step: number, atMs: number): void {
    if (this.#answered && !this.#fedAtMs.has(step)) this.#fedAtMs.set(step, atMs);
  }

  /** All of the step is here. */
  answered(step: number, atMs: number): void {
    this.#answered = true;
    const fedAtMs = this.#fedAtMs.get(step);
    if (fedAtMs !== undefined) this.#shortestMs = Math.min(this.#shortestMs, atMs - fedAtMs);
    this.#fedAtMs.delete(step);
  }

  /** Its items may have been computed for an earlier attempt, or are given up: it says nothing. */
  forget(step: number): void {
    this.#fedAtMs.delete(step);
  }
}
