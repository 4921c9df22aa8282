/** Rates over the last few seconds, from counted work and busy time; the clock comes in by parameter. */

export interface Sample {
  readonly atMs: number;
  readonly rows: number;
  readonly busyMs: number;
  readonly idleMs: number;
}

export interface Rates {
  /** Rows a second of wall time. */
  readonly samplesPerSecond: number;
  /** Rows a second of busy time: the rate without waiting. */
  readonly capableSamplesPerSecond: number;
  /** Busy ÷ (busy + idle), 0 … 1. */
  readonly busyFraction: number;
}

/** Sliding window over `windowMs`; memory is bounded by dropping what is older. */
export class Meter {
  readonly #windowMs: number;
  #samples: Sample[] = [];
  #last: Rates = { samplesPerSecond: 0, capableSamplesPerSecond: 0, busyFraction: 0 };

  constructor(windowMs = 5_000) {
    this.#windowMs = windowMs;
  }

  add(sample: Sample): void {
    this.#samples.push(sample);
    if (this.#samples.length > 4_096) this.#samples.splice(0, 2_048);
  }

  /** Rates of the window that ends at `nowMs`; the capable rate of an empty window is the last one known. */
  rates(nowMs: number): Rates {
    const from = nowMs - this.#windowMs;
    this.#samples = this.#samples.filter((sample) => sample.atMs >= from);
    const first = this.#samples[0];
    if (first === undefined) {
      return { samplesPerSecond: 0, capableSamplesPerSecond: this.#last.capableSamplesPerSecond, busyFraction: 0 };
    }
    let rows = 0;
    let busyMs = 0;
    let idleMs = 0;
    for (const sample of this.#samples) {
      rows += sample.rows;
      busyMs += sample.busyMs;
      idleMs += sample.idleMs;
    }
    // The window reaches back to where the first sample's own work began.
    const wallMs = Math.max(1, nowMs - (first.atMs - first.busyMs - first.idleMs));
    this.#last = {
      samplesPerSecond: (rows * 1_000) / wallMs,
      capableSamplesPerSecond: busyMs > 0 ? (rows * 1_000) / busyMs : this.#last.capableSamplesPerSecond,
      busyFraction: Math.min(1, busyMs / Math.max(1, busyMs + idleMs)),
    };
    return this.#last;
  }
}
