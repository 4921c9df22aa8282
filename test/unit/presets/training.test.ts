/** Every preset trains on wasm as on the cpu backend, learns, and is exported as a model that plain tfjs loads. */
import { randomFrom } from '@distillery/base';
import { choosePreset, type PresetInput, type PresetName, presetNames, presetTopology } from '@distillery/presets';
import { describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import type { Samples } from '../../../workers/samples/index.js';
import type { StudentTrainer, TrainingBatch } from '../../../workers/models/training.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { labelsIn, targetsOf } from '../../kit/samples.js';
import { optimizerSettings } from '../models-training/students.js';

const outputs = 3;
const rows = 6;
const image: PresetInput = { dtype: 'float32', shape: [9, 8, 2] };
const text: PresetInput = { dtype: 'int32', shape: [12], values: 20 };

/** Small enough for the cpu backend; the parameters take every branch of a builder. */
const small: Readonly<Record<PresetName, readonly [PresetInput, Readonly<Record<string, string>>]>> = {
  mlp: [image, { hidden: '12,8', dropout: '0.1' }],
  'cnn-tiny': [image, { filters: '4,6', dense: '8', dropout: '0.1' }],
  'resnet-tiny': [image, { blocks: '1,2', width: '4' }],
  'mobilenet-tiny': [image, { stem: '4', filters: '6,8' }],
  'text-cnn': [text, { embedding: '8', filters: '4', kernels: '2,3' }],
  'text-transformer-tiny': [text, { embedding: '8', heads: '2', layers: '2', feedforward: '12', dropout: '0.1' }],
  'bytes-cnn': [
    { dtype: 'int32', shape: [40], values: 257 },
    { embedding: '4', filters: '6,8', kernel: '4', stride: '2', dense: '8' },
  ],
};

/** Samples whose label decides what most of their values are. */
function batch({ dtype, shape, values = 2 }: PresetInput, step: number): TrainingBatch {
  const random = randomFrom(step + 1);
  const size = shape.reduce((product, axis) => product * axis, 1);
  const labels = Int32Array.from({ length: rows }, (_, at) => at % outputs);
  const value = (at: number): number => {
    const label = labels[Math.floor(at / size)] ?? 0;
    if (dtype === 'float32') return label - 1 + random.unit();
    return random.unit() < 0.5 ? label + 1 : random.below(values);
  };
  const whole = [rows, ...shape];
  const samples: Samples = {
    count: rows,
    inputs: {
      sample:
        dtype === 'float32'
          ? { dtype, shape: whole, data: Float32Array.from({ length: rows * size }, (_, at) => value(at)) }
          : { dtype, shape: whole, data: Int32Array.from({ length: rows * size }, (_, at) => value(at)) },
    },
  };
  return { step, samples, targets: targetsOf(labels), teacherLogits: null };
}

async function open(runtimeName: 'cpu' | 'wasm', name: PresetName): Promise<StudentTrainer> {
  const [input, parameters] = small[name];
  const { topology } = presetTopology(choosePreset(name, Object.entries(parameters)), {
    inputs: { sample: input },
    outputs,
  });
  const runtime = await openRuntime(runtimeName, 'training');
  return runtime.openTrainer({
    modelJson: JSON.stringify(topology),
    seed: 5,
    loss: { temperature: 2, softWeight: 0 },
    optimizer: optimizerSettings({ name: 'adam', learningRate: 0.02 }),
    totalSteps: 20,
  });
}

describe.each(presetNames)('%s', (name) => {
  const [input] = small[name];

  it('has the gradients of the cpu backend on wasm', async () => {
    const results = [];
    for (const runtime of ['cpu', 'wasm'] as const) {
      const student = await open(runtime, name);
      results.push(student.gradients(batch(input, 0)));
      student.dispose();
    }
    const [cpu, wasm] = [results[0]!, results[1]!];
    expect(wasm.loss).toBeCloseTo(cpu.loss, 4);
    cpu.values.forEach((wanted, index) => {
      const scale = Math.max(...wanted.map(Math.abs), 0.01);
      const worst = Math.max(...wanted.map((value, at) => Math.abs(value - wasm.values[index]![at]!)));
      expect(worst / scale).toBeLessThan(1e-3);
    });
    expect(cpu.values.every((gradient) => gradient.some((value) => value !== 0))).toBe(true);
  });

  it('learns in 20 steps, and each step leaves no tensor behind', async () => {
    const student = await open('wasm', name);
    const { loss: first } = student.train(batch(input, 0));
    const { numTensors } = tf.memory();
    let last = first;
    for (let step = 1; step < 20; step++) last = student.train(batch(input, step)).loss;
    expect(last).toBeLessThan(0.8 * first);
    expect(tf.memory().numTensors).toBe(numTensors);
    student.dispose();
  });

  it('is exported as files that plain tfjs loads, with the same answers', async () => {
    const student = await open('cpu', name);
    const { samples, targets } = batch(input, 0);
    student.train(batch(input, 0));
    const { modelJson, weights } = student.export();
    const { lossSum } = student.evaluate(samples, targetsOf(labelsIn(targets)));
    student.dispose();
    const { modelTopology, weightsManifest } = JSON.parse(modelJson) as {
      modelTopology: object;
      weightsManifest: [{ weights: tf.io.WeightsManifestEntry[] }];
    };
    const load = (): Promise<tf.io.ModelArtifacts> =>
      Promise.resolve({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData: weights.slice().buffer });
    const loaded = await tfl.loadLayersModel({ load });
    const [tensor] = Object.values(samples.inputs);
    if (tensor === undefined || tensor.dtype === 'text') throw new Error('expected numbers');
    const logits = loaded.predict(tf.tensor(tensor.data, [...tensor.shape], tensor.dtype)) as tf.Tensor2D;
    const oneHot = tf.oneHot(tf.tensor1d(labelsIn(targets), 'int32'), outputs);
    const loss = tf.neg(tf.sum(tf.mul(oneHot, tf.logSoftmax(logits))));
    expect((await loss.data())[0]!).toBeCloseTo(lossSum, 4);
    loaded.dispose();
  });
});
