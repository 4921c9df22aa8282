/**
 * The interface of training one student: the part that touches tensors. A trainer runs on the compute thread and knows
 * nothing of streams, files or time. Everything that decides the next step's result is in `TrainerState`, so that a restored
 * trainer continues bit for bit (I1).
 */
import type { NumericSpecs, Samples, Targets } from '../data/index.js';
import type { LossSettings } from './loss.js';
import type { OptimizerSettings } from './optimizer.js';

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

/** What one batch contributes to the update of the weights. */
export interface Gradients {
  readonly step: number;
  /** Mean loss of the batch. */
  readonly loss: number;
  /** One array for each trainable weight, in the order of the model, each as long as its weight. */
  readonly values: readonly Float32Array[];
}

export interface TrainerState {
  /** Weights of the model, trainable and not, in the model's order. */
  readonly weights: readonly NamedTensor[];
  /** Slots of the optimizer, such as first and second moments. */
  readonly slots: readonly NamedTensor[];
}

export interface Evaluation {
  readonly samples: number;
  readonly correct: number;
  /** Sum of cross-entropy over the samples, in nats. */
  readonly lossSum: number;
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
  readonly loss: LossSettings;
  readonly optimizer: OptimizerSettings;
  /** Steps of the whole job: the learning rate's schedule ends there. */
  readonly totalSteps: number;
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
  apply(gradients: Gradients): void;
  /**
   * Computes the gradients of a batch and applies them.
   * @returns the mean loss of the batch before the update
   * @throws what `gradients` and `apply` throw
   */
  train(batch: TrainingBatch): number;
  /** @throws BatchError when the targets are not classes, or do not fit the model */
  evaluate(samples: Samples, targets: Targets): Evaluation;
  /** @returns logits [rows, columns] of a few samples @throws BatchError */
  logits(samples: Samples): Float32Array;
  state(): TrainerState;
  /** @throws when the state is of another model or optimizer. */
  restore(state: TrainerState): void;
  export(): ExportedModel;
  dispose(): void;
}

export interface StudentTrainer extends Trainer {
  /** What was changed in the model of the file, in sentences. */
  readonly notes: readonly string[];
}
