/** What the student asks of its trainer. */
import type { Samples, Targets } from '../samples/index.js';
import type { Evaluation, ExportedModel, Measured, TrainerState, TrainingBatch } from '../models/training.js';

/** The trainer as the main thread sees it; calls are processed in order. */
export interface TrainerClient {
  readonly parameters: number;
  train(batch: TrainingBatch): Promise<TrainReply>;
  evaluate(samples: Samples, targets: Targets): Promise<Evaluation>;
  /** Of the samples as the model takes them, [rows, columns]. */
  logits(samples: Samples): Promise<Float32Array>;
  state(): Promise<TakenState>;
  export(): Promise<ExportedModel>;
  /** Keeps a copy of the weights that are exported, in its state. */
  keepWeights(): Promise<void>;
  /** Makes the kept weights those that are exported; nothing is trained after it. */
  useKeptWeights(): Promise<void>;
}

export interface TrainReply extends Measured {
  /** Time that the step took on the thread, and time that the thread waited for it. */
  readonly busyMs: number;
  readonly idleMs: number;
}

/** All that decides later steps, copied. */
export interface TakenState extends TrainerState {
  /** Time that the thread did not train, for the copy. */
  readonly busyMs: number;
}
