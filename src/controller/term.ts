/**
 * The term of a leader. It ends `deadlineMs` after its last confirmed renewal was *sent*, measured by the local clock that
 * ran faster: the monotonic clock stops while a machine is suspended, and the wall clock can be set back.
 */

/** A term, as seen by the work that is done in it. */
export interface Term {
  /** Aborts when no new work may start: leadership is lost, or the process stops. */
  readonly signal: AbortSignal;
  /** Whether this process may act now. Check it before every write. */
  holds(): boolean;
}

export interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

export class RunningTerm implements Term {
  readonly #now: () => Moment;
  readonly #deadlineMs: number;
  readonly #stopped = new AbortController();
  #confirmedAt: Moment;
  #over = false;

  constructor(now: () => Moment, deadlineMs: number, confirmedAt: Moment) {
    this.#now = now;
    this.#deadlineMs = deadlineMs;
    this.#confirmedAt = confirmedAt;
  }

  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  holds(): boolean {
    return this.leftMs() > 0;
  }

  leftMs(): number {
    if (this.#over) return 0;
    const { wallMs, monotonicMs } = this.#now();
    const elapsedMs = Math.max(wallMs - this.#confirmedAt.wallMs, monotonicMs - this.#confirmedAt.monotonicMs);
    return Math.max(0, this.#deadlineMs - elapsedMs);
  }

  extend(confirmedAt: Moment): void {
    this.#confirmedAt = confirmedAt;
  }

  /** Starts no new work; running work may end within the term. */
  stop(): void {
    this.#stopped.abort();
  }

  end(): void {
    this.#over = true;
    this.#stopped.abort();
  }
}
