/** Every layer that students use trains on wasm, and as on the cpu backend, whose kernels are the definition. */
import { beforeAll, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { batchAt, optimizerSettings, studentOf } from './students.js';

const l = tfl.layers;
const conv = (name = 'before'): tfl.layers.Layer => l.conv2d({ filters: 3, kernelSize: 3, padding: 'same', name });

const layers: [string, () => tfl.layers.Layer[]][] = [
  ['conv2d same', () => [conv()]],
  ['conv2d strided', () => [conv(), l.conv2d({ filters: 4, kernelSize: 3, strides: 2, activation: 'relu' })]],
  ['conv2d in a stack', () => [conv(), conv('after'), conv('last')]],
  ['conv2d 1 × 1', () => [conv(), l.conv2d({ filters: 5, kernelSize: 1, activation: 'relu6' })]],
  ['conv2d transpose', () => [conv(), l.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: 'same' })]],
  ['depthwise', () => [conv(), l.depthwiseConv2d({ kernelSize: 3, strides: 2, padding: 'same', depthMultiplier: 2 })]],
  ['separable', () => [conv(), l.separableConv2d({ filters: 4, kernelSize: 3, padding: 'same' })]],
  ['max pooling', () => [conv(), l.maxPooling2d({ poolSize: 2, strides: 2 })]],
  ['max pooling, overlapping', () => [conv(), l.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' })]],
  ['average pooling', () => [conv(), l.averagePooling2d({ poolSize: 2, strides: 2 })]],
  ['global average pooling', () => [conv(), l.globalAveragePooling2d({})]],
  ['global max pooling', () => [conv(), l.globalMaxPooling2d({})]],
  ['batch normalization', () => [conv(), l.batchNormalization({}), conv('after')]],
  ['layer normalization', () => [conv(), l.layerNormalization({})]],
  [
    'zero padding',
    () => [
      conv(),
      l.zeroPadding2d({
        padding: [
          [1, 0],
          [2, 1],
        ],
      }),
    ],
  ],
  [
    'cropping',
    () => [
      conv(),
      l.cropping2D({
        cropping: [
          [1, 0],
          [2, 1],
        ],
      }),
    ],
  ],
  ['upsampling bilinear', () => [conv(), l.upSampling2d({ size: [2, 2], interpolation: 'bilinear' })]],
  ['reshape and permute', () => [conv(), l.reshape({ targetShape: [16, 12] }), l.permute({ dims: [2, 1] })]],
  ['dense on many rows', () => [l.reshape({ targetShape: [16, 4] }), l.dense({ units: 3, activation: 'tanh' })]],
  ['dropout', () => [conv(), l.dropout({ rate: 0.4 })]],
  [
    'spatial dropout',
    () => [l.reshape({ targetShape: [16, 4] }), l.dense({ units: 3 }), l.spatialDropout1d({ rate: 0.4 })],
  ],
  ['leaky relu', () => [conv(), l.leakyReLU({ alpha: 0.2 })]],
  ['prelu', () => [conv(), l.prelu({})]],
  ['elu layer', () => [conv(), l.elu({})]],
  ['lstm', () => [l.reshape({ targetShape: [8, 8] }), l.lstm({ units: 3 })]],
  ['gru', () => [l.reshape({ targetShape: [8, 8] }), l.gru({ units: 3 })]],
  ...(
    [
      'relu',
      'relu6',
      'elu',
      'selu',
      'sigmoid',
      'hardSigmoid',
      'tanh',
      'softplus',
      'softsign',
      'swish',
      'mish',
      'gelu',
      'softmax',
    ] as const
  ).map((activation): [string, () => tfl.layers.Layer[]] => [
    `activation ${activation}`,
    () => [conv(), l.activation({ activation })],
  ]),
];

beforeAll(async () => {
  await openRuntime('cpu', 'training');
});

it.each(layers)('%s', async (_, make) => {
  await openRuntime('cpu', 'training');
  const modelJson = studentOf(make);
  const results = [];
  for (const name of ['cpu', 'wasm'] as const) {
    const runtime = await openRuntime(name, 'training');
    const student = await runtime.openTrainer({
      modelJson,
      seed: 5,
      loss: { temperature: 2, softWeight: 0.7 },
      optimizer: optimizerSettings({ name: 'sgd', momentum: 0, learningRate: 1 }),
      totalSteps: 10,
    });
    const before = student.state().weights.map(({ data }) => data);
    const { loss } = student.train(batchAt(0));
    const moved = student
      .state()
      .weights.map(({ data }, index) => data.map((value, at) => value - before[index]![at]!));
    const { numTensors } = tf.memory();
    student.train(batchAt(1));
    expect(tf.memory().numTensors).toBe(numTensors);
    student.dispose();
    results.push({ loss, moved });
  }
  const [cpu, wasm] = [results[0]!, results[1]!];
  expect(wasm.loss).toBeCloseTo(cpu.loss, 4);
  cpu.moved.forEach((wanted, index) => {
    const scale = Math.max(...wanted.map(Math.abs), 0.01);
    const worst = Math.max(...wanted.map((value, at) => Math.abs(value - wasm.moved[index]![at]!)));
    expect(worst / scale).toBeLessThan(1e-3);
  });
  expect(cpu.moved.some((weight) => weight.some((value) => Math.abs(value) > 1e-4))).toBe(true);
});
