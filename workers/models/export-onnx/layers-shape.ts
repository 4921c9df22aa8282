/** Layers that move numbers and compute nothing. */
import { sizeOf } from '../../samples/index.js';
import { channelsFirst } from './layers-convolution.js';
import type { LayerConfig, LayerKind } from './layer.js';

export const flatten: LayerKind = {
  emit: (layer, [x]) => {
    const order = x.shape.map((_size, axis) => axis);
    const ordered = layer.isChannelsFirst ? layer.transpose(x, [...order.slice(1), 0]) : x;
    return layer.reshape(ordered, [sizeOf(x.shape)]);
  },
};

export const reshape: LayerKind = {
  emit: (layer, [x]) => {
    const target = layer.value('targetShape');
    if (!Array.isArray(target)) return layer.refuse('its targetShape is no list');
    const sizes = target.map((size: unknown) => (typeof size === 'number' && size >= 0 ? size : null));
    const known = sizes.reduce<number>((product, size) => product * (size ?? 1), 1);
    return layer.reshape(
      x,
      sizes.map((size) => size ?? sizeOf(x.shape) / known),
    );
  },
};

export const permute: LayerKind = {
  emit: (layer, [x]) =>
    layer.transpose(
      x,
      layer.numbers('dims', x.shape.length, 0).map((axis) => axis - 1),
    ),
};

export const repeatVector: LayerKind = {
  emit: (layer, [x]) => {
    const count = layer.number('n', 1);
    const one = layer.reshape(x, [1, ...x.shape]);
    return layer.op('Tile', [one, layer.graph.ints([1, count, ...x.shape.map(() => 1)])], [count, ...x.shape]);
  },
};

export const zeroPadding1D: LayerKind = {
  emit: (layer, [x]) => {
    const [before, after] = layer.numbers('padding', 2, 1);
    const [steps = 0, features = 0] = x.shape;
    const margins = layer.graph.ints([0, before ?? 0, 0, 0, after ?? 0, 0]);
    return layer.op('Pad', [x, margins], [steps + (before ?? 0) + (after ?? 0), features]);
  },
};

export const cropping1D: LayerKind = {
  emit: (layer, [x]) => {
    const [before = 0, after = 0] = layer.numbers('cropping', 2, 1);
    const [steps = 0, features = 0] = x.shape;
    const bounds = [[before], [steps - after], [1]].map((bound) => layer.graph.ints(bound));
    return layer.op('Slice', [x, ...bounds], [steps - before - after, features]);
  },
};

export const upSampling1D: LayerKind = {
  emit: (layer, [x]) => {
    const size = layer.number('size', 2);
    const [steps = 0, features = 0] = x.shape;
    const copies = layer.op(
      'Tile',
      [layer.reshape(x, [steps, 1, features]), layer.graph.ints([1, 1, size, 1])],
      [steps, size, features],
    );
    return layer.reshape(copies, [steps * size, features]);
  },
};

export const zeroPadding2D: LayerKind = {
  emit: (layer, [x]) => {
    const [top, bottom, left, right] = margins(layer, 'padding', 1);
    const first = layer.isChannelsFirst ? 1 : 0;
    const [before, after] = [x.shape.map(() => 0), x.shape.map(() => 0)];
    [before[first], before[first + 1], after[first], after[first + 1]] = [top, left, bottom, right];
    const shape = x.shape.map((size, axis) => size + (before[axis] ?? 0) + (after[axis] ?? 0));
    return layer.op('Pad', [x, layer.graph.ints([0, ...before, 0, ...after])], shape);
  },
};

export const cropping2D: LayerKind = {
  emit: (layer, [x]) => {
    const [top, bottom, left, right] = margins(layer, 'cropping', 0);
    const first = layer.isChannelsFirst ? 1 : 0;
    const shape = [...x.shape];
    const [height, width] = [(x.shape[first] ?? 0) - bottom, (x.shape[first + 1] ?? 0) - right];
    [shape[first], shape[first + 1]] = [height - top, width - left];
    const { graph } = layer;
    const bounds = [graph.ints([top, left]), graph.ints([height, width]), graph.ints([first + 1, first + 2])];
    return layer.op('Slice', [x, ...bounds], shape);
  },
};

export const upSampling2D: LayerKind = {
  emit: (layer, [x]) => {
    const size = layer.numbers('size', 2, 2);
    const interpolation = layer.text('interpolation', 'nearest');
    const [rows = 1, columns = 1] = size;
    return channelsFirst(layer, x, (first) => {
      const [channels = 0, height = 0, width = 0] = first.shape;
      return layer.op(
        'Resize',
        [first, '', layer.graph.float(1, 1, rows, columns)],
        [channels, height * rows, width * columns],
        {
          mode: { text: interpolation === 'bilinear' ? 'linear' : 'nearest' },
          coordinate_transformation_mode: { text: 'asymmetric' },
          nearest_mode: { text: 'floor' },
        },
      );
    });
  },
};

/** Top, bottom, left and right of a config's number, pair of numbers, or pair of pairs. */
function margins(layer: LayerConfig, key: string, fallback: number): readonly [number, number, number, number] {
  const value = layer.value(key) ?? fallback;
  const sides: unknown[] = Array.isArray(value) ? (value as unknown[]) : [value, value];
  const [top, bottom, left, right] = sides.flatMap((side): unknown[] => (Array.isArray(side) ? side : [side, side]));
  const all = [top, bottom, left, right];
  const isWhole = (each: unknown): each is number => typeof each === 'number' && Number.isSafeInteger(each);
  if (!all.every(isWhole)) return layer.refuse(`its ${key} is no list of numbers`);
  return all as [number, number, number, number];
}
