/** A clock that stands still until a test moves it; sleepers wake in the order of their times. */
import { setImmediate as turn } from 'node:timers/promises';

import type { Clock } from '@distillery/base';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  #nowMs: number;
  #sleepers: Sleeper[] = [];

  constructor(nowMs = 0) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const sleeper: Sleeper = { atMs: this.#nowMs + ms, wake: () => resolve(undefined) };
    this.#sleepers.push(sleeper);
    signal?.addEventListener('abort', () => {
      this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
      sleeper.wake();
    });
    return promise;
  }

  /** Milliseconds until each sleeper wakes, the soonest first. */
  get waits(): number[] {
    return this.#sleepers.map(({ atMs }) => atMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Advances the clock, wakes the sleepers that become due, and lets all their consequences happen. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const [next] = this.#sleepers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#nowMs = next.atMs;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      next.wake();
      await settled();
    }
    this.#nowMs = endMs;
    await settled();
  }
}

/** Resolves when every promise that needs neither time nor input has proceeded. */
export async function settled(): Promise<void> {
  await turn();
}
