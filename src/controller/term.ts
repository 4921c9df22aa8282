/**
 * Time in office of a leader. It ends `deadlineMs` after the moment at which its last confirmed renewal was *sent*, by
 * whichever of the local clocks ran faster: the monotonic one stands still while a machine is suspended, the other can be
 * set back.
 */

/** A term, as whoever works in it sees it. */
export interface Term {
  /** Aborts when no new work may be started: leadership was lost, or the process is to stop. */
  readonly signal: AbortSignal;
  /** Whether this process may act at this very moment; to be asked before every write. */
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

  /** No new work; what runs may end within the term. */
  stop(): void {
    this.#stopped.abort();
  }

  end(): void {
    this.#over = true;
    this.#stopped.abort();
  }
}
