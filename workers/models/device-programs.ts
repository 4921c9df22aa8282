/**
 * The programs of one student on a device, recorded when first needed: a training pass for each size and kind of batch,
 * the update of the weights, and the answers to a fixed number of samples.
 */
import * as tf from '@tensorflow/tfjs-core';
import { inputFor, type NumericSpecs, type Samples, samplesBetween, type Targets } from '../data/index.js';
import { type Device, type DeviceTensor, type Program, RecordingError } from './device.js';
import { lossGradient } from './device-loss.js';
import { updated } from './device-optimizer.js';
import { evaluationSamples } from './evaluation-parts.js';
import type { StudentModel } from './student-model.js';
import { zeroSamples } from './tensor-pass.js';
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

export interface Programs {
  /** Records a training pass of two samples and an update. @throws RecordingError when the model has no programs */
  check(weights: readonly DeviceTensor[]): void;
  /** @param weights all of the model, in its order */
  forwardAndBackward(weights: readonly DeviceTensor[], batch: TrainingBatch): DevicePass;
  /** @param inputs trained weights, gradients, slots, averages, scalars @returns weights, slots, averages */
  update(inputs: readonly DeviceTensor[]): DeviceTensor[];
  /** @returns [rows, columns] */
  logits(weights: readonly DeviceTensor[], samples: Samples): Float32Array;
  dispose(): void;
}

/** A mask of a random layer: which one, and its shape. */
interface Mask {
  readonly layer: number;
  readonly shape: readonly number[];
}

interface TrainingProgram {
  readonly program: Program;
  readonly masks: readonly Mask[];
}

/** Sizes of batches seen at a time: the full one, the last one, each with and without teacher. */
const maxPrograms = 8;

export function createPrograms(
  model: StudentModel,
  options: TrainerOptions,
  device: Device,
  optimizerSlots: number,
): Programs {
  const trainable = model.weights.filter((weight) => weight.trainable);
  const frozen = model.weights.filter((weight) => !weight.trainable);
  const variables = model.weights.map(({ variable }) => variable as tf.Tensor);
  const training = new Map<string, TrainingProgram>();
  let updating: Program | undefined;
  let answering: Program | undefined;

  const pass = (batch: TrainingBatch): TrainingProgram => {
    const key = keyOf(batch);
    const known = training.get(key);
    if (known !== undefined) return known;
    const [oldest] = training.keys();
    if (training.size >= maxPrograms && oldest !== undefined) {
      training.get(oldest)?.program.dispose();
      training.delete(oldest);
    }
    const made = recordPass(model, options, device, batch, { variables, trainable, frozen });
    training.set(key, made);
    return made;
  };
  const update = (): Program => {
    if (updating !== undefined) return updating;
    const like = (tensors: readonly tf.Tensor[]): tf.Tensor[] => tensors.map((tensor) => tf.zeros(tensor.shape));
    const values = trainable.map(({ variable }) => variable as tf.Tensor);
    const gradients = like(values);
    const perWeight = optimizerSlots / trainable.length;
    const slots = values.flatMap((value) => Array.from({ length: perWeight }, () => tf.zeros(value.shape)));
    const averages = options.optimizer.ema === undefined ? [] : like(values);
    const scalars = [1, 1, 1].map((value) => tf.scalar(value));
    const weights = trainable.map(({ variable, constrain }) => ({ value: variable as tf.Tensor, constrain }));
    updating = device.record({
      inputs: [...values, ...gradients, ...slots, ...averages, ...scalars],
      body: () => {
        const result = updated({ weights, gradients, slots, averages, scalars }, options.optimizer);
        return [...result.weights, ...result.slots, ...result.averages];
      },
    });
    tf.dispose([...gradients, ...slots, ...averages, ...scalars]);
    return updating;
  };
  const answers = (): Program => {
    if (answering !== undefined) return answering;
    const xs = tensorsOf(zeroSamples(model.inputs, evaluationSamples), model.inputs);
    answering = device.record({ inputs: [...variables, ...xs], body: () => [model.apply(xs, false)] });
    tf.dispose(xs);
    return answering;
  };
  const uploaded = (samples: Samples): DeviceTensor[] =>
    Object.entries(model.inputs).map(([name, { shape }]) =>
      device.upload(numbersOf(samples, name, model.inputs), [samples.count, ...shape]),
    );

  return {
    check: (weights) => {
      const size = 2 * model.columns;
      const samples = zeroSamples(model.inputs, 2);
      const batch = { step: 0, samples, targets: null, teacherLogits: new Float32Array(size) };
      const { program, masks } = pass(batch);
      training.delete(keyOf(batch));
      const given = [...uploaded(samples), device.upload(batch.teacherLogits, [2, model.columns])];
      given.push(...uploadMasks(model, device, masks, 0));
      device.free(program.run([...weights, ...given]));
      device.free(given);
      program.dispose();
      update();
    },
    forwardAndBackward: (weights, batch) => {
      const { program, masks } = pass(batch);
      const given = uploaded(batch.samples);
      const rows = rowsOf(batch);
      if (batch.teacherLogits !== null) given.push(device.upload(batch.teacherLogits, [rows, model.columns]));
      if (batch.targets !== null)
        given.push(device.upload(valuesOf(batch.targets), targetShape(batch.targets, model.columns)));
      given.push(...uploadMasks(model, device, masks, batch.step));
      try {
        const results = program.run([...weights, ...given]);
        const [logits, penalty, finite] = results.slice(-3);
        if (logits === undefined || penalty === undefined || finite === undefined)
          throw new Error('a pass without results');
        const gradients = results.slice(0, trainable.length);
        return { gradients, frozen: results.slice(trainable.length, -3), logits, penalty, finite };
      } finally {
        device.free(given);
      }
    },
    update: (inputs) => update().run(inputs),
    logits: (weights, samples) => {
      const parts: Float32Array[] = [];
      for (let start = 0; start < samples.count; start += evaluationSamples) {
        const part = samplesBetween(samples, start, Math.min(start + evaluationSamples, samples.count));
        // Always the same number of samples: a sample's logits do not depend on how many others were asked for.
        const given = uploaded(padded(part, model.inputs));
        const [logits] = answers().run([...weights, ...given]);
        if (logits === undefined) throw new Error('no logits');
        const values = device.read(logits);
        parts.push(values.subarray(0, (values.length / evaluationSamples) * part.count));
        device.free([...given, logits]);
      }
      return joined(parts);
    },
    dispose: () => {
      for (const program of [...[...training.values()].map((one) => one.program), updating, answering])
        program?.dispose();
    },
  };
}

function recordPass(
  model: StudentModel,
  { loss }: TrainerOptions,
  device: Device,
  batch: TrainingBatch,
  {
    variables,
    trainable,
    frozen,
  }: { variables: tf.Tensor[]; trainable: StudentModel['weights']; frozen: StudentModel['weights'] },
): TrainingProgram {
  const { columns } = model;
  const rows = rowsOf(batch);
  const xs = tensorsOf(batch.samples, model.inputs);
  const teacher = batch.teacherLogits === null ? null : tf.tensor2d(batch.teacherLogits, [rows, columns]);
  const { targets: given } = batch;
  const values =
    given === null
      ? null
      : tf.tensor(valuesOf(given), targetShape(given, columns), given.kind === 'class' ? 'int32' : 'float32');
  const targets = given === null || values === null ? null : { kind: given.kind, values };
  const seeds = model.maskSeeds(0);
  const masks: Mask[] = [];
  model.seedMasks(0);
  const before = frozen.map((weight) => weight.read());
  const kept: tf.Tensor[] = [];
  const program = device.record({
    inputs: [...variables, ...xs, ...(teacher === null ? [] : [teacher]), ...(values === null ? [] : [values])],
    body: () => {
      let logits: tf.Tensor | undefined;
      let penalty: tf.Tensor = tf.scalar(0);
      const onLogits = tf.customGrad((...inputs) => {
        const student = inputs[0] as tf.Tensor2D;
        logits = tf.keep(student);
        return {
          value: tf.scalar(0),
          gradFunc: (dy: tf.Tensor) => tf.mul(dy, lossGradient({ student, teacher, targets }, loss)),
        };
      });
      const { grads } = tf.variableGrads(
        () => {
          const own = onLogits(model.apply(xs, true));
          penalty = tf.keep(model.regularization() ?? penalty);
          return tf.reshape<tf.Rank.R0>(tf.add(own, penalty), []);
        },
        trainable.map(({ variable }) => variable),
      );
      // Kept beyond the scope of the pass, freed below.
      kept.push(penalty, ...(logits === undefined ? [] : [logits]));
      if (logits === undefined) throw new RecordingError('its output has no gradient');
      const gradients = trainable.map(({ variable }) => grads[variable.name] ?? tf.zerosLike(variable));
      const finite = tf.stack(gradients.map((gradient) => tf.all(tf.isFinite(gradient))));
      return [...gradients, ...frozen.map(({ variable }) => variable as tf.Tensor), logits, penalty, finite];
    },
    isInput: ({ shape, values: constant }) => {
      const layer = seeds.findIndex((seed) => isMask(constant, shape, seed));
      if (layer >= 0) masks.push({ layer, shape });
      return layer >= 0;
    },
  });
  frozen.forEach((weight, at) => weight.assign(before[at] ?? weight.read()));
  tf.dispose([...kept, ...xs, ...(teacher === null ? [] : [teacher]), ...(values === null ? [] : [values])]);
  return { program, masks };
}

/** Whether a recorded constant holds the random numbers that tfjs draws for a layer of this seed. */
function isMask(constant: Float32Array, shape: readonly number[], seed: number): boolean {
  const drawn = maskOf(shape, seed);
  return drawn.every((value, at) => value === constant[at]);
}

function maskOf(shape: readonly number[], seed: number): Float32Array {
  return tf.tidy(() => tf.randomUniform([...shape], 0, 1, 'float32', seed).dataSync<'float32'>());
}

function uploadMasks(model: StudentModel, device: Device, masks: readonly Mask[], step: number): DeviceTensor[] {
  if (masks.length === 0) return [];
  const seeds = model.maskSeeds(step);
  return masks.map(({ layer, shape }) => device.upload(maskOf(shape, seeds[layer] ?? 1), shape));
}

function keyOf({ samples, targets, teacherLogits }: TrainingBatch): string {
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

function tensorsOf(samples: Samples, inputs: NumericSpecs): tf.Tensor[] {
  return Object.entries(inputs).map(([name, { dtype, shape }]) =>
    tf.tensor(inputFor(samples.inputs, name, inputs)?.data ?? [], [samples.count, ...shape], dtype),
  );
}

/** The samples have passed `checkSamples`. */
function numbersOf({ inputs: given }: Samples, name: string, inputs: NumericSpecs): Float32Array | Int32Array {
  const data = inputFor(given, name, inputs)?.data;
  if (ArrayBuffer.isView(data)) return data;
  throw new Error(`input ${name}: no numbers`);
}

/** The samples and zeros behind them. */
function padded(samples: Samples, inputs: NumericSpecs): Samples {
  if (samples.count === evaluationSamples) return samples;
  const whole = zeroSamples(inputs, evaluationSamples);
  for (const name of Object.keys(inputs)) {
    const target = whole.inputs[name];
    if (target !== undefined) (target.data as Float32Array).set(numbersOf(samples, name, inputs));
  }
  return whole;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
