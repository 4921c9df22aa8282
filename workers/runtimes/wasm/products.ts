/**
 * Matrix products, brought to the one fast product that tfjs-wasm has (a plain, not transposed product of a batch of
 * one; its other paths are scalar loops, 10 times slower), and sums over the first axes.
 *
 * XNNPACK packs the right operand once per tensor and finds it again by the tensor's identity alone, not its shape.
 * Gradients share one buffer under several shapes, so nothing shared is ever a right operand here: it is copied or
 * transposed first. (A copy runs at memory speed; the product reads it many times.)
 */
import * as tf from '@tensorflow/tfjs-core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Composition, Workbench } from './compose.js';

/** BatchMatMul; products of several matrices at once are left to the backend's own kernel. */
export const matrixProduct: Composition = (bench, inputs, attributes) => {
  const [a, b] = [inputs('a'), inputs('b')];
  const { transposeA = false, transposeB = false } = attributes;
  const [rowsA, columnsA] = matrixOf(a);
  const [rowsB, columnsB] = matrixOf(b);
  const single = a.shape.length === b.shape.length && rowsA * columnsA === sizeOf(a) && rowsB * columnsB === sizeOf(b);
  if (!single) return bench.original();
  const flip = (x: TensorInfo, rows: number, columns: number): TensorInfo =>
    bench.transpose(bench.reshape(x, [rows, columns]), [1, 0]);
  const left = transposeA === true ? flip(a, rowsA, columnsA) : bench.reshape(a, [rowsA, columnsA]);
  const right = transposeB === true ? flip(b, rowsB, columnsB) : bench.reshape(bench.copy(b), [rowsB, columnsB]);
  // A transpose with an axis of length one is a mere view of its input, and shares its identity.
  const owned = right.dataId === b.dataId ? bench.copy(right) : right;
  const product = multiply(bench, left, owned);
  return bench.reshape(product, [...a.shape.slice(0, -2), ...product.shape]);
};

/** Sum over the first axes. */
export const sum: Composition = reduction(() => 1);

/** Mean over the first axes. */
export const mean: Composition = reduction((count) => 1 / count);

/**
 * The backend transposes first and then adds in float32. A loop over the heap is three times as fast, and float64 sums
 * of 100,000 numbers lose nothing.
 */
function reduction(weight: (count: number) => number): Composition {
  return (bench, inputs, attributes) => {
    const x = inputs('x');
    const { axis, keepDims } = attributes as { axis?: number | number[]; keepDims?: boolean };
    const reduced = axis === undefined ? [] : tf.util.parseAxisParam(axis, x.shape);
    const leading = reduced.length > 0 && reduced.every((one, position) => one === position);
    if (!leading || reduced.length === x.shape.length || x.dtype !== 'float32' || sizeOf(x) === 0) {
      return bench.original();
    }
    const rest = x.shape.slice(reduced.length);
    const sums = new Float64Array(tf.util.sizeFromShape(rest));
    const result = bench.make(keepDims === true ? [...reduced.map(() => 1), ...rest] : rest);
    const values = bench.floats(x);
    for (let at = 0; at < values.length;) {
      for (let column = 0; column < sums.length; column++) sums[column] = (sums[column] ?? 0) + (values[at++] ?? 0);
    }
    const factor = weight(values.length / sums.length);
    bench.floats(result).set(sums.map((value) => value * factor));
    return result;
  };
}

/** [m, k] · [k, n]; `right` must not share its data with anything. */
function multiply(bench: Workbench, left: TensorInfo, right: TensorInfo): TensorInfo {
  const [m = 0, k = 0] = left.shape;
  const [, n = 0] = right.shape;
  const product = bench.run(
    '_FusedMatMul',
    { a: bench.reshape(left, [1, m, k]), b: bench.reshape(right, [1, k, n]) },
    { transposeA: false, transposeB: false, activation: 'linear' },
  );
  return bench.reshape(product, [m, n]);
}

function matrixOf(x: TensorInfo): [number, number] {
  const [rows = 0, columns = 0] = x.shape.slice(-2);
  return [rows, columns];
}

function sizeOf(x: TensorInfo): number {
  return tf.util.sizeFromShape(x.shape);
}
