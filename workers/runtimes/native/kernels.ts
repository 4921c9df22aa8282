/**
 * Kernels of tfjs-node that this runtime replaces.
 *
 * GatherV2 reads the indices on the host and compares each with the table, though TensorFlow refuses a wrong one by itself:
 * what reads a result in the middle cannot be one operation, and every model with embeddings has it.
 *
 * oneDNN in TensorFlow 2.21 writes outside of its memory in the gradient of a 1×1 filter with a stride, when its
 * instructions are held to AVX2 and an input has fewer than 8 channels: the process aborts later, or computes nonsense. A
 * 1×1 filter with a stride sees every s-th value alone, so taking these first and no stride then is the same sum.
 *
 * With AVX-512 it computes all rows but the first as 0 where one channel gives a result of width 1, by a stride along the width
 * alone. That stride does nothing: with the columns of the only window, and without it, the sum is the same.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { replaceKernel, tensorOf } from '../kernels.js';
import { kinds } from './addon.js';
import { nodeBackend } from './backend.js';

interface StridedAttributes {
  readonly strides: number | readonly [number, number];
  readonly filterShape: readonly number[];
}

type Convolution = Parameters<typeof tf.backend_util.computeConv2DInfo>;

interface ForwardAttributes {
  readonly strides: Convolution[2];
  readonly dilations: Convolution[3];
  readonly pad: Convolution[4];
  readonly dimRoundingMode?: Convolution[5];
}

/** Call once, after the kernels of tfjs-node are registered. */
export function replaceKernels(backendName: string): void {
  for (const name of ['Conv2DBackpropFilter', 'DepthwiseConv2dNativeBackpropFilter']) {
    replaceKernel(name, backendName, withoutStride);
  }
  for (const name of ['Conv2D', 'FusedConv2D']) replaceKernel(name, backendName, ofOneWindow);
  replaceKernel('GatherV2', backendName, () => gather);
}

function withoutStride(original: KernelFunc): KernelFunc {
  return (call) => {
    const { strides, filterShape } = call.attrs as unknown as StridedAttributes;
    const [down, right] = typeof strides === 'number' ? [strides, strides] : strides;
    const { x } = call.inputs;
    if (filterShape[0] !== 1 || filterShape[1] !== 1 || (down === 1 && right === 1) || x === undefined) {
      return original(call);
    }
    const every = tf.stridedSlice(tensorOf(x), [0, 0, 0, 0], [...x.shape], [1, down, right, 1]);
    try {
      const sliced: TensorInfo = { dataId: every.dataId, shape: every.shape, dtype: every.dtype };
      return original({ ...call, inputs: { ...call.inputs, x: sliced }, attrs: { ...call.attrs, strides: [1, 1] } });
    } finally {
      every.dispose();
    }
  };
}

function ofOneWindow(original: KernelFunc): KernelFunc {
  return (call) => {
    const { x, filter } = call.inputs;
    if (x === undefined || filter === undefined) return original(call);
    const { strides, dilations, pad, dimRoundingMode } = call.attrs as unknown as ForwardAttributes;
    const [input, taps] = [x.shape as Convolution[0], filter.shape as Convolution[1]];
    const info = tf.backend_util.computeConv2DInfo(input, taps, strides, dilations, pad, dimRoundingMode);
    const isWrong = info.inChannels === 1 && info.outWidth === 1 && info.strideHeight === 1 && info.strideWidth > 1;
    if (!isWrong || info.outHeight === 1) return original(call);
    const { top, bottom, left } = info.padInfo;
    const columns = Math.min(info.inWidth, info.effectiveFilterWidth - left);
    const right = info.effectiveFilterWidth - left - columns;
    const window = tf.tidy(() => {
      const met = tf.slice(tensorOf(x), [0, 0, 0, 0], [-1, -1, columns, -1]);
      return tf.pad(met, [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ]);
    });
    try {
      return original({
        ...call,
        inputs: { ...call.inputs, x: window },
        attrs: { ...call.attrs, strides: [1, 1], pad: 'valid' },
      });
    } finally {
      window.dispose();
    }
  };
}

const gather: KernelFunc = ({ inputs: { x, indices }, attrs, backend }) => {
  const { axis, batchDims } = attrs as unknown as { readonly axis: number; readonly batchDims: number };
  if (x === undefined || indices === undefined) throw new Error('GatherV2: an input is missing');
  const along = tf.scalar(axis, 'int32');
  try {
    const attributes = [{ name: 'batch_dims', type: kinds.int, value: batchDims }];
    return nodeBackend(backend).executeSingleOutput('GatherV2', attributes, [x, indices, along]);
  } finally {
    along.dispose();
  }
};
