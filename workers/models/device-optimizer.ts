/** The update of the weights in tensors: the formulas of optimizer.ts and averages.ts in float32. */
import * as tf from '@tensorflow/tfjs-core';
import { learningRateAt } from './learning-rate.js';
import type { OptimizerSettings } from './optimizer.js';

/** What of an update differs from step to step: learning rate, and the corrections of both moments. */
export function stepScalars(settings: OptimizerSettings, step: number, totalSteps: number): readonly number[] {
  const { beta1, beta2 } = settings;
  return [learningRateAt(settings, step, totalSteps), 1 / (1 - beta1 ** (step + 1)), 1 / (1 - beta2 ** (step + 1))];
}

export interface UpdateInput {
  /** Trainable ones; each with the constraint of its layer, where it has one. */
  readonly weights: readonly {
    readonly value: tf.Tensor;
    readonly constrain: ((value: tf.Tensor) => tf.Tensor) | null;
  }[];
  readonly gradients: readonly tf.Tensor[];
  /** Of the optimizer, as many of each weight. */
  readonly slots: readonly tf.Tensor[];
  /** One for each weight; none where the weights themselves are exported. */
  readonly averages: readonly tf.Tensor[];
  /** As `stepScalars` gives them. */
  readonly scalars: readonly tf.Tensor[];
}

export interface Updated {
  readonly weights: readonly tf.Tensor[];
  readonly slots: readonly tf.Tensor[];
  readonly averages: readonly tf.Tensor[];
}

export function updated(
  { weights, gradients, slots, averages, scalars }: UpdateInput,
  settings: OptimizerSettings,
): Updated {
  const perWeight = slots.length / weights.length;
  const clipped = clippedByNorm(gradients, settings.clipNorm);
  const results = weights.map(({ value, constrain }, at) => {
    const own = slots.slice(at * perWeight, (at + 1) * perWeight);
    const update = settings.name === 'sgd' ? sgd : adam;
    const result = update(value, clipped[at] ?? value, own, scalars, settings);
    return { slots: result.slots, weight: constrain === null ? result.weight : constrain(result.weight) };
  });
  const { ema = 0 } = settings;
  return {
    weights: results.map(({ weight }) => weight),
    slots: results.flatMap((result) => result.slots),
    averages: averages.map((average, at) => {
      const weight = results[at]?.weight ?? average;
      return tf.add(tf.mul(average, ema), tf.mul(weight, 1 - ema));
    }),
  };
}

interface Result {
  readonly weight: tf.Tensor;
  readonly slots: readonly tf.Tensor[];
}

type Update = (
  weight: tf.Tensor,
  gradient: tf.Tensor,
  slots: readonly tf.Tensor[],
  scalars: readonly tf.Tensor[],
  settings: OptimizerSettings,
) => Result;

const sgd: Update = (weight, gradient, [velocity], [rate], { momentum, weightDecay }) => {
  const slope = weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(weight, weightDecay));
  const change = velocity === undefined ? slope : tf.add(slope, tf.mul(velocity, momentum));
  return { weight: tf.sub(weight, tf.mul(change, rate ?? 0)), slots: velocity === undefined ? [] : [change] };
};

const adam: Update = (weight, gradient, [m, v], [rate, correction1, correction2], settings) => {
  const { name, beta1, beta2, epsilon, weightDecay } = settings;
  if (m === undefined || v === undefined || rate === undefined) return { weight, slots: [] };
  const coupled = name === 'adam' && weightDecay !== 0;
  const slope = coupled ? tf.add(gradient, tf.mul(weight, weightDecay)) : gradient;
  const first = tf.add(tf.mul(m, beta1), tf.mul(slope, 1 - beta1));
  const second = tf.add(tf.mul(v, beta2), tf.mul(tf.square(slope), 1 - beta2));
  const root = tf.add(tf.sqrt(tf.mul(second, correction2 ?? 1)), epsilon);
  const move = tf.mul(tf.div(tf.mul(first, correction1 ?? 1), root), rate);
  const moved = tf.sub(weight, move);
  // Decoupled decay leaves out what has less than two axes, as optimizer.ts does.
  const decays = name === 'adamw' && weightDecay !== 0 && weight.rank >= 2;
  return {
    weight: decays ? tf.sub(moved, tf.mul(weight, tf.mul(rate, weightDecay))) : moved,
    slots: [first, second],
  };
};

function clippedByNorm(gradients: readonly tf.Tensor[], clipNorm: number | undefined): readonly tf.Tensor[] {
  if (clipNorm === undefined) return gradients;
  const norm = tf.sqrt(tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient)))));
  const factor = tf.div(clipNorm, tf.maximum(norm, clipNorm));
  return gradients.map((gradient) => tf.mul(gradient, factor));
}
