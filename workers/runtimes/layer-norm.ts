/**
 * Layer normalization by broadcasting. tfjs-layers copies mean, variance, scale and offset to the size of the input, and
 * tfjs computes the gradient of such a copy by one slice for each part: 50,000 operations a step in a small transformer.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';

/** The layer's fields, which tfjs-layers does not publish. */
interface LayerNormalization {
  /** From 0, once it is built. */
  readonly axis: readonly number[];
  readonly epsilon: number;
  readonly gamma: tfl.LayerVariable | null;
  readonly beta: tfl.LayerVariable | null;
}

interface LayerClass {
  call(this: LayerNormalization, inputs: Tensor | Tensor[]): Tensor;
}

/** From then on, for every backend of the thread. */
export function broadcastLayerNormalization(layers: typeof tfl.layers): void {
  const prototype = Object.getPrototypeOf(layers.layerNormalization()) as LayerClass;
  prototype.call = function (inputs) {
    const input = Array.isArray(inputs) ? inputs[0] : inputs;
    if (input === undefined) throw new Error('layer normalization: no input');
    return tf.tidy(() => normalized(this, input));
  };
}

function normalized({ axis, epsilon, gamma, beta }: LayerNormalization, input: Tensor): Tensor {
  const axes = [...axis];
  const shape = input.shape.map((size, at) => (axes.includes(at) ? size : 1));
  const centered = tf.sub(input, tf.mean(input, axes, true));
  const variance = tf.mean(tf.square(centered), axes, true);
  const normal = tf.mul(centered, tf.rsqrt(tf.add(variance, epsilon)));
  const scaled = gamma === null ? normal : tf.mul(normal, tf.reshape(gamma.read(), shape));
  return beta === null ? scaled : tf.add(scaled, tf.reshape(beta.read(), shape));
}
