/**
 * The programs of one student on a device, recorded when first needed: a training pass for each size and kind of batch,
 * the update of the weights, and the answers to a fixed number of samples.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type NumericSpecs, type Samples, samplesBetween } from '../samples/index.js';
import { type Device, type DeviceTensor, type Program, RecordingError } from './device.js';
import { updated } from './device-optimizer.js';
import {
  type DevicePass,
  kindOf,
  numbersOf,
  partOf,
  type PassProgram,
  passFrom,
  recordPass,
  tensorsOf,
  trainedOf,
  uploadedBatch,
  uploadedSamples,
} from './device-pass.js';
import { evaluationSamples } from './evaluation-parts.js';
import type { StudentModel } from './student-model.js';
import { zeroSamples } from './tensor-pass.js';
import type { TrainerOptions, TrainingBatch } from './trainer.js';

/** Not one, which has ops of its own. */
const fewSamples = 2;
/** Sizes of batches seen at a time: the full one, the last one and the few samples, each with and without teacher. */
const maxPasses = 8;

export class DevicePrograms {
  readonly #model: StudentModel;
  readonly #options: TrainerOptions;
  readonly #device: Device;
  /** Slots of the optimizer for each trained weight. */
  readonly #slotsPerWeight: number;
  /** By the kind of batch, the oldest first. */
  readonly #passes = new Map<string, PassProgram>();
  #update: Program | undefined;
  #answers: Program | undefined;

  constructor(model: StudentModel, options: TrainerOptions, device: Device, slotsPerWeight: number) {
    this.#model = model;
    this.#options = options;
    this.#device = device;
    this.#slotsPerWeight = slotsPerWeight;
  }

  /**
   * Records and runs a pass of two samples, and records the update.
   * @param weights all of the model, in its order
   * @throws RecordingError when the model has no programs
   */
  check(weights: readonly DeviceTensor[]): void {
    const samples = zeroSamples(this.#model.inputs, fewSamples);
    const teacherLogits = new Float32Array(fewSamples * this.#model.columns);
    const batch = { step: 0, samples, targets: null, teacherLogits };
    const { gradients, frozen, logits, penalty, finite } = this.forwardAndBackward(weights, batch);
    this.#device.free([...gradients, ...frozen, logits, penalty, finite]);
    this.#update ??= this.#recordUpdate();
  }

  /** @param weights all of the model, in its order */
  forwardAndBackward(weights: readonly DeviceTensor[], batch: TrainingBatch): DevicePass {
    const pass = this.#passFor(batch);
    const given = uploadedBatch(this.#model, this.#device, batch, pass.masks);
    try {
      return passFrom(pass.program.run([...weights, ...given]), this.#model);
    } finally {
      this.#device.free(given);
    }
  }

  /**
   * Changes weights, slots and averages in place.
   * @param inputs trained weights, gradients, slots, averages, scalars
   */
  update(inputs: readonly DeviceTensor[]): void {
    this.#update ??= this.#recordUpdate();
    this.#update.run(inputs);
  }

  /**
   * Computes always the same number of samples, so that a sample's logits do not depend on how many others are asked for.
   * @returns [rows, columns]
   */
  logits(weights: readonly DeviceTensor[], samples: Samples): Float32Array {
    this.#answers ??= this.#recordAnswers();
    const parts: Float32Array[] = [];
    for (let start = 0; start < samples.count; start += evaluationSamples) {
      const part = samplesBetween(samples, start, Math.min(start + evaluationSamples, samples.count));
      const given = uploadedSamples(this.#model, this.#device, padded(part, this.#model.inputs));
      const results = this.#answers.run([...weights, ...given]);
      for (const logits of results) {
        const values = this.#device.read(logits);
        parts.push(values.subarray(0, (values.length / evaluationSamples) * part.count));
      }
      this.#device.free([...given, ...results]);
    }
    return joined(parts);
  }

  dispose(): void {
    const passes = [...this.#passes.values()].map(({ program }) => program);
    for (const program of [...passes, this.#update, this.#answers]) program?.dispose();
  }

  #passFor(batch: TrainingBatch): PassProgram {
    const kind = kindOf(batch);
    const known = this.#passes.get(kind);
    if (known !== undefined) return known;
    const recorded = this.#recordPass(batch);
    const [oldest] = this.#passes;
    if (this.#passes.size >= maxPasses && oldest !== undefined) {
      oldest[1].program.dispose();
      this.#passes.delete(oldest[0]);
    }
    this.#passes.set(kind, recorded);
    return recorded;
  }

  /** After the pass of two samples, so that the one of many needs less memory. */
  #recordPass(batch: TrainingBatch): PassProgram {
    const record = (of: TrainingBatch, like?: PassProgram): PassProgram =>
      recordPass(this.#model, this.#options, this.#device, of, like);
    if (batch.samples.count <= fewSamples) return record(batch);
    const few = this.#passFor(partOf(batch, fewSamples));
    try {
      return record(batch, few);
    } catch (error) {
      if (error instanceof RecordingError) throw error;
      // A model may compute many samples in another way: what the first ops let go was still needed.
      return record(batch);
    }
  }

  #recordUpdate(): Program {
    const { optimizer } = this.#options;
    const trainable = this.#model.weights.filter((weight) => weight.trainable);
    const weights = trainable.map(({ variable, constrain }) => ({ value: variable, constrain }));
    const values: tf.Tensor[] = weights.map(({ value }) => value);
    const zeros = (): tf.Tensor[] => values.map(({ shape }) => tf.zeros(shape));
    const gradients = zeros();
    const slots = values.flatMap(({ shape }) => Array.from({ length: this.#slotsPerWeight }, () => tf.zeros(shape)));
    const averages = optimizer.ema === undefined ? [] : zeros();
    const scalars = [1, 1, 1].map((value) => tf.scalar(value));
    const changed = [...values, ...slots, ...averages];
    const program = this.#device.record({
      inputs: [...values, ...gradients, ...slots, ...averages, ...scalars],
      variables: changed,
      assigned: changed,
      body: () => {
        const input = { weights, gradients, slots, averages, scalars };
        const result = updated(input, optimizer, this.#device.adam);
        return [...result.weights, ...result.slots, ...result.averages];
      },
    });
    tf.dispose([...gradients, ...slots, ...averages, ...scalars]);
    return program;
  }

  #recordAnswers(): Program {
    const { inputs, weights } = this.#model;
    const xs = tensorsOf(zeroSamples(inputs, evaluationSamples), inputs);
    const variables: tf.Tensor[] = weights.map(({ variable }) => variable);
    const program = this.#device.record({
      inputs: [...variables, ...xs],
      variables: trainedOf(this.#model),
      body: () => [this.#model.apply(xs, false)],
    });
    tf.dispose(xs);
    return program;
  }
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
