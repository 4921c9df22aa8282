/** Small students, settings and batches for the tests of training. */
import { randomFrom } from '@distillery/base';
import * as tfl from '@tensorflow/tfjs-layers';
import { imageSamples } from '../../../workers/samples/index.js';
import { supplyTensorMethods } from '../../../workers/models/tensor-methods.js';
import type { OptimizerSettings } from '../../../workers/models/optimizer.js';
import type { TrainingBatch } from '../../../workers/models/training.js';
import { type ClassTargets, targetsOf } from '../../kit/samples.js';

export const shape = [8, 8, 1] as const;
export const columns = 4;

export function optimizerSettings(given: Partial<OptimizerSettings> = {}): OptimizerSettings {
  return {
    name: 'adam',
    learningRate: 0.01,
    momentum: 0.9,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-7,
    weightDecay: 0,
    schedule: { name: 'Constant', warmupSteps: 0, finalFraction: 1 },
    ...given,
  };
}

/** JSON of layers between an input of `shape` and a dense layer of `columns` logits. */
export function studentOf(layers: () => tfl.layers.Layer[]): string {
  supplyTensorMethods();
  const input = tfl.input({ shape: [...shape] });
  let output = input;
  for (const layer of layers()) output = layer.apply(output) as tfl.SymbolicTensor;
  if (output.shape.length > 2) output = tfl.layers.flatten().apply(output) as tfl.SymbolicTensor;
  const logits = tfl.layers.dense({ units: columns, name: 'logits' }).apply(output) as tfl.SymbolicTensor;
  const model = tfl.model({ inputs: input, outputs: logits });
  const json = JSON.stringify(model.toJSON(null, false));
  model.dispose();
  return json;
}

/** Convolution, normalization and dropout: all that has state or randomness. */
export function eventfulStudent(): string {
  return studentOf(() => [
    tfl.layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', useBias: false, name: 'conv' }),
    tfl.layers.batchNormalization({ name: 'norm' }),
    tfl.layers.activation({ activation: 'relu' }),
    tfl.layers.dropout({ rate: 0.3 }),
    tfl.layers.flatten(),
    tfl.layers.dense({ units: 8, activation: 'relu', name: 'hidden' }),
    tfl.layers.dropout({ rate: 0.5 }),
  ]);
}

export function batchAt(step: number, rows = 6): TrainingBatch & { readonly targets: ClassTargets } {
  const random = randomFrom(1000 + step);
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => random.unit());
  return {
    step,
    samples: imageSamples(shape, draw(rows * shape[0] * shape[1])),
    targets: targetsOf(Int32Array.from({ length: rows }, () => random.below(columns))),
    teacherLogits: draw(rows * columns).map((value) => 6 * value - 3),
  };
}
