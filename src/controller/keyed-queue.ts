/**
 * A queue of keys, after client-go's rate-limiting workqueue. A key waits at most once, one worker at a time works on it,
 * and failed work is retried after a growing wait. Frequent changes, such as telemetry, are paced: the first one starts work
 * at once, those that follow within the pace start it together.
 */
import type { Clock } from '@distillery/base';

export interface KeyedQueueOptions {
  /** @returns milliseconds until the key is worked on again; null = only after `add` */
  readonly work: (key: string) => Promise<number | null>;
  /** Called after every failure, with the wait until the retry. Must not throw. */
  readonly failed: (key: string, error: unknown, retryMs: number) => void;
  readonly clock: Clock;
  readonly workers: number;
  /** Least milliseconds from the start of a key's work to its next start; absent = 0. */
  readonly paceMs?: () => number;
}

interface Timer {
  readonly atMs: number;
  readonly abort: AbortController;
}

const firstRetryMs = 200;
const longestRetryMs = 30_000;

export class KeyedQueue {
  readonly #options: KeyedQueueOptions;
  /** Waiting keys, the oldest first, with the time at which the wait began. */
  readonly #waiting = new Map<string, number>();
  readonly #running = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, Timer>();
  readonly #notBeforeMs = new Map<string, number>();
  #stopped = false;
  #idle = Promise.withResolvers<undefined>();

  constructor(options: KeyedQueueOptions) {
    this.#options = options;
  }

  /** Number of keys that wait for a worker. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** Milliseconds that the oldest of them has waited; 0 when none waits. */
  get oldestMs(): number {
    const [sinceMs] = this.#waiting.values();
    return sinceMs === undefined ? 0 : Math.max(0, this.#options.clock.now() - sinceMs);
  }

  add(key: string): void {
    if (this.#stopped) return;
    const pauseMs = (this.#notBeforeMs.get(key) ?? 0) - this.#options.clock.now();
    if (pauseMs > 0 && !this.#running.has(key)) {
      this.#addWithin(key, pauseMs);
      return;
    }
    if (!this.#waiting.has(key)) this.#waiting.set(key, this.#options.clock.now());
    this.#dispatch();
  }

  /** Removes everything about a key that will not come again; running work continues. */
  forget(key: string): void {
    this.#waiting.delete(key);
    this.#cancelTimer(key);
    this.#notBeforeMs.delete(key);
    this.#failures.delete(key);
  }

  /** Accepts no more keys; resolves when the running work has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    for (const { abort } of this.#timers.values()) abort.abort();
    this.#timers.clear();
    if (this.#running.size > 0) await this.#idle.promise;
  }

  #dispatch(): void {
    for (const key of this.#waiting.keys()) {
      if (this.#running.size >= this.#options.workers) return;
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      this.#cancelTimer(key);
      this.#running.add(key);
      const { clock, paceMs } = this.#options;
      if (paceMs !== undefined) this.#notBeforeMs.set(key, clock.now() + paceMs());
      void this.#run(key);
    }
  }

  async #run(key: string): Promise<void> {
    let againMs: number | null;
    try {
      againMs = await this.#options.work(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      againMs = Math.min(longestRetryMs, firstRetryMs * 2 ** failures);
      this.#options.failed(key, error, againMs);
    }
    this.#running.delete(key);
    if (this.#stopped) {
      if (this.#running.size === 0) this.#idle.resolve(undefined);
      return;
    }
    // Added during its work.
    if (this.#waiting.delete(key)) this.add(key);
    else if (againMs !== null) this.#addWithin(key, againMs);
    this.#dispatch();
  }

  /** Adds the key after this time, or sooner when an earlier timer exists. */
  #addWithin(key: string, ms: number): void {
    const { clock } = this.#options;
    const atMs = clock.now() + ms;
    const known = this.#timers.get(key);
    if (known !== undefined && known.atMs <= atMs) return;
    this.#cancelTimer(key);
    const abort = new AbortController();
    this.#timers.set(key, { atMs, abort });
    void clock.sleep(ms, abort.signal).then(() => {
      if (abort.signal.aborted) return;
      this.#timers.delete(key);
      this.add(key);
    });
  }

  #cancelTimer(key: string): void {
    this.#timers.get(key)?.abort.abort();
    this.#timers.delete(key);
  }
}
