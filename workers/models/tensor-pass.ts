/**
 * The passes of a training step in tensors: forward for logits, forward and backward for gradients. The loss between the
 * two is computed on plain arrays, and what a pass returns are plain arrays: no tensor outlives the call.
 */
import * as tf from '@tensorflow/tfjs-core';
import { librarySentence } from '../base/index.js';
import type { ModelWeight, StudentModel } from './student-model.js';
import { StudentModelError } from './trainer-errors.js';
import type { TrainingBatch } from './trainer.js';

export interface Pass {
  readonly loss: number;
  /** One for each trainable weight. */
  readonly gradients: readonly Float32Array[];
}

type LogitsLoss = (student: Float32Array) => { readonly loss: number; readonly gradient: Float32Array };

export function forwardAndBackward(
  model: StudentModel,
  trainable: readonly ModelWeight[],
  { samples, rows }: Pick<TrainingBatch, 'samples' | 'rows'>,
  lossOf: LogitsLoss,
): Pass {
  return scoped(() => {
    const x = tf.tensor(samples, [rows, ...model.inputShape]);
    const onLogits = tf.customGrad((...given) => {
      const [logits] = given;
      const { loss, gradient } = lossOf((logits as tf.Tensor).dataSync<'float32'>());
      return {
        value: tf.scalar(loss),
        gradFunc: (dy: tf.Tensor) => tf.mul(dy, tf.tensor(gradient, [rows, model.columns])),
      };
    });
    const { value, grads } = tf.variableGrads(
      () => {
        const loss = onLogits(model.apply(x, true));
        const penalty = model.regularization();
        return tf.reshape<tf.Rank.R0>(penalty === undefined ? loss : tf.add(loss, penalty), []);
      },
      trainable.map(({ variable }) => variable),
    );
    return {
      loss: value.dataSync<'float32'>()[0] ?? NaN,
      gradients: trainable.map(({ variable }) => {
        const gradient = grads[variable.name];
        return gradient === undefined ? new Float32Array(variable.size) : gradient.dataSync<'float32'>();
      }),
    };
  });
}

/** @returns logits [rows, columns] */
export function predict(model: StudentModel, samples: Float32Array, rows: number): Float32Array {
  return scoped(() => model.apply(tf.tensor(samples, [rows, ...model.inputShape]), false).dataSync<'float32'>());
}

/**
 * Frees the tensors that `compute` makes; it returns plain arrays. (tf.tidy searches its result for tensors, in plain
 * arrays number by number: a third of a step's time.)
 */
function scoped<Result>(compute: () => Result): Result {
  tf.engine().startScope();
  try {
    return compute();
  } finally {
    tf.engine().endScope();
  }
}

/**
 * Runs one training pass and restores what it changed, so that a model that cannot be trained here fails before the
 * first step.
 * @throws StudentModelError
 */
export function rehearse(model: StudentModel): void {
  const trainable = model.weights.filter((weight) => weight.trainable);
  if (trainable.length === 0) throw new StudentModelError('weights', 'none that train', 'at least one');
  const frozen = model.weights.filter((weight) => !weight.trainable).map((weight) => [weight, weight.read()] as const);
  const rows = 2;
  const samples = new Float32Array(rows * model.inputShape[0] * model.inputShape[1] * model.inputShape[2]);
  try {
    model.seedMasks(0);
    forwardAndBackward(model, trainable, { samples, rows }, (student) => ({ loss: 0, gradient: student }));
  } catch (cause) {
    const found = `an error of tfjs (${librarySentence(cause)})`;
    const expected = `layers whose gradients the runtime ${tf.getBackend()} has`;
    throw new StudentModelError('training pass', found, expected, { cause });
  }
  for (const [weight, values] of frozen) weight.write(values);
}
