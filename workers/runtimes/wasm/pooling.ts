/**
 * Gradients of pooling, as loops over the heap: the backend's own run 10 times slower, since they visit every window
 * that could hold an input instead of every input of a window. NHWC, dilation 1.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Composition } from './compose.js';
import type { Shape4 } from './convolution.js';

interface PoolAttributes {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: Parameters<typeof tf.backend_util.computePool2DInfo>[4];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function poolInfo(shape: readonly number[], attributes: PoolAttributes): tf.backend_util.Conv2DInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  return tf.backend_util.computePool2DInfo(shape as Shape4, filterSize, strides, 1, pad, dimRoundingMode);
}

/** The part of one window that lies inside the input: [first, end) on an axis. */
export function clip(output: number, stride: number, before: number, taps: number, input: number): [number, number] {
  const corner = output * stride - before;
  return [Math.max(0, corner), Math.min(input, corner + taps)];
}

/** MaxPoolGrad: the first of equal maxima, in row-major order, takes the gradient, as on the cpu backend. */
export const maxPoolGradient: Composition = (bench, inputs, attributes) => {
  const input = inputs('input');
  const info = poolInfo(input.shape, attributes as unknown as PoolAttributes);
  const gradient = bench.make(input.shape);
  const dx = bench.floats(gradient).fill(0);
  const x = bench.floats(input);
  const y = bench.floats(inputs('output'));
  const dy = bench.floats(inputs('dy'));
  const { inHeight, inWidth, inChannels: channels, padInfo } = info;
  const line = inWidth * channels;
  let at = 0;
  for (let n = 0; n < info.batchSize; n++) {
    for (let oh = 0; oh < info.outHeight; oh++) {
      const [top, bottom] = clip(oh, info.strideHeight, padInfo.top, info.filterHeight, inHeight);
      for (let ow = 0; ow < info.outWidth; ow++) {
        const [left, right] = clip(ow, info.strideWidth, padInfo.left, info.filterWidth, inWidth);
        const corner = ((n * inHeight + top) * inWidth + left) * channels;
        const end = corner + (bottom - top) * line;
        const width = (right - left) * channels;
        for (let c = 0; c < channels; c++, at++) {
          const largest = y[at] ?? 0;
          search: for (let row = corner + c; row < end; row += line) {
            for (let from = row; from < row + width; from += channels) {
              if (x[from] !== largest) continue;
              dx[from] = (dx[from] ?? 0) + (dy[at] ?? 0);
              break search;
            }
          }
        }
      }
    }
  }
  return gradient;
};

/** AvgPoolGrad: each window's share is one over the inputs it really covers, as the forward pass divides. */
export const averagePoolGradient: Composition = (bench, inputs, attributes) => {
  const input = inputs('input');
  const info = poolInfo(input.shape, attributes as unknown as PoolAttributes);
  const gradient = bench.make(input.shape);
  const dx = bench.floats(gradient).fill(0);
  const dy = bench.floats(inputs('dy'));
  const { inHeight, inWidth, inChannels: channels, padInfo } = info;
  for (let n = 0; n < info.batchSize; n++) {
    for (let oh = 0; oh < info.outHeight; oh++) {
      const [top, bottom] = clip(oh, info.strideHeight, padInfo.top, info.filterHeight, inHeight);
      for (let ow = 0; ow < info.outWidth; ow++) {
        const [left, right] = clip(ow, info.strideWidth, padInfo.left, info.filterWidth, inWidth);
        const share = 1 / ((bottom - top) * (right - left));
        const at = ((n * info.outHeight + oh) * info.outWidth + ow) * channels;
        for (let h = top; h < bottom; h++) {
          for (let w = left; w < right; w++) {
            const from = ((n * inHeight + h) * inWidth + w) * channels;
            for (let c = 0; c < channels; c++) dx[from + c] = (dx[from + c] ?? 0) + (dy[at + c] ?? 0) * share;
          }
        }
      }
    }
  }
  return gradient;
};
