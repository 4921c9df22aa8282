/** CPU of a job's teachers as a kubelet's counters would show it: the mean over the time between two scrapes. Pure. */
import { type Job, usualHpa } from '../../../src/simulate/index.js';

type Counters = Pick<Job, 'busyTeacherSeconds' | 'readyTeacherSeconds'>;

interface Sample {
  readonly atSeconds: number;
  readonly busySeconds: number;
  readonly readySeconds: number;
}

/** Of what a teacher requests: computing, and waiting for work. */
const { busyUtilization: busyShare, idleUtilization: idleShare } = usualHpa;

export class Utilization {
  readonly #windowSeconds: number;
  readonly #samples: Sample[] = [];

  constructor(windowSeconds: number) {
    this.#windowSeconds = windowSeconds;
  }

  /** @returns mean share of its request that a ready teacher of the job used lately; that of an idle one if none was ready */
  read({ busyTeacherSeconds, readyTeacherSeconds }: Counters, nowSeconds: number): number {
    const now = { atSeconds: nowSeconds, busySeconds: busyTeacherSeconds, readySeconds: readyTeacherSeconds };
    this.#samples.push(now);
    // One sample that is older than the window stays: it is where the window begins.
    while ((this.#samples[1]?.atSeconds ?? Infinity) <= nowSeconds - this.#windowSeconds) this.#samples.shift();
    const before = this.#samples[0] ?? now;
    const ready = now.readySeconds - before.readySeconds;
    const busy = ready <= 0 ? 0 : (now.busySeconds - before.busySeconds) / ready;
    return idleShare + busy * (busyShare - idleShare);
  }
}

/** Of a teacher that is still starting. */
export const startingShare = idleShare;
