/** Waits that double up to a limit, with jitter, and start over after a time without failures. */
import type { Random } from '@distillery/base';

export interface BackoffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Time after the last wait without a failure, after which the next wait is the first again. */
  readonly healthyMs: number;
  readonly random: Random;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;
  #waitedUntilMs = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Counts one failure. @returns the milliseconds to wait, between half of the step and the whole step */
  next(nowMs: number): number {
    const { firstMs, longestMs, healthyMs, random } = this.#options;
    if (nowMs - this.#waitedUntilMs >= healthyMs) this.#failures = 0;
    // Steps reach their limit long before 2^30; the cap keeps the number finite.
    const stepMs = Math.min(longestMs, firstMs * 2 ** Math.min(30, this.#failures));
    this.#failures += 1;
    const waitMs = stepMs * (0.5 + 0.5 * random.unit());
    this.#waitedUntilMs = nowMs + waitMs;
    return waitMs;
  }
}
