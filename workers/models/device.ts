/**
 * What a device trainer needs of its device: tensors that outlive a call, and programs. A program is what a function did
 * with tensors, recorded once and run as one operation from then on; its shapes are fixed. The runtime implements it.
 */
import { DistilleryError } from '@distillery/base';
import type * as tf from '@tensorflow/tfjs-core';

/** A tensor on the device, or a variable that holds one. Its owner frees it. */
export interface DeviceTensor {
  readonly id: number;
  readonly shape: readonly number[];
}

/** A tensor that the recorded function made of plain values: part of the program, unless `isInput` claims it. */
export interface RecordedConstant {
  readonly shape: readonly number[];
  readonly values: () => Float32Array;
}

export interface Recording {
  /** Tensors that are given at each run. The function reads them, or the variables of tfjs that hold them. */
  readonly inputs: readonly tf.Tensor[];
  /** Those of the inputs that are given as variables of the device. */
  readonly variables?: readonly tf.Tensor[];
  /** Those of the variables that a run changes: the first results are their new values, in this order. */
  readonly assigned?: readonly tf.Tensor[];
  /** @returns the results, in their order */
  readonly body: () => readonly tf.Tensor[];
  /** A program of this function for fewer samples: the run that is recorded then takes little more memory than a program. */
  readonly like?: Program;
  /** Whether a constant differs from run to run: it becomes a further input, after the others, in the order of this call. */
  readonly isInput?: (constant: RecordedConstant) => boolean;
}

export interface Program {
  /** @returns the results but for the new values of variables; the caller frees them, and keeps the inputs */
  run(inputs: readonly DeviceTensor[]): DeviceTensor[];
  /** Takes it off the device. */
  dispose(): void;
}

/** What Adam reads of one weight; scalars but for the first four, which have the weight's shape. */
export interface AdamStep {
  readonly weight: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly m: tf.Tensor;
  readonly v: tf.Tensor;
  /** What the first moment is multiplied by, corrections included. */
  readonly rate: tf.Tensor;
  /** Added to the root of the uncorrected second moment. */
  readonly epsilon: tf.Tensor;
  readonly beta1: tf.Tensor;
  readonly beta2: tf.Tensor;
}

/** m ← m + (1 − β1)(g − m), v ← v + (1 − β2)(g² − v), w ← w − rate · m ÷ (√v + ε). The inputs stay as they are. */
export type FusedAdam = (step: AdamStep) => {
  readonly weight: tf.Tensor;
  readonly m: tf.Tensor;
  readonly v: tf.Tensor;
};

export interface Device {
  upload(values: Float32Array | Int32Array, shape: readonly number[]): DeviceTensor;
  /** A tensor whose numbers a program may change in place. */
  variable(values: Float32Array, shape: readonly number[]): DeviceTensor;
  /** The tensor of tfjs itself: its owner frees it. */
  of(tensor: tf.Tensor): DeviceTensor;
  /** A copy of its present values; 0 and 1 where they are truths. */
  read(tensor: DeviceTensor): Float32Array;
  free(tensors: readonly DeviceTensor[]): void;
  /** Adam's update of one weight as one pass over its numbers, also inside a recording; absent = it is composed of ops. */
  readonly adam?: FusedAdam;
  /**
   * Runs the function once and records it.
   * @throws RecordingError when it does something that a program cannot repeat
   */
  record(recording: Recording): Program;
}

/** A function that cannot become a program: the trainer then computes it operation by operation. */
export class RecordingError extends DistilleryError {
  override readonly name = 'RecordingError';
  readonly kind = 'Recording';
  readonly retry = 'Never';
  /** @param problem a clause about the model: `its op Foo is not known` */
  constructor(problem: string) {
    super({ about: '', problem, remedy: '' });
  }
}
