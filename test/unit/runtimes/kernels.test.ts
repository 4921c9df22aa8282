/**
 * Convolutions, pools and resizes of random shapes on each runtime against the cpu backend, whose loops are the definition.
 * XNNPACK (wasm) and oneDNN (native) have kernels of their own for many kinds of shapes, some of which are wrong.
 */
import { randomFrom } from '@distillery/base';
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients of tfjs-core's operations.
import '@tensorflow/tfjs-layers';
import fc from 'fast-check';

import { noNative, openRuntime, runtimeTable } from '../../../workers/runtimes/index.js';
import { nativeBackendName } from '../../../workers/runtimes/native/start.js';
import { builtNative } from '../../kit/native.js';

type Operation = (x: tf.Tensor4D, filter: tf.Tensor4D, shape: Shape) => tf.Tensor;
type Pair = [number, number];

interface Shape {
  readonly batch: number;
  readonly size: Pair;
  readonly channels: Pair;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly pad: 'same' | 'valid';
  readonly seed: number;
}

const pairOf = (each: fc.Arbitrary<number>): fc.Arbitrary<Pair> => fc.tuple(each, each);
const upTo = (max: number): fc.Arbitrary<Pair> => pairOf(fc.integer({ min: 1, max }));
const shapes: fc.Arbitrary<Shape> = fc
  .record({
    batch: fc.integer({ min: 1, max: 4 }),
    size: upTo(12),
    // Kernels differ for 1, for fewer than a vector holds, and for whole vectors.
    channels: pairOf(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(8, 16, 32, 48))),
    kernel: upTo(5),
    strides: upTo(3),
    pad: fc.constantFrom('same' as const, 'valid' as const),
    seed: fc.nat(),
  })
  .filter(({ size, kernel, pad }) => pad === 'same' || size.every((side, axis) => (kernel[axis] ?? 0) <= side));

/** Channels × 1. */
const depthwiseOf = (filter: tf.Tensor4D): tf.Tensor4D => tf.slice(filter, [0, 0, 0, 0], [-1, -1, -1, 1]);
const operations: Readonly<Record<string, Operation>> = {
  conv2d: (x, filter, { strides, pad }) => tf.conv2d(x, filter, strides, pad),
  depthwise: (x, filter, { strides, pad }) => tf.depthwiseConv2d(x, depthwiseOf(filter), strides, pad),
  maxPool: (x, _filter, { kernel, strides, pad }) => tf.maxPool(x, kernel, strides, pad),
  avgPool: (x, _filter, { kernel, strides, pad }) => tf.avgPool(x, kernel, strides, pad),
  'nearest resize': (x, _filter, { size, strides }) =>
    tf.image.resizeNearestNeighbor(x, [size[0] * strides[0], size[1] * strides[1]]),
};
/** As graphs have them. */
const fused: Readonly<Record<string, Operation>> = {
  conv2d: (x, filter, { strides, pad }) => tf.fused.conv2d({ x, filter, strides, pad, activation: 'relu' }),
  depthwise: (x, filter, { strides, pad }) =>
    tf.fused.depthwiseConv2d({ x, filter: depthwiseOf(filter), strides, pad, activation: 'relu' }),
};

/** Each was all zeros, or zeros but for the first row, on one of the runtimes. */
const once: [Shape][] = [
  [{ batch: 1, size: [1, 4], channels: [8, 1], kernel: [2, 1], strides: [1, 2], pad: 'same', seed: 0 }],
  [{ batch: 2, size: [6, 5], channels: [3, 4], kernel: [2, 2], strides: [3, 3], pad: 'same', seed: 0 }],
  [{ batch: 2, size: [2, 1], channels: [1, 8], kernel: [1, 2], strides: [1, 2], pad: 'same', seed: 0 }],
  [{ batch: 2, size: [5, 6], channels: [1, 16], kernel: [3, 5], strides: [1, 3], pad: 'valid', seed: 0 }],
];

/** Draws numbers in [-1, 1), the same for a seed. */
function drawing(seed: number): (axes: readonly number[]) => tf.Tensor {
  const random = randomFrom(seed);
  return (axes) => {
    const length = axes.reduce((product, axis) => product * axis, 1);
    return tf.tensor(
      Array.from({ length }, () => 2 * random.unit() - 1),
      [...axes],
    );
  };
}

/** The result; with `gradients` those of Σ result·r too, where r is random: no entry is like another. */
function computed(operation: Operation, shape: Shape, gradients: boolean): number[][] {
  const numbers = drawing(shape.seed);
  const tensors = tf.tidy(() => {
    const x = numbers([shape.batch, ...shape.size, shape.channels[0]]) as tf.Tensor4D;
    const filter = numbers([...shape.kernel, ...shape.channels]) as tf.Tensor4D;
    const y = operation(x, filter, shape);
    if (!gradients) return [y];
    const r = numbers(y.shape);
    // All of the arguments, also where a result does not depend on the filter, which tf.grads refuses.
    const total = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
      tf.add(tf.sum(tf.mul(operation(a as tf.Tensor4D, b as tf.Tensor4D, shape), r)), tf.mul(tf.sum(b), 0));
    return [y, ...tf.grads(total)([x, filter])];
  });
  const values = tensors.map((tensor) => [...tensor.dataSync()]);
  tf.dispose(tensors);
  return values;
}

/** The worst difference, as a part of the largest value of its tensor. */
function difference(found: readonly number[][], wanted: readonly number[][]): number {
  const parts = wanted.map((values, at) => {
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    return (
      values.reduce((most, value, index) => Math.max(most, Math.abs(value - (found[at]?.[index] ?? NaN))), 0) / scale
    );
  });
  return Math.max(...parts);
}

async function expectAsOnCpu(backend: string, operation: Operation, gradients: boolean): Promise<void> {
  await fc.assert(
    fc.asyncProperty(shapes, async (shape) => {
      await tf.setBackend('cpu');
      const wanted = computed(operation, shape, gradients);
      await tf.setBackend(backend);
      expect(difference(computed(operation, shape, gradients), wanted)).toBeLessThan(1e-4);
    }),
    { examples: once },
  );
}

const folder = builtNative();
describe.each([
  { runtime: 'wasm', backend: 'wasm', isHere: true },
  { runtime: 'native', backend: nativeBackendName, isHere: folder !== null },
] as const)('a kernel of the runtime $runtime', ({ runtime, backend, isHere }) => {
  beforeAll(async () => {
    await openRuntime('cpu', 'training');
    if (isHere) await openRuntime(runtime, 'training', runtimeTable({ ...noNative, folder }));
  });

  (isHere ? it : it.skip).each(Object.keys(operations))('has the values and gradients of the cpu backend: %s', (name) =>
    expectAsOnCpu(backend, operations[name]!, true),
  );

  (isHere ? it : it.skip).each(Object.keys(fused))('has the values of the cpu backend: fused %s', (name) =>
    expectAsOnCpu(backend, fused[name]!, false),
  );
});

/** A linear map's gradient is its adjoint: ⟨A x, r⟩ = ⟨x, Aᵀ r⟩ for any x and r. */
it.each(['conv2d', 'depthwise', 'avgPool', 'nearest resize'])(
  'the cpu backend has the gradient of its own %s',
  async (name) => {
    await openRuntime('cpu', 'training');
    const operation = operations[name]!;
    fc.assert(
      fc.property(shapes, (shape) => {
        const numbers = drawing(shape.seed);
        tf.tidy(() => {
          const inner = (a: tf.Tensor, b: tf.Tensor): number => tf.sum(tf.mul(a, b)).dataSync()[0] ?? NaN;
          const filter = numbers([...shape.kernel, ...shape.channels]) as tf.Tensor4D;
          const [x, other] = [1, 2].map(() => numbers([shape.batch, ...shape.size, shape.channels[0]]));
          const map = (each: tf.Tensor): tf.Tensor => operation(each as tf.Tensor4D, filter, shape);
          const y = map(x!);
          const r = numbers(y.shape);
          const scale = Math.sqrt(y.size * shape.channels[0] * shape.kernel[0] * shape.kernel[1]);
          expect(Math.abs(inner(y, r) - inner(x!, tf.grad(map)(other!, r))) / scale).toBeLessThan(1e-4);
        });
      }),
    );
  },
);
