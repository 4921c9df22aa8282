/**
 * @jest-environment ./test/unit/inference/environment.js
 *
 * Every layer that is exported gives in onnxruntime what it gives in tfjs, whose cpu kernels are the definition.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import { exportedLayers } from '../../../workers/models/export-onnx/index.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { ownLayers } from '../models-training/own-layers.js';
import { chain, exportAndCompare } from './models.js';

const l = tfl.layers;
type Case = [what: string, shape: readonly number[], layers: () => tfl.layers.Layer[]];

/** Height, width and channels are three different numbers, so that no two axes can be mistaken for each other. */
const image = [7, 6, 3] as const;
const sequence = [7, 4] as const;
const flat = [6] as const;
const first = 'channelsFirst' as const;

const cases: Case[] = [
  ['dense', flat, () => [l.dense({ units: 4 })]],
  ['dense without bias', flat, () => [l.dense({ units: 4, useBias: false })]],
  ['dense on sequences', sequence, () => [l.dense({ units: 3, activation: 'tanh' })]],
  ['dense on images', image, () => [l.dense({ units: 2, useBias: false })]],
  ['conv1d', sequence, () => [l.conv1d({ filters: 3, kernelSize: 3, activation: 'relu' })]],
  ['conv1d same, strided', sequence, () => [l.conv1d({ filters: 3, kernelSize: 4, strides: 2, padding: 'same' })]],
  ['conv1d dilated', sequence, () => [l.conv1d({ filters: 3, kernelSize: 3, dilationRate: 2 })]],
  ['conv2d', image, () => [l.conv2d({ filters: 4, kernelSize: [3, 2], activation: 'relu' })]],
  [
    'conv2d same, strided',
    image,
    () => [l.conv2d({ filters: 4, kernelSize: [5, 4], strides: [2, 3], padding: 'same' })],
  ],
  ['conv2d valid, strided', image, () => [l.conv2d({ filters: 4, kernelSize: 2, strides: [2, 3], useBias: false })]],
  ['conv2d dilated', image, () => [l.conv2d({ filters: 4, kernelSize: 2, dilationRate: [2, 3], padding: 'same' })]],
  [
    'conv2d channels first',
    image,
    () => [l.conv2d({ filters: 4, kernelSize: 2, dataFormat: first, activation: 'softmax' })],
  ],
  [
    'conv3d',
    [4, 5, 6, 2],
    () => [l.conv3d({ filters: 3, kernelSize: [2, 3, 2], strides: [1, 2, 1], padding: 'same' })],
  ],
  ['depthwise', image, () => [l.depthwiseConv2d({ kernelSize: [3, 2], depthMultiplier: 2, activation: 'relu6' })]],
  ['depthwise same, strided', image, () => [l.depthwiseConv2d({ kernelSize: 3, strides: [2, 2], padding: 'same' })]],
  ['depthwise channels first', image, () => [l.depthwiseConv2d({ kernelSize: 2, dataFormat: first })]],
  ['separable', image, () => [l.separableConv2d({ filters: 4, kernelSize: [3, 2], depthMultiplier: 2 })]],
  [
    'separable same, strided',
    image,
    () => [l.separableConv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation: 'elu' })],
  ],
  ['transposed', image, () => [l.conv2dTranspose({ filters: 4, kernelSize: [3, 2], activation: 'relu' })]],
  [
    'transposed same',
    image,
    () => [l.conv2dTranspose({ filters: 4, kernelSize: [3, 4], strides: [2, 3], padding: 'same' })],
  ],
  [
    'transposed, stride beyond kernel',
    image,
    () => [l.conv2dTranspose({ filters: 2, kernelSize: [1, 2], strides: [3, 3], padding: 'same' })],
  ],
  [
    'transposed valid, stride beyond kernel',
    image,
    () => [l.conv2dTranspose({ filters: 2, kernelSize: 2, strides: 3 })],
  ],
  [
    'transposed channels first',
    image,
    () => [l.conv2dTranspose({ filters: 2, kernelSize: 2, strides: 2, dataFormat: first })],
  ],
  ['max pooling 1d', sequence, () => [l.maxPooling1d({ poolSize: 2 })]],
  ['max pooling 1d same', sequence, () => [l.maxPooling1d({ poolSize: 3, strides: 2, padding: 'same' })]],
  ['average pooling 1d', sequence, () => [l.averagePooling1d({ poolSize: 3, strides: 2 })]],
  ['average pooling 1d same', sequence, () => [l.averagePooling1d({ poolSize: 3, strides: 2, padding: 'same' })]],
  ['max pooling 2d', image, () => [l.maxPooling2d({ poolSize: [2, 3], strides: [2, 1] })]],
  ['max pooling 2d same', image, () => [l.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' })]],
  ['max pooling 2d channels first', image, () => [l.maxPooling2d({ poolSize: 2, dataFormat: first })]],
  ['average pooling 2d', image, () => [l.averagePooling2d({ poolSize: 2 })]],
  [
    'average pooling 2d same',
    image,
    () => [l.averagePooling2d({ poolSize: [3, 2], strides: [2, 2], padding: 'same' })],
  ],
  ['max pooling 3d', [4, 5, 6, 2], () => [l.maxPooling3d({ poolSize: 2, padding: 'same' })]],
  ['average pooling 3d', [4, 5, 6, 2], () => [l.averagePooling3d({ poolSize: 2 })]],
  ['global max pooling 1d', sequence, () => [l.globalMaxPooling1d({})]],
  ['global average pooling 1d', sequence, () => [l.globalAveragePooling1d({})]],
  ['global max pooling 2d', image, () => [l.globalMaxPooling2d({})]],
  ['global average pooling 2d', image, () => [l.globalAveragePooling2d({})]],
  ['global max pooling 2d channels first', image, () => [l.globalMaxPooling2d({ dataFormat: first })]],
  ['global average pooling 2d channels first', image, () => [l.globalAveragePooling2d({ dataFormat: first })]],
  ['flatten', image, () => [l.flatten()]],
  ['flatten channels first', image, () => [l.flatten({ dataFormat: first })]],
  ['reshape', image, () => [l.reshape({ targetShape: [3, 42] })]],
  ['reshape to an unknown size', image, () => [l.reshape({ targetShape: [9, -1] })]],
  ['permute', image, () => [l.permute({ dims: [3, 1, 2] })]],
  ['repeat vector', flat, () => [l.repeatVector({ n: 3 })]],
  [
    'zero padding',
    image,
    () => [
      l.zeroPadding2d({
        padding: [
          [1, 0],
          [2, 1],
        ],
      }),
    ],
  ],
  ['zero padding channels first', image, () => [l.zeroPadding2d({ padding: 2, dataFormat: first })]],
  [
    'cropping',
    image,
    () => [
      l.cropping2D({
        cropping: [
          [1, 0],
          [2, 1],
        ],
      }),
    ],
  ],
  [
    'cropping channels first',
    image,
    () => [
      l.cropping2D({
        cropping: [
          [1, 0],
          [1, 1],
        ],
        dataFormat: first,
      }),
    ],
  ],
  ['upsampling', image, () => [l.upSampling2d({ size: [2, 3] })]],
  ['upsampling bilinear', image, () => [l.upSampling2d({ size: [3, 2], interpolation: 'bilinear' })]],
  ['upsampling channels first', image, () => [l.upSampling2d({ size: [2, 2], dataFormat: first })]],
  ['relu layer', flat, () => [l.reLU({})]],
  ['relu layer with a maximum', flat, () => [l.reLU({ maxValue: 1.5 })]],
  ['leaky relu', flat, () => [l.leakyReLU({ alpha: 0.2 })]],
  ['prelu', image, () => [l.prelu({})]],
  ['prelu with shared axes', image, () => [l.prelu({ sharedAxes: [1, 2] })]],
  ['elu layer', flat, () => [l.elu({})]],
  ['thresholded relu', flat, () => [l.thresholdedReLU({ theta: 0.7 })]],
  ['softmax layer', flat, () => [l.softmax({})]],
  ['softmax layer along the last axis', sequence, () => [l.softmax({ axis: -1 })]],
  ['batch normalization', image, () => [l.batchNormalization({})]],
  ['batch normalization of vectors', flat, () => [l.batchNormalization({ epsilon: 0.01 })]],
  ['batch normalization of sequences', sequence, () => [l.batchNormalization({ scale: false })]],
  ['batch normalization by a positive axis', image, () => [l.batchNormalization({ axis: 3, center: false })]],
  ['layer normalization', sequence, () => [l.layerNormalization({})]],
  ['layer normalization over two axes', sequence, () => [l.layerNormalization({ axis: [1, 2], epsilon: 0.01 })]],
  ['layer normalization without weights', flat, () => [l.layerNormalization({ scale: false, center: false })]],
  ['rescaling', image, () => [l.rescaling({ scale: 1 / 3, offset: -0.5 })]],
  ['dropout', flat, () => [l.dropout({ rate: 0.4 })]],
  ['spatial dropout', sequence, () => [l.spatialDropout1d({ rate: 0.4 })]],
  [
    'noise',
    flat,
    () => [l.gaussianNoise({ stddev: 1 }), l.gaussianDropout({ rate: 0.5 }), l.alphaDropout({ rate: 0.5 })],
  ],
  ['time distributed dense', sequence, () => [l.timeDistributed({ layer: l.dense({ units: 3, activation: 'relu' }) })]],
  [
    'time distributed convolution',
    [2, ...image],
    () => [l.timeDistributed({ layer: l.conv2d({ filters: 2, kernelSize: 3 }) })],
  ],
  ['simple rnn', sequence, () => [l.simpleRNN({ units: 3 })]],
  ['simple rnn sequences', sequence, () => [l.simpleRNN({ units: 3, returnSequences: true, activation: 'relu' })]],
  ['gru', sequence, () => [l.gru({ units: 3 })]],
  ['gru sequences', sequence, () => [l.gru({ units: 3, recurrentActivation: 'sigmoid', returnSequences: true })]],
  ['lstm', sequence, () => [l.lstm({ units: 3 })]],
  [
    'lstm sequences',
    sequence,
    () => [l.lstm({ units: 3, recurrentActivation: 'sigmoid', returnSequences: true, useBias: false })],
  ],
  [
    'bidirectional lstm, joined',
    sequence,
    () => [l.bidirectional({ layer: l.lstm({ units: 3 }), mergeMode: 'concat' })],
  ],
  ...(['concat', 'sum', 'mul', 'ave'] as const).map((mergeMode): Case => [
    `bidirectional gru of sequences, ${mergeMode}`,
    sequence,
    () => [l.bidirectional({ layer: l.gru({ units: 3, returnSequences: true }), mergeMode })],
  ]),
];

const activations = [
  'linear',
  'relu',
  'relu6',
  'elu',
  'selu',
  'sigmoid',
  'hardSigmoid',
  'tanh',
  'softplus',
  'softsign',
  'softmax',
  'logSoftmax',
  'swish',
  'mish',
  'gelu',
  'gelu_new',
] as const;

beforeAll(async () => {
  await openRuntime('cpu', 'training');
  await tf.ready();
});

describe('an exported layer', () => {
  it.each(cases)('%s', async (_what, shape, layers) => {
    await expect(exportAndCompare(chain(shape, layers()))).resolves.toBeInstanceOf(Uint8Array);
  });

  it.each(activations)('activation %s', async (activation) => {
    const model = chain(sequence, [l.dense({ units: 5 }), l.activation({ activation: activation as 'relu' })]);
    await expect(exportAndCompare(model)).resolves.toBeInstanceOf(Uint8Array);
  });

  it('embedding', async () => {
    await expect(
      exportAndCompare(chain([4], [l.embedding({ inputDim: 7, outputDim: 3 })], 'int32')),
    ).resolves.toBeDefined();
  });

  it('is one of the cases here', () => {
    const tested = new Set(cases.flatMap(([, , layers]) => layers().map((layer) => layer.getClassName())));
    const elsewhere = [
      'Activation',
      'Embedding',
      'Add',
      'Multiply',
      'Maximum',
      'Minimum',
      'Average',
      'Concatenate',
      'Dot',
      ...ownLayers.flatMap(({ layers }) => layers.map(({ of }) => of)),
    ];
    expect(exportedLayers.filter((name) => !tested.has(name) && !elsewhere.includes(name))).toEqual([]);
  });
});
