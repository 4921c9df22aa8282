/** Recorded ops in a better form: what is recognized, and what is left as it is. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { kinds, types } from '../../../workers/runtimes/native/addon.js';
import { type Constant, floatsOf, shortest } from '../../../workers/runtimes/native/function-def.js';
import { type Known, type RecordedOp, simplified } from '../../../workers/runtimes/native/simplify.js';

const shapes = new Map<number, readonly number[]>();
const constants = new Map<number, Constant>();
const known: Known = { shapeOf: (id) => shapes.get(id) ?? null, constantOf: (id) => constants.get(id) };
let next = 0;

function given(...shape: number[]): number {
  shapes.set(++next, shape);
  return next;
}

function floats(values: readonly number[], shape: readonly number[] = [values.length]): number {
  const id = given(...shape);
  constants.set(id, { type: types.float32, shape, bytes: new Uint8Array(Float32Array.from(values).buffer) });
  return id;
}

function integers(...values: number[]): number {
  const id = given(values.length);
  constants.set(id, {
    type: types.int32,
    shape: [values.length],
    bytes: new Uint8Array(Int32Array.from(values).buffer),
  });
  return id;
}

function op(
  name: string,
  inputs: readonly number[],
  shape: readonly number[],
  flags: Record<string, boolean> = {},
): RecordedOp {
  const attributes = Object.entries(flags).map(([flag, value]) => ({ name: flag, type: kinds.bool, value }));
  return { op: name, attributes, inputs, outputs: [{ id: given(...shape), dtype: types.float32, shape }] };
}
const resultOf = ({ outputs }: RecordedOp): number => outputs[0]?.id ?? NaN;
const formOf = ({ op: name, inputs, outputs }: RecordedOp): unknown => [name, inputs, outputs[0]?.id];

/** dy × step(x) as tfjs writes it. @param alpha what step gives below 0 */
function reluGradient(x: number, dy: number, alpha: number): RecordedOp[] {
  const shape = [4, 2];
  const isNan = op('IsNan', [x], shape);
  const greater = op('Greater', [x, floats([0], [])], shape);
  const fill = op('Fill', [integers(4, 2), floats([alpha], [])], shape);
  const ones = floats([1, 1, 1, 1, 1, 1, 1, 1], shape);
  const inner = op('Select', [resultOf(greater), ones, resultOf(fill)], shape);
  const outer = op('Select', [resultOf(isNan), x, resultOf(inner)], shape);
  const cast = op('Cast', [resultOf(outer)], shape);
  return [isNan, greater, fill, inner, outer, cast, op('Mul', [dy, resultOf(cast)], shape)];
}

describe('the gradient of a relu', () => {
  test('is one op of what the relu gave', () => {
    const [x, dy] = [given(4, 2), given(4, 2)];
    const relu = op('Relu', [x], [4, 2]);
    const ops = [relu, ...reluGradient(x, dy, 0)];
    const last = ops.at(-1);
    const found = simplified(ops, known).ops.at(-1);
    expect(found && formOf(found)).toEqual(['ReluGrad', [dy, resultOf(relu)], last && resultOf(last)]);
  });

  test('is left where the step gives something else below 0, or dy is broadcast', () => {
    const x = given(4, 2);
    expect(simplified(reluGradient(x, given(4, 2), 0.1), known).ops.at(-1)?.op).toBe('Mul');
    expect(simplified(reluGradient(x, given(2), 0), known).ops.at(-1)?.op).toBe('Mul');
  });
});

test.each([
  { what: 'a vector along the last axis', left: [2, 3, 4], right: [4], want: 'BiasAdd' },
  { what: 'a vector that is repeated', left: [2, 3, 4], right: [1], want: 'Add' },
  { what: 'another tensor', left: [2, 4], right: [2, 4], want: 'Add' },
  { what: 'a vector to a vector', left: [4], right: [4], want: 'Add' },
])('a sum of $what is $want', ({ left, right, want }) => {
  const { ops } = simplified([op('Add', [given(...left), given(...right)], left)], known);
  expect(ops.map((each) => each.op)).toEqual([want]);
});

test.each([
  { what: 'all axes but the last', axes: [1, 0], keep: false, want: 'BiasAddGrad' },
  { what: 'the first axis', axes: [0], keep: false, want: 'Sum' },
  { what: 'all axes', axes: [0, 1, 2], keep: false, want: 'Sum' },
  { what: 'all axes but the last, which stay', axes: [0, 1], keep: true, want: 'Sum' },
])('a sum over $what is $want', ({ axes, keep, want }) => {
  const sum = op('Sum', [given(2, 3, 4), integers(...axes)], keep ? [1, 1, 4] : [4], { keep_dims: keep });
  expect(simplified([sum], known).ops.map((each) => each.op)).toEqual([want]);
});

describe('a product', () => {
  test('of two matrices is one of matrices, with what is transposed', () => {
    const product = op('BatchMatMulV2', [given(4, 3), given(5, 3)], [4, 5], { adj_x: false, adj_y: true });
    expect(simplified([product], known).ops).toMatchObject([
      {
        op: 'MatMul',
        attributes: [
          { name: 'transpose_a', value: false },
          { name: 'transpose_b', value: true },
        ],
      },
    ]);
  });

  test('of one pair of matrices is between changes of shape', () => {
    const product = op('BatchMatMulV2', [given(1, 4, 3), given(1, 3, 5)], [1, 4, 5]);
    const { ops, constants: made } = simplified([product], known);
    expect(ops.map((each) => each.op)).toEqual(['Reshape', 'Reshape', 'MatMul', 'Reshape']);
    expect(ops.at(-1)?.outputs).toEqual(product.outputs);
    const shapesMade = [...made.values()].map(({ bytes }) => [...new Int32Array(bytes.slice().buffer)]);
    expect(shapesMade).toEqual([
      [4, 3],
      [3, 5],
      [1, 4, 5],
    ]);
    expect([...made.keys()].every((id) => id < 0)).toBe(true);
  });

  test('of many matrices stays', () => {
    const product = op('BatchMatMulV2', [given(2, 4, 3), given(2, 3, 5)], [2, 4, 5]);
    expect(simplified([product], known).ops).toEqual([product]);
  });
});

describe('a product with ones', () => {
  /** As a recording keeps a constant of one value. */
  const all = (value: number, ...shape: number[]): number => floats([value], shape);
  /** What the last result needs. */
  const needed = (ops: readonly RecordedOp[]): readonly RecordedOp[] => {
    const waiting = new Set(ops.slice(-1).map(resultOf));
    const found: RecordedOp[] = [];
    for (const each of ops.toReversed()) {
      if (!waiting.has(resultOf(each))) continue;
      found.unshift(each);
      for (const id of each.inputs) waiting.add(id);
    }
    return found;
  };

  test('repeats the other', () => {
    const dy = given(2, 3, 1);
    const product = op('Mul', [all(1, 2, 3, 4), dy], [2, 3, 4]);
    const { ops, constants: made } = simplified([product], known);
    expect(ops).toMatchObject([{ op: 'BroadcastTo', inputs: [dy, -1], outputs: product.outputs }]);
    expect([...new Int32Array(made.get(-1)!.bytes.slice().buffer)]).toEqual([2, 3, 4]);
  });

  test('is not made where pairs of numbers follow, and comes after what one number does', () => {
    const [dy, x] = [given(2, 3, 1), given(2, 3, 4)];
    const product = op('Mul', [dy, all(1, 2, 3, 4)], [2, 3, 4]);
    const mean = op('RealDiv', [resultOf(product), floats([4], [])], [2, 3, 4]);
    const half = op('Mul', [floats([0.5], []), resultOf(mean)], [2, 3, 4]);
    const last = op('Mul', [x, resultOf(half)], [2, 3, 4]);
    const found = needed(simplified([product, mean, half, last], known).ops);
    expect(found.map((each) => [each.op, each.outputs[0]?.shape])).toEqual([
      ['RealDiv', [2, 3, 1]],
      ['Mul', [2, 3, 1]],
      ['Mul', [2, 3, 4]],
    ]);
    expect(found.at(-1)?.inputs[0]).toBe(x);
    expect(found.at(-1)?.outputs).toEqual(last.outputs);
  });

  test.each([
    { what: 'with another number', left: [2, 3, 1], factor: all(2, 2, 3, 4) },
    { what: 'of the same shape', left: [2, 3, 4], factor: all(1, 2, 3, 4) },
    { what: 'with a tensor', left: [2, 3, 1], factor: given(2, 3, 4) },
  ])('$what stays', ({ left, factor }) => {
    const product = op('Mul', [given(...left), factor], [2, 3, 4]);
    expect(simplified([product], known).ops).toEqual([product]);
  });
});

test('a constant of one value is kept as that, and gives all of them back', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, -0, 1, NaN, 0.5), { minLength: 1, maxLength: 6 }), (values) => {
      const bytes = new Uint8Array(Float32Array.from(values).buffer);
      const found = shortest({ type: types.float32, shape: [values.length], bytes });
      expect([...floatsOf(found)]).toEqual(values);
      expect(found.bytes.length === 4).toBe(values.every((value) => Object.is(value, values[0])));
      expect(found.bytes.buffer).not.toBe(bytes.buffer);
    }),
  );
});
