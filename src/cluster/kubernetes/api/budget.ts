/**
 * The client-side budget of requests: a bucket of `burst` tokens that fills at `qps` a second. Who finds it empty waits
 * in line. A budget is shared by everything that may slow each other down; what must never wait behind the rest, such as
 * renewing a lease, has its own.
 */
import type { Clock } from '@distillery/base';

export interface BudgetOptions {
  /** Requests a second in the long run. */
  readonly qps: number;
  /** Requests at once after a quiet time. */
  readonly burst: number;
  readonly clock: Clock;
}

export class Budget {
  readonly #options: BudgetOptions;
  /** Below zero: that many wait in line. */
  #tokens: number;
  #filledAtMs: number;

  /** @throws RangeError for numbers with which nobody would ever get a token */
  constructor(options: BudgetOptions) {
    const { qps, burst, clock } = options;
    if (!(qps > 0 && burst >= 1)) {
      throw new RangeError(
        `request budget: found qps ${qps} and burst ${burst}, expected qps above 0 and burst from 1`,
      );
    }
    this.#options = options;
    this.#tokens = burst;
    this.#filledAtMs = clock.now();
  }

  /** @returns the milliseconds waited. Who gives up while waiting (the signal aborts) leaves the place to the next who comes. */
  async take(signal?: AbortSignal): Promise<number> {
    const { qps, clock } = this.#options;
    this.#fill();
    this.#tokens -= 1;
    if (this.#tokens >= 0) return 0;
    const waitMs = (-this.#tokens / qps) * 1_000;
    await clock.sleep(waitMs, signal);
    if (signal?.aborted === true) this.#tokens += 1;
    return waitMs;
  }

  #fill(): void {
    const { qps, burst, clock } = this.#options;
    const nowMs = clock.now();
    // The machine's clock may be set back: that gives no tokens, and takes none.
    const passedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(burst, this.#tokens + (passedMs / 1_000) * qps);
  }
}
