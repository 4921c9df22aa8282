/**
 * The interface of training one student: the part that touches tensors. A trainer runs on the compute thread and knows
 * nothing of streams, files or time. Everything that decides the next step's result is in `TrainerState`, so that a restored
 * trainer continues bit for bit (I1).
 */
import type { NumericSpecs, Samples, Targets } from '../samples/index.js';
import type { NamedMetrics } from './agreement.js';
import type { Evaluation } from './evaluation.js';
import type { LossSettings } from './loss.js';
import type { OptimizerSettings } from './optimizer.js';
import type { StudentStart } from './starting-weights.js';

/** A named tensor outside the runtime: plain bytes, row-major, little-endian. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface TrainingBatch {
  readonly step: number;
  readonly samples: Samples;
  /** null where the data set has none: the step is then trained on the teacher alone. */
  readonly targets: Targets | null;
  /** [rows, columns], one row for each prediction position; null where the step is trained on targets alone. */
  readonly teacherLogits: Float32Array | null;
}

/** What a student answered to a batch before the update. */
export interface Measured {
  /** Mean loss of the batch. */
  readonly loss: number;
  /** Agreement with the teacher (agreement.ts); empty for a step without teacher logits. */
  readonly metrics: NamedMetrics;
}

/** What one batch contributes to the update of the weights. */
export interface Gradients extends Measured {
  readonly step: number;
  /** One array for each trainable weight, in the order of the model, each as long as its weight. */
  readonly values: readonly Float32Array[];
}

export interface TrainerState {
  /** Weights of the model, trainable and not, in the model's order. */
  readonly weights: readonly NamedTensor[];
  /** Slots of the optimizer, such as first and second moments, and the averages of weights (averages.ts). */
  readonly slots: readonly NamedTensor[];
}

export interface ExportedModel {
  /** The content of a tfjs layers `model.json`, its weightsManifest naming `weights.bin`. */
  readonly modelJson: string;
  readonly weights: Uint8Array;
}

export interface TrainerOptions {
  /** Text of a tfjs layers `model.json`, or of its topology alone. */
  readonly modelJson: string;
  readonly seed: number;
  /** What is frozen, and the weights to start from; absent = nothing, and all weights are drawn from the seed. */
  readonly start?: StudentStart;
  readonly loss: LossSettings;
  readonly optimizer: OptimizerSettings;
  /** Steps of the whole job: the learning rate's schedule ends there. */
  readonly totalSteps: number;
  /** Whether `keepWeights` is called; the kept weights are then part of the state. Absent = false. */
  readonly keepsWeights?: boolean;
}

export interface Trainer {
  /** Width of the logits. */
  readonly columns: number;
  /** What the model takes, in the order of its inputs. */
  readonly inputs: NumericSpecs;
  readonly parameters: number;
  /**
   * Returns the gradients of one batch. The weights stay as they are; a forward pass moves the averages of normalizations.
   * @throws BatchError; NumericError when a teacher's logit or the loss is not finite
   */
  gradients(batch: TrainingBatch): Gradients;
  /**
   * Updates the weights and the slots of the optimizer, or changes nothing.
   * @throws BatchError when the gradients do not fit the model; NumericError when one is not finite
   */
  apply(gradients: Pick<Gradients, 'step' | 'values'>): void;
  /**
   * Computes the gradients of a batch and applies them.
   * @returns what the batch measured before the update
   * @throws what `gradients` and `apply` throw
   */
  train(batch: TrainingBatch): Measured;
  /** Evaluates the weights that `export` gives. @throws BatchError when the targets do not fit the model */
  evaluate(samples: Samples, targets: Targets): Evaluation;
  /** @returns logits [rows, columns] of a few samples @throws BatchError */
  logits(samples: Samples): Float32Array;
  state(): TrainerState;
  /** @throws when the state is of another model or optimizer. */
  restore(state: TrainerState): void;
  /** The trained model: with averages of weights, these. */
  export(): ExportedModel;
  /** Keeps a copy of the weights that `export` gives, in place of an earlier one. Needs `keepsWeights`. */
  keepWeights(): void;
  /** Makes the kept weights those of the model, for good: training does not continue from them. */
  useKeptWeights(): void;
  dispose(): void;
}

export interface StudentTrainer extends Trainer {
  /** What was changed in the model of the file, in sentences. */
  readonly notes: readonly string[];
}
