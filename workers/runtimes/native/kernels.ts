/**
 * Kernels of tfjs-node that this runtime replaces.
 *
 * oneDNN in TensorFlow 2.21 writes outside of its memory in the gradient of a 1×1 filter with a stride, when its
 * instructions are held to AVX2 and an input has fewer than 8 channels: the process aborts later, or computes nonsense. A
 * 1×1 filter with a stride sees every s-th value alone, so taking these first and no stride then is the same sum.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { KernelConfig, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';

interface StridedAttributes {
  readonly strides: number | readonly [number, number];
  readonly filterShape: readonly number[];
}

/** Call once, after the kernels of tfjs-node are registered. */
export function replaceKernels(backendName: string): void {
  for (const kernelName of ['Conv2DBackpropFilter', 'DepthwiseConv2dNativeBackpropFilter']) {
    const original: KernelConfig = tf.getKernel(kernelName, backendName);
    tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({ ...original, kernelFunc: withoutStride(original.kernelFunc) });
  }
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

/** Kernels of tfjs-node are called with tensors, which tfjs's types call their descriptions. */
function tensorOf(x: TensorInfo): tf.Tensor {
  return x instanceof tf.Tensor ? (x as tf.Tensor) : tf.engine().makeTensorFromTensorInfo(x);
}
