/**
 * What the student reports of its training: losses, evaluations and rates. Every list is bounded for a run of any length
 * (I4), since each checkpoint holds them.
 */
import type { StudentState, TrainingMetrics } from '@distillery/protocol';

import type { Rates } from '../base/index.js';

export interface EvaluationRecord {
  readonly step: number;
  readonly accuracy: number;
  /** Mean cross-entropy, nats per sample. */
  readonly loss: number;
}

/** Maximum number of points on the loss curve of a whole run: a longer run has longer stretches. */
const lossPoints = 200;
/** Number of steps that the reported loss is the mean of. */
const shownLossSteps = 50;
export const maxEvaluations = 1_000;
export const maxSkippedSteps = 1_000;

export class Progress {
  readonly #stretch: number;
  #evaluations: EvaluationRecord[];
  #losses: { step: number; loss: number }[];
  #skippedSteps: number[];
  #skipped: number;
  #recent: number[] = [];
  #stretchSum: number;
  #stretchCount: number;

  constructor(steps: number, metrics: TrainingMetrics | null) {
    this.#stretch = Math.max(1, Math.ceil(steps / lossPoints));
    this.#evaluations = [...(metrics?.evaluations ?? [])];
    this.#losses = [...(metrics?.losses ?? [])];
    this.#skippedSteps = [...(metrics?.skippedSteps ?? [])];
    this.#skipped = metrics?.skipped ?? 0;
    this.#stretchSum = metrics?.openStretch.sum ?? 0;
    this.#stretchCount = metrics?.openStretch.count ?? 0;
  }

  trained(step: number, loss: number): void {
    this.#recent.push(loss);
    if (this.#recent.length > shownLossSteps) this.#recent.shift();
    this.#stretchSum += loss;
    this.#stretchCount += 1;
    if ((step + 1) % this.#stretch !== 0) return;
    this.#losses.push({ step: step + 1, loss: this.#stretchSum / this.#stretchCount });
    this.#stretchSum = 0;
    this.#stretchCount = 0;
  }

  skipped(step: number): void {
    this.#skipped += 1;
    if (this.#skippedSteps.length < maxSkippedSteps) this.#skippedSteps.push(step);
  }

  evaluated(record: EvaluationRecord): void {
    this.#evaluations.push(record);
    if (this.#evaluations.length > maxEvaluations) this.#evaluations.shift();
  }

  get loss(): number | null {
    if (this.#recent.length === 0) return null;
    return this.#recent.reduce((sum, loss) => sum + loss, 0) / this.#recent.length;
  }

  get lastEvaluation(): EvaluationRecord | null {
    return this.#evaluations.at(-1) ?? null;
  }

  get metrics(): TrainingMetrics {
    return {
      evaluations: [...this.#evaluations],
      losses: [...this.#losses],
      openStretch: { sum: this.#stretchSum, count: this.#stretchCount },
      skippedSteps: [...this.#skippedSteps],
      skipped: this.#skipped,
    };
  }
}

/**
 * Returns the rates of the student's state. Idle time counts as waiting only in phase Training; a student that trained no
 * step lately has waited all the time.
 */
export function ratesOf(
  rates: Rates,
  phase: StudentState['phase'],
): Pick<StudentState, 'samplesPerSecond' | 'unstarvedSamplesPerSecond' | 'waitFraction'> {
  return {
    samplesPerSecond: rates.samplesPerSecond,
    unstarvedSamplesPerSecond: rates.capableSamplesPerSecond,
    waitFraction: phase === 'Training' ? 1 - rates.busyFraction : 0,
  };
}
