/** Waits that double up to a limit, spread by chance, and start over after a time without trouble. */
import type { Random } from '@distillery/base';

export interface BackoffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  /** So long after the last wait the trouble counts as over. */
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

  /** Counts one failure. @returns the milliseconds to wait: between half of the step and all of it */
  next(nowMs: number): number {
    const { firstMs, longestMs, healthyMs, random } = this.#options;
    if (nowMs - this.#waitedUntilMs >= healthyMs) this.#failures = 0;
    // Beyond 2^30 steps are long at their limit.
    const stepMs = Math.min(longestMs, firstMs * 2 ** Math.min(30, this.#failures));
    this.#failures += 1;
    const waitMs = stepMs * (0.5 + 0.5 * random.unit());
    this.#waitedUntilMs = nowMs + waitMs;
    return waitMs;
  }
}
