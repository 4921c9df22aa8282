/**
 * The client-side budget of requests: a bucket of `burst` tokens that refills at `qps` a second. Callers wait in line
 * while it is empty. Callers that may slow each other down share a budget; a caller that must never wait behind them,
 * such as the renewal of a lease, has its own.
 */
import type { Clock } from '@distillery/base';

export interface BudgetOptions {
  /** Sustained requests a second. */
  readonly qps: number;
  /** Requests that may be sent at once after a quiet time. */
  readonly burst: number;
  readonly clock: Clock;
}

export class Budget {
  readonly #options: BudgetOptions;
  /** Below zero: the number of callers in line. */
  #tokens: number;
  #filledAtMs: number;

  /** @throws RangeError for numbers with which no caller ever gets a token */
  constructor(options: BudgetOptions) {
    const { qps, burst, clock } = options;
    if (!(qps > 0 && burst >= 1)) {
      throw new RangeError(`request budget: qps must be above 0 and burst at least 1, not ${qps} and ${burst}`);
    }
    this.#options = options;
    this.#tokens = burst;
    this.#filledAtMs = clock.now();
  }

  /** @returns the milliseconds waited. An aborted wait returns its token. */
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
    // If the machine's clock is set back, tokens are neither added nor removed.
    const passedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(burst, this.#tokens + (passedMs / 1_000) * qps);
  }
}
