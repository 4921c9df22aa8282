/** Normalizations, as they compute after training. */
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

function scaleAndOffset(layer: LayerConfig): readonly string[] {
  return [...(layer.flag('scale', true) ? ['gamma'] : []), ...(layer.flag('center', true) ? ['beta'] : [])];
}

function scale(layer: ExportedLayer, shape: readonly number[]): string {
  return layer.has('gamma') ? layer.weight('gamma') : layer.filled('ones', shape, 1);
}

function offset(layer: ExportedLayer, shape: readonly number[]): string {
  return layer.has('beta') ? layer.weight('beta') : layer.filled('zeros', shape, 0);
}
