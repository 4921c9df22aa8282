/** The same work again and again in this process: what it takes by the clock and of the processor. */
import { median, quantile } from './table.js';

export interface Times {
  readonly wallMs: readonly number[];
  /** Of all threads; beside wall time, since the machine may be busy with something else. */
  readonly cpuMs: readonly number[];
}

/** @param warmUps rounds before those that count: the first few are spent on compiling */
export function timed(work: () => unknown, rounds: number, warmUps = 0): Times {
  const [wallMs, cpuMs]: [number[], number[]] = [[], []];
  for (let round = 0; round < warmUps + rounds; round++) {
    const [startedMs, usage] = [performance.now(), process.cpuUsage()];
    work();
    const tookMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(usage);
    if (round < warmUps) continue;
    wallMs.push(tookMs);
    cpuMs.push((user + system) / 1_000);
  }
  return { wallMs, cpuMs };
}

/** Columns of a table. */
export function timesOf({ wallMs, cpuMs }: Times): {
  readonly 'median ms': string;
  readonly 'p99 ms': string;
  readonly 'median cpu ms': string;
} {
  return {
    'median ms': median(wallMs).toFixed(2),
    'p99 ms': quantile(wallMs, 0.99).toFixed(2),
    'median cpu ms': median(cpuMs).toFixed(2),
  };
}
