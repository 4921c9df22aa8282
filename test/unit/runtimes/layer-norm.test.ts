/** Layer normalization by broadcasting, beside that of tfjs-layers, which copies. */
import { beforeAll, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import { broadcastLayerNormalization } from '../../../workers/runtimes/layer-norm.js';
import { openRuntime } from '../../../workers/runtimes/index.js';

type Call = (this: unknown, inputs: tf.Tensor, kwargs: object) => tf.Tensor;

const prototype = Object.getPrototypeOf(tfl.layers.layerNormalization()) as { call: Call };
const ofTfjs = prototype.call;

beforeAll(() => openRuntime('wasm', 'training'));

it.each([
  { axis: -1, shape: [3, 4, 5] },
  { axis: [1, 2], shape: [3, 4, 5] },
  { axis: 1, shape: [3, 4, 5] },
  { axis: [1, 2, 3], shape: [2, 3, 4, 5] },
])('over axes $axis of $shape gives the values and the gradients of tfjs', ({ axis, shape }) => {
  const x = tf.randomNormal(shape, 1, 2, 'float32', 1);
  const slope = tf.randomNormal(shape, 0, 1, 'float32', 2);
  const layer = tfl.layers.layerNormalization({ axis, epsilon: 0.01 });
  layer.build(shape);
  const [gamma, beta] = layer.getWeights();
  layer.setWeights([
    tf.randomUniform(gamma?.shape ?? [], 0.5, 2, 'float32', 3),
    tf.randomUniform(beta?.shape ?? [], -1, 1, 'float32', 4),
  ]);
  const outcome = (call: Call): number[][] => {
    const answer = (input: tf.Tensor): tf.Tensor => call.call(layer, input, {});
    const { grads } = tf.variableGrads(() => tf.sum(tf.mul(answer(x), slope)));
    const dx = tf.grad((input) => tf.sum(tf.mul(answer(input), slope)))(x);
    return [answer(x), dx, ...Object.values(grads)].map((tensor) => [...tensor.dataSync()]);
  };
  const wanted = outcome(ofTfjs);
  broadcastLayerNormalization(tfl.layers);
  const found = outcome(prototype.call);
  expect(found).toHaveLength(wanted.length);
  wanted.forEach((values, at) => values.forEach((value, index) => expect(found[at]?.[index]).toBeCloseTo(value, 4)));
});
