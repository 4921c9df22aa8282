/**
 * A queue of keys: the same key waits at most once, is never worked on twice at a time, and is tried again after a
 * growing wait when its work fails (after client-go's rate-limiting workqueue).
 */
import type { Clock } from '../lib/clock.js';

export interface KeyedQueueOptions {
  /** Returns the milliseconds after which the key wants to be looked at again; null = only when something changes. */
  readonly work: (key: string) => Promise<number | null>;
  /** Told of every failure; must not throw. */
  readonly failed: (key: string, error: unknown, retryMs: number) => void;
  readonly clock: Clock;
  readonly workers: number;
}

const firstRetryMs = 200;
const longestRetryMs = 30_000;

export class KeyedQueue {
  readonly #options: KeyedQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, AbortController>();
  #stopped = false;
  #idle = Promise.withResolvers<undefined>();

  constructor(options: KeyedQueueOptions) {
    this.#options = options;
  }

  add(key: string): void {
    if (this.#stopped) return;
    this.#waiting.add(key);
    this.#dispatch();
  }

  /** Takes no more keys and resolves when the running ones are done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    for (const timer of this.#timers.values()) timer.abort();
    this.#timers.clear();
    if (this.#running.size > 0) await this.#idle.promise;
  }

  #dispatch(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= this.#options.workers) return;
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      this.#cancelTimer(key);
      this.#running.add(key);
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
    if (againMs !== null && !this.#waiting.has(key)) this.#addAfter(key, againMs);
    this.#dispatch();
  }

  #addAfter(key: string, ms: number): void {
    this.#cancelTimer(key);
    const timer = new AbortController();
    this.#timers.set(key, timer);
    void this.#options.clock.sleep(ms, timer.signal).then(() => {
      if (timer.signal.aborted) return;
      this.#timers.delete(key);
      this.add(key);
    });
  }

  #cancelTimer(key: string): void {
    this.#timers.get(key)?.abort();
    this.#timers.delete(key);
  }
}
