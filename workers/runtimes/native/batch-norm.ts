/**
 * Batch normalization in training as TensorFlow's own op and its gradient. tfjs-layers writes it as about forty ops, most of
 * them passes over the whole activation: two thirds of a step of a residual network.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { kinds, type OpAttribute } from './addon.js';
import { nodeBackend } from './backend.js';

/** The layer's fields, which tfjs-layers does not publish. */
interface BatchNormalization {
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly gamma?: tfl.LayerVariable;
  readonly beta?: tfl.LayerVariable;
  readonly movingMean: tfl.LayerVariable;
  readonly movingVariance: tfl.LayerVariable;
}

type Call = (this: BatchNormalization, inputs: Tensor | Tensor[], kwargs: Readonly<Record<string, unknown>>) => Tensor;

const forward = 'DistilleryBatchNorm';
const backward = 'DistilleryBatchNormGrad';
const settings = (epsilon: unknown): OpAttribute[] => [
  { name: 'epsilon', type: kinds.float, value: Number(epsilon) },
  { name: 'is_training', type: kinds.bool, value: true },
];

/** Call once, after the kernels of tfjs-node are registered. Other backends of the thread compute as before. */
export function fuseBatchNormalization(layers: typeof tfl.layers, backendName: string): void {
  registerKernels(backendName);
  const prototype = Object.getPrototypeOf(layers.batchNormalization()) as { call: Call };
  const original = prototype.call;
  prototype.call = function (inputs, kwargs) {
    const input = Array.isArray(inputs) ? inputs[0] : inputs;
    const isLast = input !== undefined && (this.axis === -1 || this.axis === input.rank - 1);
    if (kwargs.training !== true || !isLast || tf.getBackend() !== backendName)
      return original.call(this, inputs, kwargs);
    return tf.tidy(() => normalized(this, input));
  };
}

/** As `call` of the layer does in training; it moves the averages. */
function normalized(layer: BatchNormalization, input: Tensor): Tensor {
  const channels = input.shape.at(-1) ?? 1;
  const rows = input.size / channels;
  const x = input.rank === 4 ? input : tf.reshape(input, [rows, 1, 1, channels]);
  const scale = layer.gamma?.read() ?? tf.ones([channels]);
  const offset = layer.beta?.read() ?? tf.zeros([channels]);
  const attributes = { epsilon: layer.epsilon };
  const [y, mean, variance] = tf.engine().runKernel<Tensor[]>(forward, { x, scale, offset }, attributes);
  if (y === undefined || mean === undefined || variance === undefined)
    throw new Error('batch normalization: no results');
  const moved = (average: tfl.LayerVariable, value: Tensor): void => {
    const before = average.read();
    average.write(tf.sub(before, tf.mul(tf.sub(before, value), 1 - layer.momentum)));
  };
  moved(layer.movingMean, mean);
  // TensorFlow's is that of the population, tfjs averages that of the batch.
  moved(layer.movingVariance, tf.mul(variance, (rows - 1) / rows));
  return input.rank === 4 ? y : tf.reshape(y, input.shape);
}

function registerKernels(backendName: string): void {
  tf.registerKernel({
    kernelName: forward,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { x, scale, offset } = inputs;
      if (x === undefined || scale === undefined || offset === undefined)
        throw new Error(`${forward}: an input is missing`);
      // In training it computes mean and variance itself.
      const none = tf.tensor1d([], 'float32');
      const given = [x, scale, offset, none, none];
      const results = nodeBackend(backend).executeMultipleOutputs(
        'FusedBatchNormV3',
        settings(attrs?.epsilon),
        given,
        6,
      );
      none.dispose();
      return results;
    },
  });
  tf.registerKernel({
    kernelName: backward,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const given = ['dy', 'x', 'scale', 'mean', 'variance', 'further'].flatMap((name) => inputs[name] ?? []);
      return nodeBackend(backend).executeMultipleOutputs('FusedBatchNormGradV3', settings(attrs?.epsilon), given, 5);
    },
  });
  tf.registerGradient({
    kernelName: forward,
    inputsToSave: ['x', 'scale'],
    outputsToSave: [false, false, false, true, true, true],
    gradFunc: (dys, saved, attrs) => {
      const [dy] = Array.isArray(dys) ? dys : [dys];
      const [x, scale, mean, variance, further] = saved;
      const inputs = { dy, x, scale, mean, variance, further } as unknown as tf.NamedTensorMap;
      const results = tf.engine().runKernel<Tensor[]>(backward, inputs, attrs);
      const resultAt = (at: number) => (): Tensor => {
        const result = results[at];
        if (result === undefined) throw new Error(`${backward}: no result ${String(at)}`);
        return result;
      };
      return { x: resultAt(0), scale: resultAt(1), offset: resultAt(2) };
    },
  });
}
