/** Presets for images. */
import { count } from '@distillery/base';

import type { Graph, Tensor } from './graph.js';
import {
  activation,
  add,
  batchNormalization,
  conv2d,
  dense,
  depthwise,
  dropout,
  flatten,
  halve,
  pool,
} from './layers.js';
import { fraction, size, sizes } from './parameter.js';
import { preset } from './preset.js';

const example = { dtype: 'float32', shape: [28, 28, 1], outputs: 10 } as const;
const stride = size(1, 8, 1, 'Stride of the first convolution: 2 or 4 for large images.');
const lastDropout = fraction(0, 'Part of the features that is dropped before the logits.');

export const cnnTiny = preset({
  summary: 'Convolutions, each followed by max pooling, then one dense layer.',
  takes: ['images'],
  parameters: {
    filters: sizes(1, 2048, 8, [16, 32], 'Filters of each convolution; each one halves height and width.'),
    kernel: size(1, 15, 3, 'Height and width of each convolution.'),
    dense: size(0, 8192, 128, 'Units of the dense layer; 0 = none.'),
    dropout: lastDropout,
  },
  example,
  unfitData: ({ filters }, { shape: [height = 0, width = 0] }) => {
    const fitting = Math.floor(Math.log2(Math.min(height, width)));
    if (filters.length <= fitting) return undefined;
    return {
      problem: `images of ${height} × ${width} are too small to be halved ${count(filters.length, 'time')}`,
      remedy: fitting < 1 ? 'use mlp' : `give at most ${fitting} filters`,
    };
  },
  build: (graph, { filters, kernel, dense: units, dropout: rate }, [{ tensor }]) => {
    let at = tensor;
    filters.forEach((each, index) => {
      const convolved = conv2d(graph, at, `conv${index + 1}`, { filters: each, kernel, activation: 'relu' });
      at = halve(graph, convolved, `pool${index + 1}`);
    });
    at = flatten(graph, at, 'flat');
    if (units > 0) at = dense(graph, at, 'dense', units, { activation: 'relu' });
    return dropout(graph, at, 'dropout', rate);
  },
});

/** A convolution without bias, since the normalization has an offset. */
function convNorm(
  graph: Graph,
  from: Tensor,
  name: string,
  settings: { readonly filters: number; readonly kernel: number; readonly stride: number },
): Tensor {
  return batchNormalization(graph, conv2d(graph, from, name, { ...settings, bias: false }), `${name}_norm`);
}

/** Two convolutions beside a shortcut (He et al. 2015, figure 2). */
function residual(graph: Graph, from: Tensor, name: string, filters: number, step: number): Tensor {
  const first = convNorm(graph, from, `${name}_conv1`, { filters, kernel: 3, stride: step });
  const active = activation(graph, first, `${name}_relu1`, 'relu');
  const second = convNorm(graph, active, `${name}_conv2`, { filters, kernel: 3, stride: 1 });
  const fits = step === 1 && from.shape[2] === filters;
  const shortcut = fits ? from : convNorm(graph, from, `${name}_shortcut`, { filters, kernel: 1, stride: step });
  return activation(graph, add(graph, second, shortcut, `${name}_sum`), `${name}_relu2`, 'relu');
}

export const resnetTiny = preset({
  summary: 'Residual blocks with batch normalization, in stages of doubling width.',
  takes: ['images'],
  parameters: {
    blocks: sizes(1, 16, 6, [1, 1, 1], 'Blocks of each stage; each stage after the first halves height and width.'),
    width: size(1, 512, 16, 'Filters of the first stage; each further stage has twice as many.'),
    stride,
    dropout: lastDropout,
  },
  example,
  build: (graph, { blocks, width, stride: first, dropout: rate }, [{ tensor }]) => {
    const stem = convNorm(graph, tensor, 'stem', { filters: width, kernel: 3, stride: first });
    let at = activation(graph, stem, 'stem_relu', 'relu');
    blocks.forEach((count, stage) => {
      for (let block = 0; block < count; block++) {
        const name = `stage${stage + 1}_block${block + 1}`;
        at = residual(graph, at, name, width * 2 ** stage, stage > 0 && block === 0 ? 2 : 1);
      }
    });
    return dropout(graph, pool(graph, at, 'pool', 'GlobalAveragePooling2D'), 'dropout', rate);
  },
});

export const mobilenetTiny = preset({
  summary: 'Depthwise separable convolutions with batch normalization: few weights and multiplications.',
  takes: ['images'],
  parameters: {
    stem: size(1, 512, 16, 'Filters of the first, full convolution.'),
    filters: sizes(
      1,
      2048,
      12,
      [32, 64, 128],
      'Filters of each separable convolution; each one halves height and width.',
    ),
    stride,
    dropout: lastDropout,
  },
  example,
  build: (graph, { stem, filters, stride: first, dropout: rate }, [{ tensor }]) => {
    let at = convNorm(graph, tensor, 'stem', { filters: stem, kernel: 3, stride: first });
    at = activation(graph, at, 'stem_relu', 'relu');
    filters.forEach((each, index) => {
      const name = `block${index + 1}`;
      at = batchNormalization(graph, depthwise(graph, at, `${name}_depthwise`, 3, 2), `${name}_depthwise_norm`);
      at = activation(graph, at, `${name}_depthwise_relu`, 'relu');
      at = convNorm(graph, at, `${name}_pointwise`, { filters: each, kernel: 1, stride: 1 });
      at = activation(graph, at, `${name}_pointwise_relu`, 'relu');
    });
    return dropout(graph, pool(graph, at, 'pool', 'GlobalAveragePooling2D'), 'dropout', rate);
  },
});
