/** Layers with several inputs. */
import type { Value } from './graph.js';
import type { ExportedLayer, LayerKind } from './layer.js';

/** Element by element, two inputs at a time in their order, as tfjs does. */
export function merge(operator: 'Add' | 'Sub' | 'Mul' | 'Max' | 'Min'): LayerKind {
  return { emit: (layer, inputs) => merged(layer, operator, inputs) };
}

export const average: LayerKind = {
  emit: (layer, inputs) => layer.map('Mul', merged(layer, 'Add', inputs), [layer.graph.float(1 / inputs.length)]),
};

export const concatenate: LayerKind = {
  emit: (layer, inputs) => {
    const [{ shape }] = inputs;
    const given = layer.number('axis', -1);
    const axis = given < 0 ? given + shape.length + 1 : given;
    if (axis < 1 || axis > shape.length) layer.refuse(`a Concatenate along axis ${String(given)} is not exported`);
    const total = inputs.reduce((sum, input) => sum + (input.shape[axis - 1] ?? 0), 0);
    const joined = shape.map((size, at) => (at === axis - 1 ? total : size));
    return layer.op('Concat', inputs, joined, { axis: { int: axis } });
  },
};

/** Products along one axis of each input, sample by sample. */
export const dot: LayerKind = {
  emit: (layer, inputs) => {
    const [x, y] = inputs;
    if (y === undefined || inputs.length !== 2 || x.shape.length > 2 || y.shape.length > 2) {
      return layer.refuse('a Dot of these inputs is not exported');
    }
    const [first = -1, second = first] = layer.list('axes', -1);
    const axisOf = (given: number, { shape }: Value): number => (given < 0 ? given + shape.length + 1 : given);
    const axes = [axisOf(first, x), axisOf(second, y)] as const;
    if (axes.includes(0)) return layer.refuse('a Dot along the axis of the samples is not exported');
    const [a, b] = layer.flag('normalize', false) ? [unit(layer, x, axes[0]), unit(layer, y, axes[1])] : [x, y];
    // [N, kept axis, summed axis] · [N, summed axis, kept axis]
    const left =
      a.shape.length === 1 ? layer.reshape(a, [1, ...a.shape]) : axes[0] === 1 ? layer.transpose(a, [1, 0]) : a;
    const right =
      b.shape.length === 1 ? layer.reshape(b, [...b.shape, 1]) : axes[1] === 2 ? layer.transpose(b, [1, 0]) : b;
    const kept = [left.shape[0] ?? 1, right.shape[1] ?? 1];
    const product = layer.op('MatMul', [left, right], kept);
    const shape = [...(a.shape.length === 1 ? [] : [kept[0] ?? 1]), ...(b.shape.length === 1 ? [] : [kept[1] ?? 1])];
    return layer.reshape(product, shape.length === 0 ? [1] : shape);
  },
};

/** The epsilon of tfjs-layers' backend. */
const epsilon = 1e-7;

function unit(layer: ExportedLayer, x: Value, axis: number): Value {
  const shape = x.shape.map((size, at) => (at === axis - 1 ? 1 : size));
  const sum = layer.op('ReduceSum', [layer.map('Mul', x, [x]), layer.graph.ints([axis])], shape, {
    keepdims: { int: 1 },
  });
  return layer.map('Div', x, [layer.map('Sqrt', layer.map('Max', sum, [layer.graph.float(epsilon)]))]);
}

function merged(layer: ExportedLayer, operator: string, inputs: readonly [Value, ...Value[]]): Value {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  // tfjs adds axes behind that of the samples, where ONNX would add them before it.
  const [first, ...rest] = inputs.map((input) => {
    const missing = Array.from({ length: rank - input.shape.length }, () => 1);
    return missing.length === 0 ? input : layer.reshape(input, [...missing, ...input.shape]);
  }) as [Value, ...Value[]];
  return rest.reduce((so, next) => layer.op(operator, [so, next], broadcast(so.shape, next.shape)), first);
}

function broadcast(a: readonly number[], b: readonly number[]): number[] {
  return a.map((size, axis) => (size === 1 ? (b[axis] ?? 1) : size));
}
