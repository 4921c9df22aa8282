/**
 * Which kernels of the wasm backend are ours: those it lacks for training, those whose own version is a scalar loop
 * (docs/adr/0004-wasm-gradient-kernels.md has the figures), and those that are wrong for some shapes.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { KernelConfig } from '@tensorflow/tfjs-core';
import { replaceKernel } from '../kernels.js';
import { composed, wasmBackendName } from './compose.js';
import type { Composition } from './compose.js';
import { filterGradient, inputGradient } from './convolution.js';
import { depthwiseFilterGradient, depthwiseInputGradient } from './depthwise.js';
import { averagePoolGradient, maxPoolGradient } from './pooling.js';
import { matrixProduct, mean, sum } from './products.js';
import { unsortedSegmentSum } from './segments.js';
import { trimmed } from './trimmed.js';

const missing: Readonly<Record<string, Composition>> = {
  Conv2DBackpropFilter: filterGradient,
  DepthwiseConv2dNativeBackpropFilter: depthwiseFilterGradient,
  DepthwiseConv2dNativeBackpropInput: depthwiseInputGradient,
  UnsortedSegmentSum: unsortedSegmentSum,
};

const replaced: Readonly<Record<string, Composition>> = {
  Conv2D: trimmed({ depthwise: false }),
  FusedConv2D: trimmed({ depthwise: false }),
  DepthwiseConv2dNative: trimmed({ depthwise: true }),
  FusedDepthwiseConv2D: trimmed({ depthwise: true }),
  Conv2DBackpropInput: inputGradient,
  BatchMatMul: matrixProduct,
  Sum: sum,
  Mean: mean,
  MaxPoolGrad: maxPoolGradient,
  AvgPoolGrad: averagePoolGradient,
};

/** Makes the wasm backend able to train. Call before the backend starts; further calls change nothing. */
export function registerTrainingKernels(): void {
  // tfjs's types promise a kernel always; its code returns undefined where none is registered.
  const known = tf.getKernel('Conv2DBackpropFilter', wasmBackendName) as KernelConfig | undefined;
  if (known !== undefined) return;
  for (const [kernelName, composition] of Object.entries(missing)) {
    tf.registerKernel({ kernelName, backendName: wasmBackendName, kernelFunc: composed(composition) });
  }
  for (const [kernelName, replacement] of Object.entries(replaced)) {
    replaceKernel(kernelName, wasmBackendName, (original) => composed(replacement, original));
  }
}
