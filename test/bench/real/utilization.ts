/**
 * CPU utilization of a job's teachers as a kubelet's counters would show it: the mean over the time between two scrapes.
 * Pure.
 */
import { type Job, usualHpa } from '../../../src/simulate/index.js';

type Counters = Pick<Job, 'busyTeacherSeconds' | 'readyTeacherSeconds'>;

interface Sample {
  readonly atSeconds: number;
  readonly busySeconds: number;
  readonly readySeconds: number;
}

/** Shares of a teacher's request that it uses while computing, and while waiting for work. */
const { busyUtilization: busyShare, idleUtilization: idleShare } = usualHpa;

export class Utilization {
  readonly #windowSeconds: number;
  readonly #samples: Sample[] = [];

  constructor(windowSeconds: number) {
    this.#windowSeconds = windowSeconds;
  }

  /**
   * @returns mean share of its request that a ready teacher of the job used recently; that of an idle teacher if none was
   *   ready
   */
  read({ busyTeacherSeconds, readyTeacherSeconds }: Counters, nowSeconds: number): number {
    const now = { atSeconds: nowSeconds, busySeconds: busyTeacherSeconds, readySeconds: readyTeacherSeconds };
    this.#samples.push(now);
    // Keep one sample older than the window: it marks the beginning of the window.
    while ((this.#samples[1]?.atSeconds ?? Infinity) <= nowSeconds - this.#windowSeconds) this.#samples.shift();
    const before = this.#samples[0] ?? now;
    const ready = now.readySeconds - before.readySeconds;
    const busy = ready <= 0 ? 0 : (now.busySeconds - before.busySeconds) / ready;
    return idleShare + busy * (busyShare - idleShare);
  }
}

/** Share of the request that a starting teacher uses. */
export const startingShare = idleShare;
