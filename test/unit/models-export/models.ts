/** Models of tfjs with random weights, their export, and what both sides answer. */
import { randomFrom } from '@distillery/base';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import type { Samples } from '../../../workers/samples/index.js';
import { exportChecked } from '../../../workers/models/export.js';
import { exportModel, weightsOf } from '../../../workers/models/student-model.js';
import { supplyTensorMethods } from '../../../workers/models/tensor-methods.js';
import type { ExportedModel } from '../../../workers/models/training.js';

export const facts = { namespace: 'team', name: 'small', digest: 'ab'.repeat(32) };

/** Enough that no two axes of a sample have the same length as the batch. */
const rows = 5;

export function exportedOf(model: tfl.LayersModel): ExportedModel {
  return exportModel({
    weights: weightsOf(model),
    topology: model.toJSON(null, false) as Record<string, unknown>,
  });
}

/** Gives every weight values in (−1, 1), variances values in (0.1, 1.1). */
export function scramble(model: tfl.LayersModel, seed = 1): void {
  const random = randomFrom(seed);
  for (const weight of weightsOf(model)) {
    const { name, variable } = weight;
    const isVariance = name.includes('variance');
    weight.write(
      Float32Array.from({ length: variable.size }, () => (isVariance ? random.unit() + 0.1 : 2 * random.unit() - 1)),
    );
  }
}

/** Samples in (−2, 2), or whole numbers below 7 for an input of int32. */
export function samplesFor(model: tfl.LayersModel, seed = 2): Samples {
  const random = randomFrom(seed);
  const inputs = model.inputs.map(({ name, shape, dtype }) => {
    const sizes = [rows, ...shape.slice(1).map((size) => size ?? 1)];
    const length = sizes.reduce((product, size) => product * size, 1);
    const tensor =
      dtype === 'int32'
        ? { dtype, shape: sizes, data: Int32Array.from({ length }, () => random.below(7)) }
        : { dtype: 'float32' as const, shape: sizes, data: Float32Array.from({ length }, () => 4 * random.unit() - 2) };
    return [name, tensor] as const;
  });
  return { count: rows, inputs: Object.fromEntries(inputs) };
}

export function logitsOf(model: tfl.LayersModel, samples: Samples): Float32Array {
  return tf.tidy(() => {
    const given = Object.values(samples.inputs).flatMap((tensor) =>
      tensor.dtype === 'text' ? [] : [tf.tensor(tensor.data, [...tensor.shape], tensor.dtype)],
    );
    return (model.apply(given, { training: false }) as tf.Tensor).dataSync<'float32'>().slice();
  });
}

/** Exports a model and compares it with itself. @throws OnnxExportError */
export async function exportAndCompare(model: tfl.LayersModel): Promise<Uint8Array> {
  scramble(model);
  const samples = samplesFor(model);
  const logits = logitsOf(model, samples);
  if (!logits.every(Number.isFinite) || new Set(logits).size < 2) throw new Error('this model shows nothing');
  try {
    return await exportChecked({ model: exportedOf(model), facts, samples, logits });
  } finally {
    model.dispose();
  }
}

/** A model of layers one after the other. */
export function chain(
  shape: readonly number[],
  layers: readonly tfl.layers.Layer[],
  dtype: 'float32' | 'int32' = 'float32',
): tfl.LayersModel {
  supplyTensorMethods();
  const input = tfl.input({ shape: [...shape], dtype, name: 'given' });
  let output = input;
  for (const layer of layers) output = layer.apply(output) as tfl.SymbolicTensor;
  return tfl.model({ inputs: input, outputs: output });
}
