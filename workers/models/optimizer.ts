/**
 * The optimizers: sgd, adam, adamw (docs/adr/0003-own-optimizers.md says why not tfjs's).
 *
 * Invariant: an update is a function of (weights, slots, gradients, step) alone, computed in float64 and stored in
 * float32, so that a restored optimizer continues bit for bit on any machine. Weights and slots are plain arrays: the
 * whole model is one loop, without an operation per weight.
 */
import type { Manifest } from '@distillery/protocol';

import { learningRateAt } from './learning-rate.js';

export type OptimizerSettings = Manifest['student']['optimizer'];

/** One trainable weight as the optimizer sees it. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Updated in place. */
  readonly values: Float32Array;
}

export interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface Optimizer {
  /** In a fixed order; zeros at the start. To restore, write into `values`. */
  readonly slots: readonly Slot[];
  /** @param gradients one for each parameter, in their order */
  update(gradients: readonly Float32Array[], step: number): void;
}

interface Entry {
  readonly values: Float32Array;
  readonly decay: number;
  readonly slots: readonly Float32Array[];
}

const slotNames = { sgd: ['velocity'], adam: ['m', 'v'], adamw: ['m', 'v'] } as const;

/**
 * Weight decay: adamw decouples it and exempts what has less than two axes (biases, scales of normalizations), as is
 * usual; sgd and adam add it to every gradient, as L2 regularization.
 * @param totalSteps of the job, for the learning rate's schedule
 */
export function createOptimizer(
  settings: OptimizerSettings,
  parameters: readonly Parameter[],
  totalSteps: number,
): Optimizer {
  const slots: Slot[] = [];
  const entries = parameters.map((parameter): Entry => {
    const names = settings.name === 'sgd' && settings.momentum === 0 ? [] : slotNames[settings.name];
    const own = names.map((slot) => ({
      name: `${settings.name}/${slot}/${parameter.name}`,
      shape: parameter.shape,
      values: new Float32Array(parameter.values.length),
    }));
    slots.push(...own);
    const exempt = settings.name === 'adamw' && parameter.shape.length < 2;
    return {
      values: parameter.values,
      decay: exempt ? 0 : settings.weightDecay,
      slots: own.map(({ values }) => values),
    };
  });
  const updateOne = settings.name === 'sgd' ? sgd : adam;
  return {
    slots,
    update: (gradients, step) => {
      const rate = learningRateAt(settings, step, totalSteps);
      const clipped = clippedByNorm(gradients, settings.clipNorm);
      entries.forEach((entry, index) => {
        const gradient = clipped[index];
        if (gradient !== undefined) updateOne(entry, gradient, rate, step, settings);
      });
    },
  };
}

type Update = (entry: Entry, gradient: Float32Array, rate: number, step: number, settings: OptimizerSettings) => void;

const sgd: Update = ({ values, decay, slots: [velocity] }, gradient, rate, _step, { momentum }) => {
  for (let at = 0; at < values.length; at++) {
    const weight = values[at] ?? 0;
    let change = (gradient[at] ?? 0) + decay * weight;
    if (velocity !== undefined) {
      change += momentum * (velocity[at] ?? 0);
      velocity[at] = change;
    }
    values[at] = weight - rate * change;
  }
};

const adam: Update = ({ values, decay, slots: [m, v] }, gradient, rate, step, settings) => {
  if (m === undefined || v === undefined) return;
  const { beta1, beta2, epsilon, name } = settings;
  const decoupled = name === 'adamw' ? rate * decay : 0;
  const coupled = name === 'adam' ? decay : 0;
  // From the step's number, never accumulated: a restored run sees the same corrections.
  const correction1 = 1 / (1 - beta1 ** (step + 1));
  const correction2 = 1 / (1 - beta2 ** (step + 1));
  for (let at = 0; at < values.length; at++) {
    const weight = values[at] ?? 0;
    const slope = (gradient[at] ?? 0) + coupled * weight;
    const first = beta1 * (m[at] ?? 0) + (1 - beta1) * slope;
    const second = beta2 * (v[at] ?? 0) + (1 - beta2) * slope * slope;
    m[at] = first;
    v[at] = second;
    const move = (first * correction1) / (Math.sqrt(second * correction2) + epsilon);
    values[at] = weight - rate * move - decoupled * weight;
  }
};

/**
 * The gradients, scaled so that their global norm (the length of all of them as one vector) is at most `clipNorm`; the
 * same arrays where it is, or where nothing is clipped.
 */
function clippedByNorm(gradients: readonly Float32Array[], clipNorm: number | undefined): readonly Float32Array[] {
  if (clipNorm === undefined) return gradients;
  let squares = 0;
  for (const gradient of gradients) {
    for (const slope of gradient) squares += slope * slope;
  }
  const norm = Math.sqrt(squares);
  return norm <= clipNorm ? gradients : gradients.map((gradient) => gradient.map((slope) => slope * (clipNorm / norm)));
}
