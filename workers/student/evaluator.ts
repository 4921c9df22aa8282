/** When the student's weights are evaluated, and their accuracy and loss on the evaluation split. */
import { inParts, type Samples, type Split, type Targets } from '../data/index.js';
import type { Evaluation } from '../models/training.js';

import type { EvaluationRecord } from './progress.js';

/** What the evaluator needs of the trainer. */
export interface EvaluatingTrainer {
  evaluate(samples: Samples, targets: Targets): Promise<Evaluation>;
}

const samplesAtOnce = 500;

export class Evaluator {
  readonly #trainer: EvaluatingTrainer;
  readonly #split: Split;
  readonly #steps: number;
  readonly #everySteps: number;

  /** @param when `steps` of the whole job, and the number of steps from one evaluation to the next */
  constructor(trainer: EvaluatingTrainer, split: Split, when: { readonly steps: number; readonly everySteps: number }) {
    this.#trainer = trainer;
    this.#split = split;
    this.#steps = when.steps;
    this.#everySteps = when.everySteps;
  }

  /** Whether the weights after `step` steps are evaluated. */
  isDue(step: number): boolean {
    if (step === this.#steps) return true;
    return step > 0 && step % this.#everySteps === 0;
  }

  /**
   * Evaluates the current weights, which are those after `step` steps.
   * @param goesOn is asked before each part
   * @returns null when `goesOn` returned false
   */
  async evaluate(step: number, goesOn: () => boolean): Promise<EvaluationRecord | null> {
    const split = this.#split;
    let correct = 0;
    let lossSum = 0;
    for (const indices of inParts(split, samplesAtOnce)) {
      if (!goesOn()) return null;
      const part = await this.#trainer.evaluate(await split.read(indices), split.targets(indices));
      correct += part.correct;
      lossSum += part.lossSum;
    }
    return { step, accuracy: correct / split.length, loss: lossSum / split.length };
  }
}
