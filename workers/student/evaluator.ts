/** When the student's weights are evaluated, and their scores on the evaluation split. */
import { inParts, type Samples, type Split, type Targets } from '../data/index.js';
import { type Evaluation, evaluationSum, scoresOf } from '../models/training.js';

import type { ModelView } from './batches.js';
import type { EvaluationRecord } from './progress.js';

/** What the evaluator needs of the trainer. */
export interface EvaluatingTrainer {
  evaluate(samples: Samples, targets: Targets): Promise<Evaluation>;
}

const samplesAtOnce = 500;

export class Evaluator {
  readonly #trainer: EvaluatingTrainer;
  readonly #split: Split | null;
  readonly #view: ModelView;
  readonly #steps: number;
  readonly #everySteps: number;

  /**
   * @param split held out for evaluation; one without targets is never evaluated
   * @param view makes what the model takes out of the samples
   * @param when `steps` of the whole job, and the number of steps from one evaluation to the next
   */
  constructor(
    trainer: EvaluatingTrainer,
    split: Split | null,
    view: ModelView,
    when: { readonly steps: number; readonly everySteps: number },
  ) {
    this.#trainer = trainer;
    this.#split = (split?.spec.target ?? null) === null ? null : split;
    this.#view = view;
    this.#steps = when.steps;
    this.#everySteps = when.everySteps;
  }

  /** Whether the weights after `step` steps are evaluated. */
  isDue(step: number): boolean {
    if (this.#split === null) return false;
    if (step === this.#steps) return true;
    return step > 0 && step % this.#everySteps === 0;
  }

  /**
   * Evaluates the current weights, which are those after `step` steps.
   * @param goesOn is asked before each part
   * @returns null when `goesOn` returned false, or when there is nothing to evaluate on
   */
  async evaluate(step: number, goesOn: () => boolean): Promise<EvaluationRecord | null> {
    const split = this.#split;
    if (split === null) return null;
    let evaluation: Evaluation | null = null;
    for (const indices of inParts(split, samplesAtOnce)) {
      if (!goesOn()) return null;
      const samples = await split.read(indices);
      const targets = await split.targets(indices);
      if (targets === null) return null;
      const part = await this.#trainer.evaluate(this.#view(samples), targets);
      evaluation = evaluation === null ? part : evaluationSum(evaluation, part);
    }
    return evaluation === null ? null : { step, ...scoresOf(evaluation) };
  }
}
