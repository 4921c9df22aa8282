/** Our kernels against the cpu backend, whose loops are the definition; and against the definition of a gradient. */
import { randomFrom } from '@distillery/base';
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients of tfjs-core's operations.
import '@tensorflow/tfjs-layers';
import { openRuntime } from '../../../workers/runtimes/index.js';

type Pad = 'same' | 'valid';
type Gradients = readonly Float32Array[];

beforeAll(async () => {
  await openRuntime('cpu', 'training');
  await openRuntime('wasm', 'training');
});

/** Numbers in [-1, 1), the same in every run. */
function numbers(shape: readonly number[], seed: number): tf.Tensor {
  const random = randomFrom(seed);
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random.unit() - 1);
  return tf.tensor(values, [...shape]);
}

async function on(backend: 'cpu' | 'wasm', compute: () => tf.Tensor[]): Promise<Gradients> {
  await tf.setBackend(backend);
  const tensors = tf.tidy(compute);
  const values = tensors.map((tensor) => Float32Array.from(tensor.dataSync()));
  tf.dispose(tensors);
  return values;
}

/** Computes on both backends; the worst difference is measured against the largest value of its tensor. */
async function expectAsOnCpu(compute: () => tf.Tensor[]): Promise<void> {
  const wanted = await on('cpu', compute);
  const found = await on('wasm', compute);
  expect(found.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
  wanted.forEach((values, index) => {
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    const worst = values.reduce((most, value, at) => Math.max(most, Math.abs(value - found[index]![at]!)), 0);
    expect(worst / scale).toBeLessThan(2e-5);
  });
}

/** Gradients of Σ f(…)·r with respect to every argument, r fixed and random: none of its entries is like another. */
function gradientsOf(f: (...args: tf.Tensor[]) => tf.Tensor, shapes: readonly (readonly number[])[]): tf.Tensor[] {
  const args = shapes.map((shape, index) => numbers(shape, index + 1));
  return tf.grads((...given: tf.Tensor[]) => {
    const y = f(...given);
    return tf.sum(tf.mul(y, numbers(y.shape, 99)));
  })(args);
}

interface ConvolutionCase {
  readonly batch: number;
  readonly size: readonly [number, number];
  readonly channels: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pad: Pad;
}

/** [batch, size, channels, kernel, strides, pad] */
type Row = [number, [number, number], [number, number], [number, number], [number, number], Pad];
const convolutionRows: Row[] = [
  [3, [8, 8], [2, 3], [3, 3], [1, 1], 'same'],
  [3, [8, 8], [2, 3], [3, 3], [1, 1], 'valid'],
  [3, [8, 8], [2, 3], [3, 3], [2, 2], 'same'],
  [3, [8, 8], [2, 3], [3, 3], [2, 2], 'valid'],
  [2, [7, 7], [3, 2], [3, 3], [2, 2], 'same'],
  [2, [7, 7], [3, 2], [3, 3], [2, 2], 'valid'],
  [2, [9, 6], [3, 5], [3, 3], [2, 2], 'same'],
  [2, [9, 6], [3, 5], [3, 3], [3, 3], 'valid'],
  [2, [10, 10], [1, 4], [3, 3], [3, 3], 'same'],
  [2, [11, 11], [1, 4], [4, 4], [3, 3], 'same'],
  [2, [11, 13], [2, 2], [5, 5], [2, 2], 'same'],
  [2, [11, 13], [2, 2], [5, 5], [3, 2], 'valid'],
  [2, [12, 12], [2, 4], [2, 2], [2, 2], 'same'],
  [2, [13, 13], [2, 4], [2, 2], [2, 2], 'valid'],
  [2, [9, 9], [4, 2], [1, 1], [1, 1], 'same'],
  [2, [9, 9], [4, 2], [1, 1], [2, 2], 'same'],
  [2, [9, 9], [4, 2], [1, 1], [3, 3], 'valid'],
  [2, [8, 8], [3, 3], [1, 5], [1, 1], 'same'],
  [2, [8, 8], [3, 3], [5, 1], [2, 1], 'same'],
  [2, [8, 10], [3, 3], [3, 2], [1, 2], 'valid'],
  [2, [8, 8], [2, 2], [4, 4], [1, 1], 'same'],
  [1, [6, 6], [1, 1], [6, 6], [1, 1], 'valid'],
  [1, [5, 5], [1, 1], [3, 3], [4, 4], 'valid'],
  [2, [6, 6], [2, 3], [2, 2], [4, 4], 'same'],
  [5, [4, 4], [17, 9], [3, 3], [1, 1], 'same'],
  [33, [6, 6], [8, 16], [3, 3], [2, 2], 'same'],
  [16, [28, 28], [1, 8], [5, 5], [2, 2], 'same'],
  [4, [14, 14], [16, 32], [3, 3], [1, 1], 'same'],
];
const convolutions = convolutionRows.map(([batch, size, channels, kernel, strides, pad]): ConvolutionCase => ({
  batch,
  size,
  channels,
  kernel,
  strides,
  pad,
}));
const title = '$batch × $size × $channels, kernel $kernel, strides $strides, $pad';

describe('convolution', () => {
  it.each(convolutions)(
    `has the gradients of the cpu backend: ${title}`,
    async ({ batch, size, channels, kernel, strides, pad }) => {
      const compute = (): tf.Tensor[] =>
        gradientsOf(
          (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, [...strides], pad),
          [
            [batch, ...size, channels[0]],
            [...kernel, ...channels],
          ],
        );
      await expectAsOnCpu(compute);
    },
  );

  it.each([
    { pad: 1, strides: 1, size: 8 },
    { pad: 1, strides: 2, size: 9 },
    { pad: 2, strides: 1, size: 8 },
    { pad: 2, strides: 2, size: 7 },
    { pad: 4, strides: 3, size: 8 },
  ])(
    'has the gradients of the cpu backend with explicit padding $pad, strides $strides',
    async ({ pad, strides, size }) => {
      const compute = (): tf.Tensor[] =>
        gradientsOf(
          (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad, 'NHWC', 1, 'floor'),
          [
            [2, size, size, 3],
            [3, 3, 3, 2],
          ],
        );
      await expectAsOnCpu(compute);
    },
  );

  it('has the forward pass of a transposed convolution', async () => {
    const compute = (): tf.Tensor[] => {
      const [x, w] = [numbers([2, 5, 5, 3], 1), numbers([3, 3, 4, 3], 2)];
      return [tf.conv2dTranspose(x as tf.Tensor4D, w as tf.Tensor4D, [2, 9, 9, 4], 2, 'same')];
    };
    await expectAsOnCpu(compute);
  });
});

interface DepthwiseCase {
  readonly size: number;
  readonly channels: number;
  readonly multiplier: number;
  readonly kernel: number;
  readonly strides: number;
  readonly pad: Pad;
}
const depthwise: DepthwiseCase[] = [
  { size: 8, channels: 4, multiplier: 1, kernel: 3, strides: 1, pad: 'same' },
  { size: 8, channels: 4, multiplier: 1, kernel: 3, strides: 2, pad: 'same' },
  { size: 7, channels: 3, multiplier: 1, kernel: 3, strides: 2, pad: 'valid' },
  { size: 9, channels: 5, multiplier: 2, kernel: 5, strides: 2, pad: 'same' },
  { size: 9, channels: 1, multiplier: 3, kernel: 2, strides: 1, pad: 'valid' },
  { size: 6, channels: 17, multiplier: 1, kernel: 1, strides: 1, pad: 'same' },
  { size: 8, channels: 6, multiplier: 1, kernel: 3, strides: 3, pad: 'same' },
];

describe('depthwise convolution', () => {
  it.each(depthwise)(
    'has the gradients of the cpu backend: $size², $channels × $multiplier channels, kernel $kernel, strides $strides, $pad',
    async ({ size, channels, multiplier, kernel, strides, pad }) => {
      const compute = (): tf.Tensor[] =>
        gradientsOf(
          (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad),
          [
            [3, size, size, channels],
            [kernel, kernel, channels, multiplier],
          ],
        );
      await expectAsOnCpu(compute);
    },
  );
});

const pools = [
  { size: 8, pool: 2, strides: 2, pad: 'valid' as Pad },
  { size: 9, pool: 2, strides: 2, pad: 'valid' as Pad },
  { size: 9, pool: 2, strides: 2, pad: 'same' as Pad },
  { size: 9, pool: 3, strides: 2, pad: 'same' as Pad },
  { size: 8, pool: 3, strides: 1, pad: 'same' as Pad },
  { size: 7, pool: 3, strides: 3, pad: 'valid' as Pad },
];

describe('pooling', () => {
  it.each(pools)(
    'gives the largest the gradient, as the cpu backend: $size², pool $pool / $strides, $pad',
    async (how) => {
      const compute = (): tf.Tensor[] =>
        gradientsOf((x) => tf.maxPool(x as tf.Tensor4D, how.pool, how.strides, how.pad), [[3, how.size, how.size, 5]]);
      await expectAsOnCpu(compute);
    },
  );

  it('gives the first of equal values the gradient', async () => {
    const compute = (): tf.Tensor[] => [
      tf.grad((x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'))(tf.zeros([1, 4, 4, 2])),
    ];
    await expectAsOnCpu(compute);
  });

  it.each(pools)('spreads an average over what it covered: $size², pool $pool / $strides, $pad', (how) => {
    // The cpu backend divides by the whole window where the window is padded, unlike its own forward pass.
    expectAdjoint((x) => tf.avgPool(x as tf.Tensor4D, how.pool, how.strides, how.pad), [3, how.size, how.size, 5]);
  });
});

describe('upsampling', () => {
  it.each(['nearest', 'bilinear'])('has its gradient: %s', (how) => {
    // The cpu backend's gradient of `nearest` is not that of its forward pass.
    const resize = how === 'nearest' ? tf.image.resizeNearestNeighbor : tf.image.resizeBilinear;
    expectAdjoint((x) => resize(x as tf.Tensor4D, [6, 9]), [2, 3, 3, 2]);
  });
});

/** A linear map's gradient is its adjoint: ⟨A x, r⟩ = ⟨x, Aᵀ r⟩ for any x and r. */
function expectAdjoint(map: (x: tf.Tensor) => tf.Tensor, shape: readonly number[]): void {
  const inner = (a: tf.Tensor, b: tf.Tensor): number => tf.sum(tf.mul(a, b)).dataSync()[0]!;
  tf.tidy(() => {
    const [x, other] = [numbers(shape, 1), numbers(shape, 2)];
    const y = map(x);
    const r = numbers(y.shape, 3);
    expect(inner(y, r)).toBeCloseTo(inner(x, tf.grad(map)(other, r)), 4);
  });
}

describe('matrix products and sums', () => {
  it.each([
    { a: [5, 7], b: [5, 3], transposeA: true, transposeB: false },
    { a: [5, 7], b: [3, 7], transposeA: false, transposeB: true },
    { a: [7, 5], b: [3, 7], transposeA: true, transposeB: true },
    { a: [1, 5], b: [1, 3], transposeA: true, transposeB: false },
    { a: [5, 1], b: [3, 1], transposeA: false, transposeB: true },
    { a: [4, 1], b: [4, 1], transposeA: true, transposeB: false },
    { a: [2, 5, 7], b: [2, 5, 3], transposeA: true, transposeB: false },
    { a: [1, 5, 7], b: [1, 5, 3], transposeA: true, transposeB: false },
  ])(
    'multiplies $a (transposed: $transposeA) with $b (transposed: $transposeB)',
    async ({ a, b, transposeA, transposeB }) => {
      const compute = (): tf.Tensor[] => [tf.matMul(numbers(a, 1), numbers(b, 2), transposeA, transposeB)];
      await expectAsOnCpu(compute);
    },
  );

  it('multiplies with one buffer in two shapes, though the backend remembers packed operands by buffer alone', async () => {
    const compute = (): tf.Tensor[] => {
      const dy = numbers([6, 4], 1);
      const seen = tf.matMul(numbers([6, 5], 2), dy, true);
      const reshaped = tf.matMul(numbers([12, 3], 3), tf.reshape(dy, [12, 2]), true);
      const plain = [tf.matMul(numbers([2, 6], 4), dy), tf.matMul(numbers([2, 12], 5), tf.reshape(dy, [12, 2]))];
      return [...plain, seen, reshaped, tf.sum(dy, 0), tf.sum(tf.reshape(dy, [12, 2]), 0)];
    };
    await expectAsOnCpu(compute);
  });

  it.each([
    { shape: [6, 5], axis: [0] },
    { shape: [64, 3], axis: [0] },
    { shape: [37, 1], axis: [0] },
    { shape: [1, 4], axis: [0] },
    { shape: [8, 6, 4, 3], axis: [0, 1, 2] },
    { shape: [8, 6, 4, 3], axis: [0, 1] },
    { shape: [8, 6, 4, 3], axis: [1, 2] },
    { shape: [8, 6, 4, 3], axis: [0, 1, 2, 3] },
    { shape: [8, 6], axis: [1] },
  ])('sums and averages $shape over $axis', async ({ shape, axis }) => {
    const compute = (): tf.Tensor[] => {
      const x = numbers(shape, 1);
      return [tf.sum(x, axis), tf.sum(x, axis, true), tf.mean(x, axis), tf.mean(x, axis, true)];
    };
    await expectAsOnCpu(compute);
  });

  it('keeps shapes and whole numbers when summing', () => {
    tf.tidy(() => {
      expect(tf.sum(tf.ones([2, 3, 4]), [0, 1], true).shape).toEqual([1, 1, 4]);
      expect(tf.sum(tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32'), 0).arraySync()).toEqual([4, 6]);
    });
  });

  it('loses nothing in a long sum', async () => {
    const rows = 1 << 17;
    const [total] = await on('wasm', () => [tf.sum(tf.fill([rows, 2], 0.1), 0)]);
    expect(Math.abs(total![0]! / (rows * Math.fround(0.1)) - 1)).toBeLessThan(1e-7);
  });
});

describe('look-up', () => {
  it('adds up the gradients of rows that were looked up several times', async () => {
    const compute = (): tf.Tensor[] =>
      gradientsOf((table) => tf.gather(table, tf.tensor1d([3, 0, 3, 1, 3], 'int32')), [[6, 4]]);
    await expectAsOnCpu(compute);
  });

  it('leaves out segments that do not exist', async () => {
    const compute = (): tf.Tensor[] => [
      tf.unsortedSegmentSum(numbers([4, 2, 3], 1), tf.tensor1d([1, -1, 0, 7], 'int32'), 3),
    ];
    await expectAsOnCpu(compute);
  });
});

it('frees what its kernels made: memory is flat over 200 gradients', () => {
  const compute = (): void => {
    tf.tidy(() => {
      gradientsOf(
        (x, w, d, table) => {
          const y = tf.avgPool(
            tf.maxPool(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, 'valid'), 2, 1, 'same'),
            2,
            2,
            'same',
          );
          const z = tf.depthwiseConv2d(y, d as tf.Tensor4D, 1, 'same');
          const rows = tf.gather(table, tf.tensor1d([1, 1, 2], 'int32'));
          return tf.add(tf.mean(z, [0, 1, 2]), tf.sum(tf.matMul(tf.ones([3, 3]), rows, false, false), 0));
        },
        [
          [3, 9, 9, 2],
          [3, 3, 2, 4],
          [3, 3, 4, 1],
          [5, 4],
        ],
      );
    });
  };
  const used = (): Record<string, number> => {
    const { numTensors, numBytes, numDataBuffers } = tf.memory();
    return { numTensors, numBytes, numDataBuffers, onHeap: tf.engine().backend.numDataIds() };
  };
  compute();
  const before = used();
  for (let round = 0; round < 200; round++) compute();
  expect(used()).toEqual(before);
});
