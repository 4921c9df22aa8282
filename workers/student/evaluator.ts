/**
 * When the student's weights are evaluated, and their scores on the held-out split: against its targets, and against what
 * the teachers answered to some of it. One of the two may be missing: unlabeled data has no targets, and a job that learns
 * from labels alone has no teacher.
 */
import { inParts } from '../data/index.js';
import type { Samples, Split, Targets } from '../samples/index.js';
import {
  agreementOf,
  type Evaluation,
  evaluationSum,
  type NamedMetrics,
  type Scores,
  scoresOf,
  type TeacherAnswers,
} from '../models/training.js';

import type { ModelView } from './batches.js';
import type { EvaluationRecord } from './progress.js';
import type { HeldOutAnswer } from './supply.js';

/** What the evaluator needs of the trainer. */
export interface EvaluatingTrainer {
  evaluate(samples: Samples, targets: Targets): Promise<Evaluation>;
  logits(samples: Samples): Promise<Float32Array>;
}

/** What the teachers answered to held-out samples, and what their numbers are; `isMeasured`: they are asked at all. */
export interface TeachersAnswers {
  readonly isMeasured: boolean;
  readonly kind: TeacherAnswers;
  /** Waits for the answers. */
  answers(): Promise<readonly HeldOutAnswer[] | 'stopped'>;
}

export interface EvaluatorOptions {
  readonly trainer: EvaluatingTrainer;
  /** Held out for evaluation; null = nothing is. */
  readonly split: Split | null;
  /** Makes what the model takes out of the samples. */
  readonly view: ModelView;
  /** Steps of the whole job, and from one evaluation to the next. */
  readonly steps: number;
  readonly everySteps: number;
  readonly teachers: TeachersAnswers;
}

const samplesAtOnce = 500;

export class Evaluator {
  readonly #options: EvaluatorOptions;

  constructor(options: EvaluatorOptions) {
    this.#options = options;
  }

  /** Whether the weights after `step` steps are evaluated. */
  isDue(step: number): boolean {
    const { split, steps, everySteps, teachers } = this.#options;
    if (split === null || (split.spec.target === null && !teachers.isMeasured)) return false;
    if (step === steps) return true;
    return step > 0 && step % everySteps === 0;
  }

  /**
   * Evaluates the current weights, which are those after `step` steps.
   * @param goesOn is asked before each part
   * @returns null when `goesOn` returned false, or when there is nothing to evaluate on
   */
  async evaluate(step: number, goesOn: () => boolean): Promise<EvaluationRecord | null> {
    const { split } = this.#options;
    if (split === null) return null;
    const scores = await this.#scores(split, goesOn);
    if (scores === 'stopped') return null;
    const agreement = await this.#agreement(split, goesOn);
    if (agreement === 'stopped') return null;
    const { accuracy = null, loss = null, metrics } = scores ?? {};
    return { step, accuracy, loss, metrics: { ...metrics, ...agreement } };
  }

  /** @returns null where the split has no targets */
  async #scores(split: Split, goesOn: () => boolean): Promise<Scores | null | 'stopped'> {
    if (split.spec.target === null) return null;
    const { trainer, view } = this.#options;
    let evaluation: Evaluation | null = null;
    for (const indices of inParts(split, samplesAtOnce)) {
      if (!goesOn()) return 'stopped';
      const samples = await split.read(indices);
      const targets = await split.targets(indices);
      if (targets === null) return null;
      const part = await trainer.evaluate(view(samples), targets);
      evaluation = evaluation === null ? part : evaluationSum(evaluation, part);
    }
    return evaluation === null ? null : scoresOf(evaluation);
  }

  async #agreement(split: Split, goesOn: () => boolean): Promise<NamedMetrics | 'stopped'> {
    const { trainer, view, teachers } = this.#options;
    if (!teachers.isMeasured) return {};
    const answers = await teachers.answers();
    if (answers === 'stopped') return 'stopped';
    const sums = new Map<string, number>();
    let samples = 0;
    for (const { indices, logits: teacher } of answers) {
      if (!goesOn()) return 'stopped';
      const student = await trainer.logits(view(await split.read(indices)));
      const columns = teacher.length / (indices.length * split.spec.positions);
      const part = agreementOf(teachers.kind, { columns, student, teacher });
      for (const [name, value] of Object.entries(part)) {
        sums.set(name, (sums.get(name) ?? 0) + value * indices.length);
      }
      samples += indices.length;
    }
    return Object.fromEntries([...sums].map(([name, sum]) => [heldOutName(name), sum / samples]));
  }
}

/** `agreement` → `heldOutAgreement`. */
export function heldOutName(name: string): string {
  return `heldOut${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
