/** Repeats the same work in this process and measures wall time and CPU time. */
import { median, quantile } from './table.js';

export interface Times {
  readonly wallMs: readonly number[];
  /** CPU time of all threads; wall time alone depends on other load of the machine. */
  readonly cpuMs: readonly number[];
}

/** @param warmUps rounds that are not measured: the first few are slow until the code is compiled */
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
