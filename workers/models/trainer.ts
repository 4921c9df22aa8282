/**
 * The interface of training one student: the part that touches tensors. A trainer runs on the compute thread and knows
 * nothing of streams, files or time. Everything that decides the next step's result is in `TrainerState`, so that a restored
 * trainer continues bit for bit (I1).
 */
import type { InputSpecs, Samples, Targets } from '../data/index.js';
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
  readonly targets: Targets;
  /** [rows, columns], one row for each label; null where the step is trained on labels alone. */
  readonly teacherLogits: Float32Array | null;
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
  readonly inputs: InputSpecs;
  readonly parameters: number;
  /** @returns the batch's mean loss before the update. @throws NumericError when it is not finite. */
  train(batch: TrainingBatch): number;
  evaluate(samples: Samples, targets: Targets): Evaluation;
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
