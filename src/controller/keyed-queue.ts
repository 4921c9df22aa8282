/**
 * A queue of keys: the same key waits at most once, is never worked on twice at a time, and is tried again after a
 * growing wait when its work fails (after client-go's rate-limiting workqueue). What is pushed often, such as telemetry, is
 * taken at a pace: the first change at once, those that follow together.
 */
import type { Clock } from '@distillery/base';

export interface KeyedQueueOptions {
  /** Returns the milliseconds after which the key wants to be looked at again; null = only when something changes. */
  readonly work: (key: string) => Promise<number | null>;
  /** Told of every failure; must not throw. */
  readonly failed: (key: string, error: unknown, retryMs: number) => void;
  readonly clock: Clock;
  readonly workers: number;
  /** Milliseconds from one start of a key's work to its next at least; absent = 0. */
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
  /** Key to when it began to wait, the first first. */
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

  /** Keys that wait for a worker now. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** How long the first of them has waited; 0 when none waits. */
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

  /** Forgets a key that will not come again, also where it waits; work in hand goes on. */
  forget(key: string): void {
    this.#waiting.delete(key);
    this.#cancelTimer(key);
    this.#notBeforeMs.delete(key);
    this.#failures.delete(key);
  }

  /** Takes no more keys and resolves when the running ones are done. */
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
    // It changed while it was worked on.
    if (this.#waiting.delete(key)) this.add(key);
    else if (againMs !== null) this.#addWithin(key, againMs);
    this.#dispatch();
  }

  /** Adds the key after this time, or sooner when it is to come sooner already. */
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
