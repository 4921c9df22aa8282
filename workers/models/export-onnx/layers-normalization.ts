/** Normalizations, as they compute after training. */
import { sizeOf } from '../../samples/index.js';
import { leastDeviation } from '../own-layers/given-normalization.js';
import { leastSquare } from '../own-layers/normalizations.js';
import type { Value } from './graph.js';
import type { ExportedLayer, LayerConfig, LayerKind } from './layer.js';

export const batchNormalization: LayerKind = {
  weights: (layer) => [...scaleAndOffset(layer), 'moving_mean', 'moving_variance'],
  emit: (layer, [x]) => {
    const { length } = x.shape;
    // The kernels of tfjs repeat the weights along the last axis, whichever axis the layer names.
    if (![-1, length].includes(layer.number('axis', -1)))
      layer.refuse('a BatchNormalization along another axis than the last is not exported');
    const size = x.shape[length - 1] ?? 0;
    const rest = x.shape.slice(1).map((_size, axis) => axis);
    const first = layer.transpose(x, [length - 1, ...rest]);
    const weights = [
      scale(layer, [size]),
      offset(layer, [size]),
      layer.weight('moving_mean'),
      layer.weight('moving_variance'),
    ];
    const epsilon = { float: layer.number('epsilon', 1e-3) };
    return layer.transpose(layer.map('BatchNormalization', first, weights, { epsilon }), [
      ...rest.map((axis) => axis + 1),
      0,
    ]);
  },
};

export const layerNormalization: LayerKind = {
  weights: (layer) => scaleAndOffset(layer),
  emit: (layer, [x]) => {
    const rank = x.shape.length + 1;
    const axes = layer.list('axis', -1).map((axis) => (axis < 0 ? axis + rank : axis));
    const start = rank - axes.length;
    if (start < 1 || axes.some((axis, at) => axis !== start + at)) layer.refuse('its axes are not the last ones');
    const shape = x.shape.slice(start - 1);
    return layer.map('LayerNormalization', x, [scale(layer, shape), offset(layer, shape)], {
      axis: { int: start },
      epsilon: { float: layer.number('epsilon', 1e-3) },
    });
  },
};

/** Keras's Normalization. The statistics lie in the config, or are weights. */
export const normalization: LayerKind = {
  weights: (layer) => (layer.value('mean') === undefined ? ['mean', 'variance'] : []),
  emit: (layer, [x]) => {
    const of = (kind: string, change: (value: number) => number): string => {
      const changed = (data: Iterable<number>): Float32Array => Float32Array.from(data, change);
      if (layer.has(kind)) return layer.constant(kind, layer.tensor(kind).shape, (data) => [changed(data)]);
      const values = layer.value(kind);
      const list = Array.isArray(values) ? (values as number[]) : [];
      return layer.graph.weight(`${layer.layer}/${kind}`, [list.length], () => [changed(list)]);
    };
    const mean = of('mean', (value) => value);
    const deviation = of('variance', (value) => Math.max(Math.sqrt(value), leastDeviation));
    if (layer.flag('invert', false)) return layer.map('Add', layer.map('Mul', x, [deviation]), [mean]);
    return layer.map('Div', layer.map('Sub', x, [mean]), [deviation]);
  },
};

export const groupNormalization: LayerKind = {
  weights: (layer) => scaleAndOffset(layer),
  emit: (layer, [x]) => {
    const channels = x.shape.at(-1) ?? 0;
    const given = layer.number('groups', 32);
    const groups = given === -1 ? channels : given;
    const positions = sizeOf(x.shape) / channels;
    const within = channels / groups;
    // An instance of ONNX is one group here: its channels at all positions.
    const split = layer.transpose(layer.reshape(x, [positions, groups, within]), [1, 0, 2]);
    const instances = layer.reshape(split, [groups, positions * within]);
    const plain = [layer.filled('ones', [groups], 1), layer.filled('zeros', [groups], 0)];
    const epsilon = { float: layer.number('epsilon', 1e-3) };
    const normal = layer.reshape(layer.map('InstanceNormalization', instances, plain, { epsilon }), split.shape);
    return weighted(layer, layer.reshape(layer.transpose(normal, [1, 0, 2]), x.shape));
  },
};

export const unitNormalization: LayerKind = {
  emit: (layer, [x]) => {
    const squares = reduced(layer, 'ReduceSum', layer.map('Mul', x, [x]));
    const least = layer.map('Max', squares, [layer.graph.float(leastSquare)]);
    return layer.map('Div', x, [layer.map('Sqrt', least)]);
  },
};

export const rmsNormalization: LayerKind = {
  weights: () => ['scale'],
  emit: (layer, [x]) => {
    const mean = reduced(layer, 'ReduceMean', layer.map('Mul', x, [x]));
    const root = layer.map('Sqrt', layer.map('Add', mean, [layer.graph.float(layer.number('epsilon', 1e-6))]));
    return layer.map('Mul', layer.map('Div', x, [root]), [layer.weight('scale')]);
  },
};

/** Along the last axis, which stays. */
function reduced(layer: ExportedLayer, operator: 'ReduceSum' | 'ReduceMean', x: Value): Value {
  const shape = [...x.shape.slice(0, -1), 1];
  // In opset 17, the axes of a sum are an operand, and those of a mean an attribute.
  if (operator === 'ReduceSum') return layer.op(operator, [x, layer.graph.ints([-1])], shape, { keepdims: { int: 1 } });
  return layer.op(operator, [x], shape, { axes: { ints: [-1] }, keepdims: { int: 1 } });
}

function weighted(layer: ExportedLayer, x: Value): Value {
  const scaled = layer.has('gamma') ? layer.map('Mul', x, [layer.weight('gamma')]) : x;
  return layer.has('beta') ? layer.map('Add', scaled, [layer.weight('beta')]) : scaled;
}

function scaleAndOffset(layer: LayerConfig): readonly string[] {
  return [...(layer.flag('scale', true) ? ['gamma'] : []), ...(layer.flag('center', true) ? ['beta'] : [])];
}

function scale(layer: ExportedLayer, shape: readonly number[]): string {
  return layer.has('gamma') ? layer.weight('gamma') : layer.filled('ones', shape, 1);
}

function offset(layer: ExportedLayer, shape: readonly number[]): string {
  return layer.has('beta') ? layer.weight('beta') : layer.filled('zeros', shape, 0);
}
