/**
 * The trainer: forward and backward pass in tensors, loss and update on plain arrays.
 *
 * Invariants: a step is a function of (state, batch) alone; nothing is changed by a step that throws, except the moving
 * averages of normalizations (the caller ends the attempt then); no tensor outlives the call that made it.
 */
import * as tf from '@tensorflow/tfjs-core';
import { samplesBetween, sizeOf } from '../data/index.js';
import type { InputSpecs, Samples } from '../data/index.js';
import type { Runtime } from '../runtimes/index.js';
import { exportModel } from './export.js';
import type { OptimizerSettings } from './learning-rate.js';
import { librarySentence } from '../base/index.js';
import { distillationLoss, score } from './loss.js';
import type { LossSettings } from './loss.js';
import { createOptimizer } from './optimizer.js';
import { openStudentModel } from './student-model.js';
import type { ModelWeight, StudentModel } from './student-model.js';
import { BatchError, NumericError, StateError, StudentModelError } from './trainer-errors.js';
import type { Gradients, NamedTensor, Trainer, TrainingBatch } from './trainer.js';

export interface TrainerOptions {
  /** Must be the thread's current runtime. */
  readonly runtime: Runtime;
  /** Text of a tfjs layers `model.json`, or of its topology alone. */
  readonly modelJson: string;
  readonly seed: number;
  readonly loss: LossSettings;
  readonly optimizer: OptimizerSettings;
  /** Steps of the whole job: the learning rate's schedule ends there. */
  readonly totalSteps: number;
}

export interface StudentTrainer extends Trainer {
  /** What was changed in the model of the file, in sentences. */
  readonly notes: readonly string[];
}

/** Samples of one forward pass in `evaluate`: large enough to be fast, small enough for the heap. */
const evaluationSamples = 256;

/** @throws StudentModelError when the model cannot be built or trained */
export async function createTrainer(options: TrainerOptions): Promise<StudentTrainer> {
  if (tf.getBackend() !== options.runtime.name) {
    throw new Error(`runtime: found ${tf.getBackend()} active, expected ${options.runtime.name}; open it first`);
  }
  const model = await openStudentModel(options.modelJson, options.seed);
  try {
    rehearse(model);
    return trainerOf(model, options);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function trainerOf(model: StudentModel, { loss, optimizer: settings, totalSteps }: TrainerOptions): StudentTrainer {
  const trainable = model.weights.filter((weight) => weight.trainable);
  const parameters = trainable.map((weight) => ({ name: weight.name, shape: weight.shape, values: weight.read() }));
  const optimizer = createOptimizer(settings, parameters, totalSteps);
  const { columns, inputs } = model;

  const gradients = (batch: TrainingBatch): Gradients => {
    checkBatch(batch, inputs, columns);
    model.seedMasks(batch.step);
    if (batch.teacherLogits !== null) requireFinite(batch.teacherLogits, 'teacher logits', batch.step);
    const { labels } = batch.targets;
    const { loss: batchLoss, gradients: values } = forwardAndBackward(model, trainable, batch.samples, (student) =>
      distillationLoss({ columns, student, teacher: batch.teacherLogits, labels }, loss),
    );
    if (!Number.isFinite(batchLoss)) throw new NumericError('loss', batch.step);
    return { step: batch.step, loss: batchLoss, values };
  };
  const apply = ({ step, values }: Gradients): void => {
    checkRows('gradients', values.length, trainable.length);
    values.forEach((gradient, index) => {
      const name = trainable[index]?.name ?? '';
      checkRows(`gradient of ${name}`, gradient.length, parameters[index]?.values.length ?? 0);
      requireFinite(gradient, `gradient of ${name}`, step);
    });
    optimizer.update(values, step);
    upload();
  };
  const upload = (): void => {
    trainable.forEach((weight, index) => {
      const parameter = parameters[index];
      if (parameter === undefined) return;
      weight.write(parameter.values);
      if (weight.constrained) parameter.values.set(weight.read());
    });
  };
  return {
    columns,
    inputs,
    notes: model.notes,
    parameters: model.weights.reduce((sum, { shape }) => sum + tf.util.sizeFromShape([...shape]), 0),
    gradients,
    apply,
    train: (batch) => {
      const computed = gradients(batch);
      apply(computed);
      return computed.loss;
    },
    evaluate: (samples, { perSample, labels }) => {
      checkSamples(samples, inputs);
      checkRows('labels', labels.length, samples.count * perSample);
      checkLabels(labels, columns);
      let [lossSum, correct] = [0, 0];
      for (let start = 0; start < samples.count; start += evaluationSamples) {
        const end = Math.min(start + evaluationSamples, samples.count);
        const logits = predict(model, samplesBetween(samples, start, end));
        const part = score(logits, labels.subarray(start * perSample, end * perSample), columns);
        lossSum += part.lossSum;
        correct += part.correct;
      }
      return { samples: labels.length, correct, lossSum };
    },
    state: () => ({
      weights: model.weights.map((weight) => ({ name: weight.name, shape: [...weight.shape], data: weight.read() })),
      slots: optimizer.slots.map(({ name, shape, values }) => ({ name, shape: [...shape], data: values.slice() })),
    }),
    restore: ({ weights, slots }) => {
      checkTensors(weights, model.weights);
      checkTensors(slots, optimizer.slots);
      model.weights.forEach((weight, index) => weight.write(weights[index]?.data ?? new Float32Array()));
      trainable.forEach((weight, index) => parameters[index]?.values.set(weight.read()));
      optimizer.slots.forEach((slot, index) => slot.values.set(slots[index]?.data ?? []));
    },
    export: () => exportModel(model),
    dispose: () => {
      model.dispose();
    },
  };
}

interface Pass {
  readonly loss: number;
  /** One for each trainable weight. */
  readonly gradients: readonly Float32Array[];
}

type LogitsLoss = (student: Float32Array) => { readonly loss: number; readonly gradient: Float32Array };

function forwardAndBackward(
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

function predict(model: StudentModel, samples: Samples): Float32Array {
  return scoped(() => model.apply(tensorsOf(samples, model.inputs), false).dataSync<'float32'>());
}

/** One tensor for each input of the model, in its order. The samples have passed `checkSamples`. */
function tensorsOf(samples: Samples, inputs: InputSpecs): tf.Tensor[] {
  return Object.entries(inputs).map(([name, { dtype, shape }]) =>
    tf.tensor(samples.inputs[name]?.data ?? [], [samples.count, ...shape], dtype),
  );
}

/** Samples of zeros. */
function zeroSamples(inputs: InputSpecs, count: number): Samples {
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
 * Frees the tensors made within `compute`, which returns none. (tf.tidy searches its result for tensors: number by
 * number in plain arrays, a third of a step's time.)
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
 * Runs one pass back and forth without a lasting effect, so that what cannot be trained here is found before the first step.
 * @throws StudentModelError
 */
function rehearse(model: StudentModel): void {
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
  for (const [weight, values] of frozen) weight.write(values);
}

function requireFinite(values: Float32Array, what: string, step: number): void {
  // 0 · x is 0 for finite x and NaN otherwise: one pass without a branch.
  let probe = 0;
  for (let at = 0, { length } = values; at < length; at++) probe += 0 * (values[at] ?? 0);
  if (probe !== 0) throw new NumericError(what, step);
}

function checkBatch({ samples, targets, teacherLogits }: TrainingBatch, inputs: InputSpecs, columns: number): void {
  const rows = samples.count * targets.perSample;
  if (rows < 1) throw new BatchError('rows', String(rows), 'at least one');
  checkSamples(samples, inputs);
  checkRows('labels', targets.labels.length, rows);
  if (teacherLogits !== null) checkRows('teacher logits', teacherLogits.length, rows * columns);
  checkLabels(targets.labels, columns);
}

/** @throws BatchError at the first input whose tensor is missing, or of another type or size */
function checkSamples(samples: Samples, inputs: InputSpecs): void {
  for (const [name, { dtype, shape }] of Object.entries(inputs)) {
    const tensor = samples.inputs[name];
    if (tensor?.dtype !== dtype) throw new BatchError(`input ${name}`, tensor?.dtype ?? 'none', dtype);
    checkRows('samples', tensor.data.length, samples.count * sizeOf(shape));
  }
}

function checkRows(what: string, found: number, expected: number): void {
  if (found !== expected) throw new BatchError(what, `${found} numbers`, `${expected} for this model`);
}

function checkLabels(labels: Int32Array, columns: number): void {
  const stray = labels.find((label) => label < 0 || label >= columns);
  if (stray !== undefined) throw new BatchError('labels', String(stray), `0 to ${columns - 1}, the model's columns`);
}

/** @throws StateError at the first tensor that is missing, foreign or of another shape */
function checkTensors(
  found: readonly NamedTensor[],
  expected: readonly { readonly name: string; readonly shape: readonly number[] }[],
): void {
  expected.forEach(({ name, shape }, index) => {
    const tensor = found[index];
    const wanted = `${name} ${JSON.stringify(shape)}`;
    if (tensor === undefined) throw new StateError(name, 'none', wanted);
    const size = tf.util.sizeFromShape([...shape]);
    const same =
      tensor.name === name && tf.util.arraysEqual([...tensor.shape], [...shape]) && tensor.data.length === size;
    if (!same) throw new StateError(tensor.name, `${tensor.name} ${JSON.stringify(tensor.shape)}`, wanted);
  });
  const extra = found[expected.length];
  if (extra !== undefined) throw new StateError(extra.name, 'it', 'no more tensors');
}
