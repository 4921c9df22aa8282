/** Layers that the runtime native computes in its own way: their gradients and averages are those of wasm. */
import { describe, expect, it } from '@jest/globals';
import { choosePreset, type PresetInput, presetTopology } from '@distillery/presets';
import * as tfl from '@tensorflow/tfjs-layers';

import { randomFrom } from '@distillery/base';

import type { Samples } from '../../../workers/samples/index.js';
import type { Gradients, StudentTrainer, TrainerState, TrainingBatch } from '../../../workers/models/training.js';
import { openRuntime, runtimeTable } from '../../../workers/runtimes/index.js';
import { builtNative } from '../../kit/native.js';
import { ownLayers, studentWith } from '../models-training/own-layers.js';
import { batchAt, columns, optimizerSettings, studentOf } from '../models-training/students.js';

const folder = builtNative();
const { layers } = tfl;

const rows = 6;
const tokens: PresetInput = { dtype: 'int32', shape: [5], values: 11 };

function transformer(): string {
  const chosen = choosePreset('text-transformer-tiny', [
    ['embedding', '8'],
    ['layers', '1'],
    ['feedforward', '12'],
  ]);
  return JSON.stringify(presetTopology(chosen, { inputs: { input: tokens }, outputs: columns }).topology);
}

function textBatch(step: number): TrainingBatch {
  const random = randomFrom(step + 1);
  const data = Int32Array.from({ length: rows * 5 }, () => random.below(11));
  const samples: Samples = { count: rows, inputs: { input: { dtype: 'int32', shape: [rows, 5], data } } };
  return { ...batchAt(step, rows), samples };
}

/** A batch of numbers for a student of `studentWith`. */
function numbersBatch(shape: readonly number[], step: number): TrainingBatch {
  const random = randomFrom(step + 1);
  const length = shape.reduce((product, axis) => product * axis, rows);
  const data = Float32Array.from({ length }, () => 2 * random.unit() - 1);
  return {
    ...batchAt(step, rows),
    samples: { count: rows, inputs: { input: { dtype: 'float32', shape: [rows, ...shape], data } } },
  };
}

const sequence = [5, 4];
const noisy = studentWith(sequence, [
  { of: 'GaussianNoise', config: { stddev: 0.3 }, name: 'noise' },
  {
    of: 'MultiHeadAttention',
    config: { num_heads: 2, key_dim: 3, dropout: 0.3 },
    name: 'heads',
    options: { value: 'noise' },
  },
  { of: 'GaussianDropout', config: { rate: 0.2 }, name: 'products' },
  { of: 'AlphaDropout', config: { rate: 0.2 } },
]);

const cases: readonly { what: string; modelJson: () => string; batch: (step: number) => TrainingBatch }[] = [
  { what: 'embeddings, attention and layer normalization', modelJson: transformer, batch: textBatch },
  {
    what: 'batch normalization of pictures and of vectors',
    modelJson: () =>
      studentOf(() => [
        layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', useBias: false }),
        layers.batchNormalization({ momentum: 0.9 }),
        layers.activation({ activation: 'relu' }),
        layers.flatten(),
        layers.dense({ units: 7 }),
        layers.batchNormalization({ epsilon: 0.01 }),
      ]),
    batch: (step) => batchAt(step, rows),
  },
  {
    what: 'layer normalization of one axis and of several',
    modelJson: () =>
      studentOf(() => [
        layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'relu' }),
        layers.layerNormalization({ axis: [1, 2, 3] }),
        layers.layerNormalization({ axis: 3 }),
        layers.flatten(),
      ]),
    batch: (step) => batchAt(step, rows),
  },
  {
    what: 'noise, and an attention that drops',
    modelJson: () => noisy,
    batch: (step) => numbersBatch(sequence, step),
  },
  ...ownLayers.map(({ what, shape, layers: own }) => ({
    what,
    modelJson: () => studentWith(shape, own),
    batch: (step: number) => numbersBatch(shape, step),
  })),
];

(folder === null ? describe.skip : describe)('on the runtime native', () => {
  const trained = async (
    choice: 'native' | 'wasm',
    modelJson: string,
    batch: (step: number) => TrainingBatch,
  ): Promise<{ notes: StudentTrainer['notes']; gradients: Gradients; state: TrainerState; logits: Float32Array }> => {
    const table = runtimeTable({ folder, threads: 1, instructionSet: null });
    const runtime = await openRuntime(choice, 'training', table);
    const student = await runtime.openTrainer({
      modelJson,
      seed: 7,
      loss: { temperature: 3, softWeight: 0.7 },
      optimizer: optimizerSettings({ name: 'sgd', momentum: 0, weightDecay: 0 }),
      totalSteps: 10,
    });
    const gradients = student.gradients(batch(0));
    student.apply(gradients);
    for (let step = 1; step < 4; step++) student.train(batch(step));
    const result = {
      notes: student.notes,
      gradients,
      state: student.state(),
      logits: student.logits(batch(4).samples),
    };
    student.dispose();
    return result;
  };

  it.each(cases)('a student with $what is one operation, and learns as on wasm', async ({ modelJson, batch }) => {
    const json = modelJson();
    const [found, wanted] = [await trained('native', json, batch), await trained('wasm', json, batch)];
    // No note says that it trains operation by operation.
    expect(found.notes).toEqual(wanted.notes);
    expect(found.gradients.loss).toBeCloseTo(wanted.gradients.loss, 5);
    wanted.gradients.values.forEach((gradient, at) =>
      gradient.forEach((value, index) => expect(found.gradients.values[at]?.[index]).toBeCloseTo(value, 4)),
    );
    // The averages of normalizations among them.
    wanted.state.weights.forEach(({ data }, at) =>
      data.forEach((value, index) => expect(found.state.weights[at]?.data[index]).toBeCloseTo(value, 3)),
    );
    wanted.logits.forEach((value, at) => expect(found.logits[at]).toBeCloseTo(value, 2));
  });
});
