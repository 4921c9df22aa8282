/**
 * What the student reports of its training: losses, metrics, evaluations and rates. Every list is bounded for a run of any length
 * (I4), since each checkpoint holds them.
 */
import type { NamedMetrics, StudentState, TrainingMetrics } from '@distillery/protocol';

import type { Rates } from '../base/index.js';
import { replacedByEither, type ReplacedRowsRecord } from '../data/index.js';

export interface EvaluationRecord {
  readonly step: number;
  /** null where the targets are not one class. */
  readonly accuracy: number | null;
  /** Mean hard loss of a sample: cross-entropy in nats, or half the squared error; null without targets. */
  readonly loss: number | null;
  readonly metrics?: NamedMetrics | undefined;
}

/** Maximum number of points on the loss curve of a whole run: a longer run has longer stretches. */
const lossPoints = 200;
/** Number of steps that the reported loss is the mean of. */
const shownLossSteps = 50;
/** Number of points that a reported metric is the mean of: a tenth of the run or more, the same for a resumed run. */
const shownMetricPoints = 20;
export const maxEvaluations = 1_000;
export const maxSkippedSteps = 1_000;
/** Number of changes of the runtime that are kept: the first ones. */
const maxRuntimes = 20;

export class Progress {
  readonly #stretch: number;
  readonly #startedFrom: string | undefined;
  #evaluations: EvaluationRecord[];
  #losses: TrainingMetrics['losses'];
  #skippedSteps: number[];
  #skipped: number;
  #recent: number[] = [];
  #stretchSum: number;
  #stretchCount: number;
  #stretchMetrics: Sums;
  #computedBy: NonNullable<TrainingMetrics['computedBy']>;
  readonly #replacedBefore: ReplacedRowsRecord;
  readonly #replacedNow: () => ReplacedRowsRecord;

  /**
   * @param metrics of the checkpoint; null = from the start
   * @param replaced rows that gave way to others in this attempt
   * @param startedFrom digest of the weights before the first step, where the job names weights to start from
   */
  constructor(
    steps: number,
    metrics: TrainingMetrics | null,
    replaced: () => ReplacedRowsRecord = () => ({ count: 0, names: [] }),
    startedFrom?: string,
  ) {
    this.#startedFrom = startedFrom;
    this.#stretch = Math.max(1, Math.ceil(steps / lossPoints));
    this.#evaluations = [...(metrics?.evaluations ?? [])];
    this.#losses = [...(metrics?.losses ?? [])];
    this.#skippedSteps = [...(metrics?.skippedSteps ?? [])];
    this.#skipped = metrics?.skipped ?? 0;
    this.#stretchSum = metrics?.openStretch.sum ?? 0;
    this.#stretchCount = metrics?.openStretch.count ?? 0;
    this.#stretchMetrics = sumsOf(metrics?.openStretch.metrics);
    this.#replacedBefore = metrics?.replacedRows ?? { count: 0, names: [] };
    this.#replacedNow = replaced;
    this.#computedBy = [...(metrics?.computedBy ?? [])];
  }

  /** @param runtime what computes from `step` on */
  computedBy(runtime: string, step: number): void {
    if (this.#computedBy.at(-1)?.runtime === runtime || this.#computedBy.length >= maxRuntimes) return;
    this.#computedBy.push({ step, runtime });
  }

  /** @param metrics of the step; a step without teacher logits has none */
  trained(step: number, loss: number, metrics: NamedMetrics = {}): void {
    this.#recent.push(loss);
    if (this.#recent.length > shownLossSteps) this.#recent.shift();
    this.#stretchSum += loss;
    this.#stretchCount += 1;
    addTo(this.#stretchMetrics, metrics);
    if ((step + 1) % this.#stretch !== 0) return;
    const means = meansOf(this.#stretchMetrics);
    const point = { step: step + 1, loss: this.#stretchSum / this.#stretchCount };
    this.#losses.push(Object.keys(means).length === 0 ? point : { ...point, metrics: means });
    this.#stretchSum = 0;
    this.#stretchCount = 0;
    this.#stretchMetrics = new Map();
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

  get evaluations(): readonly EvaluationRecord[] {
    return this.#evaluations;
  }

  get lastEvaluation(): EvaluationRecord | null {
    return this.#evaluations.at(-1) ?? null;
  }

  /**
   * Agreement with the teacher over the last stretches, or over the first one while it is open, and the scores of the last
   * evaluation. A pure function of `metrics`, so that a resumed run reports what an undisturbed one would.
   */
  get named(): NamedMetrics {
    return this.namedWith(this.lastEvaluation);
  }

  /** The same with the scores of another evaluation. */
  namedWith(evaluation: EvaluationRecord | null): NamedMetrics {
    const sums: Sums = new Map();
    for (const { metrics = {} } of this.#losses.slice(-shownMetricPoints)) addTo(sums, metrics);
    return { ...meansOf(this.#losses.length === 0 ? this.#stretchMetrics : sums), ...evaluation?.metrics };
  }

  /** Rows of the data set that gave way to others, over all attempts. */
  get replaced(): ReplacedRowsRecord {
    return replacedByEither(this.#replacedBefore, this.#replacedNow());
  }

  get metrics(): TrainingMetrics {
    const { count, names } = this.replaced;
    return {
      evaluations: [...this.#evaluations],
      losses: [...this.#losses],
      openStretch: {
        sum: this.#stretchSum,
        count: this.#stretchCount,
        ...(this.#stretchMetrics.size === 0 ? {} : { metrics: Object.fromEntries(this.#stretchMetrics) }),
      },
      skippedSteps: [...this.#skippedSteps],
      skipped: this.#skipped,
      ...(this.#computedBy.length === 0 ? {} : { computedBy: [...this.#computedBy] }),
      ...(this.#startedFrom === undefined ? {} : { startedFrom: this.#startedFrom }),
      ...(count === 0 ? {} : { replacedRows: { count, names: [...names] } }),
    };
  }
}

type Sums = Map<string, { readonly sum: number; readonly count: number }>;

function sumsOf(given: TrainingMetrics['openStretch']['metrics'] = {}): Sums {
  return new Map(Object.entries(given));
}

/** A metric that is not finite is left out: JSON has no number for it. */
function addTo(sums: Sums, metrics: NamedMetrics): void {
  for (const [name, value] of Object.entries(metrics)) {
    const { sum, count } = sums.get(name) ?? { sum: 0, count: 0 };
    if (Number.isFinite(value)) sums.set(name, { sum: sum + value, count: count + 1 });
  }
}

function meansOf(sums: Sums): NamedMetrics {
  return Object.fromEntries([...sums].map(([name, { sum, count }]) => [name, sum / count]));
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
