/**
 * How many requests a second this process allows itself (client-go's QPS and burst): a token bucket. Requests are let
 * through in the order in which they came.
 */
import type { Clock } from '../../lib/clock.js';

export interface BudgetOptions {
  readonly perSecond: number;
  /** Requests that may go at once after a quiet time. */
  readonly burst: number;
  readonly clock: Clock;
}

export class Budget {
  readonly #options: BudgetOptions;
  /** When the bucket is as it would be after all that were let through: in the past it has tokens. */
  #paidUntilMs = -Infinity;

  constructor(options: BudgetOptions) {
    this.#options = options;
  }

  /** @returns milliseconds waited; resolves at once when the signal aborts */
  async take(signal?: AbortSignal): Promise<number> {
    const { perSecond, burst, clock } = this.#options;
    const nowMs = clock.now();
    const everyMs = 1_000 / perSecond;
    this.#paidUntilMs = Math.max(this.#paidUntilMs, nowMs - burst * everyMs) + everyMs;
    const waitMs = Math.max(0, this.#paidUntilMs - nowMs);
    if (waitMs > 0) await clock.sleep(waitMs, signal);
    return waitMs;
  }
}
