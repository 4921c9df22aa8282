/**
 * One training pass of a student as a program of its device: forward, loss gradient, backward. Its inputs are the
 * weights (the trained ones as variables), the batch, and the masks of random layers.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  inputFor,
  type NumericSpecs,
  type Samples,
  samplesBetween,
  type Targets,
  targetsBetween,
} from '../samples/index.js';
import { type Device, type DeviceTensor, type Program, RecordingError } from './device.js';
import { lossGradient } from './device-loss.js';
import type { StudentModel } from './student-model.js';
import type { TrainerOptions, TrainingBatch } from './trainer.js';

/** What a training pass leaves on the device. The caller frees it. */
export interface DevicePass {
  readonly gradients: DeviceTensor[];
  /** Weights that are not trained, such as the averages of normalizations, after the pass. */
  readonly frozen: DeviceTensor[];
  /** [rows, columns], before the update. */
  readonly logits: DeviceTensor;
  /** Sum of the regularization terms, a scalar. */
  readonly penalty: DeviceTensor;
  /** Of each gradient, whether all of its numbers are finite. */
  readonly finite: DeviceTensor;
}

/** A mask of a random layer: which one, and its shape. */
interface Mask {
  readonly layer: number;
  readonly shape: readonly number[];
}

export interface PassProgram {
  readonly program: Program;
  /** Further inputs, after those of the batch. */
  readonly masks: readonly Mask[];
}

/**
 * @param batch whose kind the program is of; its values do not matter
 * @param like that of a part of it, which needs little memory to be recorded
 * @throws RecordingError
 */
export function recordPass(
  model: StudentModel,
  { loss }: Pick<TrainerOptions, 'loss'>,
  device: Device,
  batch: TrainingBatch,
  like?: PassProgram,
): PassProgram {
  const variables: tf.Tensor[] = model.weights.map(({ variable }) => variable);
  const frozen = model.weights.filter((weight) => !weight.trainable);
  const before = frozen.map((weight) => weight.read());
  const given = batchTensors(model, batch);
  const seeds = model.maskSeeds(0);
  model.seedMasks(0);
  const masks: Mask[] = [];
  const kept: tf.Tensor[] = [];
  try {
    const program = device.record({
      inputs: [...variables, ...given.all],
      variables: trainedOf(model),
      ...(like === undefined ? {} : { like: like.program }),
      body: () => passOf(model, given, loss, kept),
      isInput: ({ shape, values }) => {
        const layer = seeds.findIndex((seed, at) => isMask(values(), model.drawMask(at, shape, seed)));
        if (layer >= 0) masks.push({ layer, shape });
        return layer >= 0;
      },
    });
    return { program, masks };
  } finally {
    frozen.forEach((weight, at) => weight.assign(before[at] ?? weight.read()));
    tf.dispose([...kept, ...given.all]);
  }
}

/** The weights that a device keeps as variables. */
export function trainedOf({ weights }: Pick<StudentModel, 'weights'>): readonly tf.Tensor[] {
  return weights.filter(({ trainable }) => trainable).map(({ variable }) => variable);
}

/** The pass itself, in the order of `passFrom`. @param kept tensors that the caller frees, since they leave a scope */
function passOf(
  model: StudentModel,
  { xs, teacher, targets }: BatchTensors,
  loss: TrainerOptions['loss'],
  kept: tf.Tensor[],
): readonly tf.Tensor[] {
  const trainable = model.weights.filter((weight) => weight.trainable);
  const frozen = model.weights.filter((weight) => !weight.trainable);
  const keep = <Kept extends tf.Tensor>(tensor: Kept): Kept => {
    kept.push(tf.keep(tensor));
    return tensor;
  };
  let logits: tf.Tensor | undefined;
  let penalty: tf.Tensor = tf.scalar(0);
  const onLogits = tf.customGrad((...inputs) => {
    const student = keep(inputs[0] as tf.Tensor2D);
    logits = student;
    const gradient = (): tf.Tensor => lossGradient({ student, teacher, targets }, loss);
    // The host computes the loss itself.
    return { value: tf.scalar(0), gradFunc: (dy: tf.Tensor) => tf.mul(dy, gradient()) };
  });
  const { grads } = tf.variableGrads(
    () => {
      const own = onLogits(model.apply(xs, true));
      penalty = keep(model.regularization() ?? penalty);
      return tf.reshape<tf.Rank.R0>(tf.add(own, penalty), []);
    },
    trainable.map(({ variable }) => variable),
  );
  if (logits === undefined) throw new RecordingError('its output has no gradient');
  const gradients = trainable.map(({ variable }) => grads[variable.name] ?? tf.zerosLike<tf.Tensor>(variable));
  const finite = tf.stack(gradients.map((gradient) => tf.all(tf.isFinite(gradient))));
  return [...gradients, ...frozen.map(({ variable }) => variable), logits, penalty, finite];
}

/** @param results of a program, in the order of `passOf` */
export function passFrom(results: readonly DeviceTensor[], { weights }: Pick<StudentModel, 'weights'>): DevicePass {
  const [logits, penalty, finite] = results.slice(-3);
  if (logits === undefined || penalty === undefined || finite === undefined) throw new Error('a pass without results');
  const trained = weights.filter(({ trainable }) => trainable).length;
  return { gradients: results.slice(0, trained), frozen: results.slice(trained, -3), logits, penalty, finite };
}

interface BatchTensors {
  readonly xs: readonly tf.Tensor[];
  readonly teacher: tf.Tensor2D | null;
  readonly targets: { readonly kind: Targets['kind']; readonly values: tf.Tensor } | null;
  /** In the order of `uploadedBatch`. */
  readonly all: readonly tf.Tensor[];
}

function batchTensors({ inputs, columns }: StudentModel, batch: TrainingBatch): BatchTensors {
  const xs = tensorsOf(batch.samples, inputs);
  const teacher = batch.teacherLogits === null ? null : tf.tensor2d(batch.teacherLogits, [rowsOf(batch), columns]);
  const { targets: given } = batch;
  const type = given?.kind === 'class' ? 'int32' : 'float32';
  const targets =
    given === null ? null : { kind: given.kind, values: tf.tensor(valuesOf(given), targetShape(given, columns), type) };
  const all = [...xs, ...(teacher === null ? [] : [teacher]), ...(targets === null ? [] : [targets.values])];
  return { xs, teacher, targets, all };
}

/** What a program of the batch's kind takes after the weights. The caller frees it. */
export function uploadedBatch(
  model: StudentModel,
  device: Device,
  batch: TrainingBatch,
  masks: readonly Mask[],
): DeviceTensor[] {
  const { teacherLogits: teacher, targets } = batch;
  const { columns } = model;
  return [
    ...uploadedSamples(model, device, batch.samples),
    ...(teacher === null ? [] : [device.upload(teacher, [rowsOf(batch), columns])]),
    ...(targets === null ? [] : [device.upload(valuesOf(targets), targetShape(targets, columns))]),
    ...uploadedMasks(model, device, masks, batch.step),
  ];
}

export function uploadedSamples({ inputs }: StudentModel, device: Device, samples: Samples): DeviceTensor[] {
  return Object.entries(inputs).map(([name, { shape }]) =>
    device.upload(numbersOf(samples, name, inputs), [samples.count, ...shape]),
  );
}

/** Whether a recorded constant holds the random numbers that a layer draws. */
function isMask(constant: Float32Array, drawn: Float32Array): boolean {
  return drawn.length === constant.length && drawn.every((value, at) => value === constant[at]);
}

function uploadedMasks(model: StudentModel, device: Device, masks: readonly Mask[], step: number): DeviceTensor[] {
  if (masks.length === 0) return [];
  const seeds = model.maskSeeds(step);
  return masks.map(({ layer, shape }) => device.upload(model.drawMask(layer, shape, seeds[layer] ?? 1), shape));
}

/** The first samples of a batch. */
export function partOf(batch: TrainingBatch, count: number): TrainingBatch {
  const { samples, targets, teacherLogits } = batch;
  const part = Math.min(count, samples.count);
  return {
    ...batch,
    samples: samplesBetween(samples, 0, part),
    targets: targets === null ? null : targetsBetween(targets, 0, part),
    teacherLogits: teacherLogits?.subarray(0, (teacherLogits.length / samples.count) * part) ?? null,
  };
}

/** Batches of one kind have the same shapes and the same loss. */
export function kindOf({ samples, targets, teacherLogits }: TrainingBatch): string {
  const rows = targets?.kind === 'class' ? targets.perSample : 1;
  return [samples.count, rows, targets?.kind ?? 'none', teacherLogits === null ? 'alone' : 'taught'].join(' ');
}

function rowsOf({ samples, targets }: TrainingBatch): number {
  return samples.count * (targets?.kind === 'class' ? targets.perSample : 1);
}

function valuesOf(targets: Targets): Float32Array | Int32Array {
  return targets.kind === 'class' ? targets.labels : Float32Array.from(targets.values);
}

function targetShape(targets: Targets, columns: number): number[] {
  return targets.kind === 'class' ? [targets.labels.length] : [targets.values.length / columns, columns];
}

export function tensorsOf(samples: Samples, inputs: NumericSpecs): tf.Tensor[] {
  return Object.entries(inputs).map(([name, { dtype, shape }]) =>
    tf.tensor(inputFor(samples.inputs, name, inputs)?.data ?? [], [samples.count, ...shape], dtype),
  );
}

/** The samples have passed `checkSamples`. */
export function numbersOf({ inputs: given }: Samples, name: string, inputs: NumericSpecs): Float32Array | Int32Array {
  const data = inputFor(given, name, inputs)?.data;
  if (ArrayBuffer.isView(data)) return data;
  throw new Error(`input ${name}: no numbers`);
}
