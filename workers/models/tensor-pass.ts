/**
 * The passes of a training step in tensors: forward for logits, forward and backward for gradients. The loss between the
 * two is computed on plain arrays, and what a pass returns are plain arrays: no tensor outlives the call.
 */
import * as tf from '@tensorflow/tfjs-core';
import { librarySentence } from '../base/index.js';
import { inputFor, type NumericSpecs, type Samples, sizeOf } from '../samples/index.js';
import type { ModelWeight, StudentModel } from './student-model.js';
import { StudentModelError } from './trainer-errors.js';

export interface Pass {
  readonly loss: number;
  /** One for each trainable weight. */
  readonly gradients: readonly Float32Array[];
}

type LogitsLoss = (student: Float32Array) => { readonly loss: number; readonly gradient: Float32Array };

export function forwardAndBackward(
  model: StudentModel,
  trainable: readonly ModelWeight[],
  samples: Samples,
  lossOf: LogitsLoss,
): Pass {
  return scoped(() => {
    const xs = tensorsOf(samples, model.inputs);
    const onLogits = tf.customGrad((...given) => {
      const [logits] = given;
      const { loss, gradient } = lossOf((logits as tf.Tensor).dataSync<'float32'>());
      return {
        value: tf.scalar(loss),
        gradFunc: (dy: tf.Tensor) => tf.mul(dy, tf.tensor(gradient, [gradient.length / model.columns, model.columns])),
      };
    });
    const { value, grads } = tf.variableGrads(
      () => {
        const loss = onLogits(model.apply(xs, true));
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
export function predict(model: StudentModel, samples: Samples): Float32Array {
  return scoped(() => model.apply(tensorsOf(samples, model.inputs), false).dataSync<'float32'>());
}

/** One tensor for each input of the model, in its order. The samples have passed `checkSamples`. */
function tensorsOf(samples: Samples, inputs: NumericSpecs): tf.Tensor[] {
  return Object.entries(inputs).map(([name, { dtype, shape }]) =>
    tf.tensor(inputFor(samples.inputs, name, inputs)?.data ?? [], [samples.count, ...shape], dtype),
  );
}

/** Samples of zeros. */
export function zeroSamples(inputs: NumericSpecs, count: number): Samples {
  const zeros = Object.entries(inputs).map(([name, { dtype, shape: sample }]) => {
    const shape = [count, ...sample];
    const size = sizeOf(shape);
    return [
      name,
      dtype === 'float32'
        ? { dtype, shape, data: new Float32Array(size) }
        : { dtype, shape, data: new Int32Array(size) },
    ];
  });
  return { count, inputs: Object.fromEntries(zeros) as Samples['inputs'] };
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
  try {
    model.seedMasks(0);
    forwardAndBackward(model, trainable, zeroSamples(model.inputs, 2), (student) => ({ loss: 0, gradient: student }));
  } catch (cause) {
    const found = `an error of tfjs (${librarySentence(cause)})`;
    const expected = `layers whose gradients the runtime ${tf.getBackend()} has`;
    throw new StudentModelError('training pass', found, expected, { cause });
  }
  for (const [weight, values] of frozen) weight.assign(values);
}
