/**
 * Two gradients of tfjs's cpu backend that are not those of its forward pass: the average pool divides by the whole window
 * where padding is in it, and the nearest-neighbor resize reads the first sample's gradient for the others.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';

import { replaceKernel, tensorOf } from './kernels.js';
import { clip } from './wasm/pooling.js';

type Shape4 = [number, number, number, number];

interface PoolAttributes {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: Parameters<typeof tf.backend_util.computePool2DInfo>[4];
}

let areReplaced = false;

/** Call once the backend's kernels are registered; further calls change nothing. */
export function replaceGradients(): void {
  if (areReplaced) return;
  areReplaced = true;
  for (const [name, replacement] of Object.entries(replacements)) replaceKernel(name, 'cpu', replacement);
}

const replacements: Readonly<Record<string, (original: KernelFunc) => KernelFunc>> = {
  AvgPoolGrad: (original) => (call) => {
    const { dy, input } = call.inputs;
    if (dy === undefined || input === undefined) throw new Error('AvgPoolGrad: an input is missing');
    const { filterSize, strides, pad } = call.attrs as unknown as PoolAttributes;
    const info = tf.backend_util.computePool2DInfo(input.shape as Shape4, filterSize, strides, 1, pad);
    const window = info.filterHeight * info.filterWidth;
    const [rows, columns] = [
      covered(info.outHeight, info.strideHeight, info.padInfo.top, info.filterHeight, info.inHeight),
      covered(info.outWidth, info.strideWidth, info.padInfo.left, info.filterWidth, info.inWidth),
    ];
    const scaled = tf.tidy(() => {
      const shares = rows.flatMap((height) => columns.map((width) => window / (height * width)));
      return tf.mul(tensorOf(dy), tf.tensor4d(shares, [1, rows.length, columns.length, 1]));
    });
    try {
      return original({ ...call, inputs: { ...call.inputs, dy: scaled } });
    } finally {
      scaled.dispose();
    }
  },
  ResizeNearestNeighborGrad: (original) => (call) => {
    const { dy, images } = call.inputs;
    if (dy === undefined || images === undefined) throw new Error('ResizeNearestNeighborGrad: an input is missing');
    return tf.tidy(() => {
      const each = tf.unstack(tensorOf(dy)).map((one) => {
        const single = { dy: tf.expandDims(one), images: tf.zeros([1, ...images.shape.slice(1)]) };
        return tensorOf(original({ ...call, inputs: single }) as TensorInfo);
      });
      return tf.concat(each);
    });
  },
};

/** How many inputs each window of one axis covers. */
function covered(outputs: number, stride: number, before: number, taps: number, inputs: number): number[] {
  return Array.from({ length: outputs }, (_, output) => {
    const [first, end] = clip(output, stride, before, taps, inputs);
    return end - first;
  });
}
