/** The backend of tfjs-node, as far as kernels and devices of ours call it. */
import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import type { OpAttribute } from './addon.js';

export interface NodeBackend {
  getInputTensorIds(tensors: readonly Tensor[]): number[];
  executeSingleOutput(name: string, attributes: readonly OpAttribute[], inputs: readonly TensorInfo[]): TensorInfo;
  executeMultipleOutputs(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly TensorInfo[],
    outputs: number,
  ): TensorInfo[];
}

/** @param backend as tfjs gives it to a kernel */
export function nodeBackend(backend: unknown): NodeBackend {
  return backend as NodeBackend;
}
