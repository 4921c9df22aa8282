/** Kernels of tfjs's backends that a runtime replaces. */
import * as tf from '@tensorflow/tfjs-core';
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';

/** @param replacement of the backend's own kernel, which must be registered */
export function replaceKernel(
  kernelName: string,
  backendName: string,
  replacement: (original: KernelFunc) => KernelFunc,
): void {
  const original = tf.getKernel(kernelName, backendName);
  tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ ...original, kernelFunc: replacement(original.kernelFunc) });
}

/** Kernels are called with tensors, which tfjs's types call their descriptions, or with descriptions. */
export function tensorOf(x: TensorInfo): tf.Tensor {
  return x instanceof tf.Tensor ? (x as tf.Tensor) : tf.engine().makeTensorFromTensorInfo(x);
}
