/** The update of the weights in tensors: the formulas of optimizer.ts and averages.ts in float32. */
import * as tf from '@tensorflow/tfjs-core';
import type { FusedAdam } from './device.js';
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

/** @param fused the device's own Adam; absent = it has none */
export function updated(
  { weights, gradients, slots, averages, scalars }: UpdateInput,
  settings: OptimizerSettings,
  fused?: FusedAdam,
): Updated {
  const perWeight = slots.length / weights.length;
  const clipped = clippedByNorm(gradients, settings.clipNorm);
  const update =
    settings.name === 'sgd' ? sgd : adamWith(fused === undefined ? composed : fusedBy(fused, scalars, settings));
  const results = weights.map(({ value, constrain }, at) => {
    const own = slots.slice(at * perWeight, (at + 1) * perWeight);
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

/** @param move Adam without weight decay */
const adamWith =
  (move: Update): Update =>
  (weight, gradient, slots, scalars, settings) => {
    const { name, weightDecay } = settings;
    const coupled = name === 'adam' && weightDecay !== 0;
    const slope = coupled ? tf.add(gradient, tf.mul(weight, weightDecay)) : gradient;
    const moved = move(weight, slope, slots, scalars, settings);
    // Decoupled decay leaves out what has less than two axes, as optimizer.ts does.
    const decays = name === 'adamw' && weightDecay !== 0 && weight.rank >= 2;
    if (!decays) return moved;
    return { ...moved, weight: tf.sub(moved.weight, tf.mul(weight, tf.mul(scalars[0] ?? 0, weightDecay))) };
  };

const composed: Update = (weight, gradient, [m, v], [rate, correction1, correction2], { beta1, beta2, epsilon }) => {
  if (m === undefined || v === undefined || rate === undefined) return { weight, slots: [] };
  const first = tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1));
  const second = tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2));
  const root = tf.add(tf.sqrt(tf.mul(second, correction2 ?? 1)), epsilon);
  const move = tf.mul(tf.div(tf.mul(first, correction1 ?? 1), root), rate);
  return { weight: tf.sub(weight, move), slots: [first, second] };
};

/** The corrections of the moments are the same for every weight: rate · m·c1 ÷ (√(v·c2) + ε), divided by √c2 above and below. */
function fusedBy(fused: FusedAdam, scalars: readonly tf.Tensor[], settings: OptimizerSettings): Update {
  const [rate, correction1, correction2] = scalars;
  if (rate === undefined || correction1 === undefined || correction2 === undefined) return composed;
  const root = tf.sqrt(correction2);
  const shared = {
    rate: tf.div(tf.mul(rate, correction1), root),
    epsilon: tf.div(settings.epsilon, root),
    beta1: tf.scalar(settings.beta1),
    beta2: tf.scalar(settings.beta2),
  };
  return (weight, gradient, [m, v]) => {
    if (m === undefined || v === undefined) return { weight, slots: [] };
    const result = fused({ ...shared, weight, gradient, m, v });
    return { weight: result.weight, slots: [result.m, result.v] };
  };
}

function clippedByNorm(gradients: readonly tf.Tensor[], clipNorm: number | undefined): readonly tf.Tensor[] {
  if (clipNorm === undefined) return gradients;
  const norm = tf.sqrt(tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient)))));
  const factor = tf.div(clipNorm, tf.maximum(norm, clipNorm));
  return gradients.map((gradient) => tf.mul(gradient, factor));
}
