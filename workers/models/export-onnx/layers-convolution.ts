/** Convolutions and pools. ONNX has channels first; layers with channels last are transposed on the way in and out. */
import { activated } from './activations.js';
import type { Value } from './graph.js';
import type { ExportedLayer, LayerConfig, LayerKind } from './layer.js';
import type { Attribute } from './model.js';

/** How a window moves along the axes of space. */
interface Window {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

export function convolution(rank: number): LayerKind {
  return {
    weights: (layer) => ['kernel', ...biasOf(layer)],
    emit: (layer, [x]) => {
      const window = windowOf(layer, rank, 'kernelSize', 1);
      const groups = layer.number('groups', 1);
      // [...space, in, out] → [out, in, ...space]
      const kernel = layer.weight('kernel', [rank + 1, rank, ...axes(rank)]);
      return activated(
        layer,
        channelsFirst(layer, x, (first) =>
          windowed(layer, 'Conv', first, window, {
            operands: [kernel, ...bias(layer)],
            channels: layer.number('filters', 0),
            attributes: groups === 1 ? {} : { group: { int: groups } },
          }),
        ),
      );
    },
  };
}

export const depthwiseConv2D: LayerKind = {
  weights: (layer) => ['depthwise_kernel', ...biasOf(layer)],
  emit: (layer, [x]) => {
    const window = windowOf(layer, 2, 'kernelSize', 1);
    return activated(
      layer,
      channelsFirst(layer, x, (first) => depthwise(layer, first, window, bias(layer))),
    );
  },
};

export const separableConv2D: LayerKind = {
  weights: (layer) => ['depthwise_kernel', 'pointwise_kernel', ...biasOf(layer)],
  emit: (layer, [x]) => {
    // tfjs adds the bias along the wrong axis there.
    if (layer.isChannelsFirst) layer.refuse('SeparableConv2D with channels first is not exported');
    const window = windowOf(layer, 2, 'kernelSize', 1);
    return activated(
      layer,
      channelsFirst(layer, x, (first) => {
        const point = { size: [1, 1], strides: [1, 1], dilations: [1, 1] };
        return windowed(layer, 'Conv', depthwise(layer, first, window, []), point, {
          operands: [layer.weight('pointwise_kernel', [3, 2, 0, 1]), ...bias(layer)],
          channels: layer.number('filters', 0),
          attributes: {},
        });
      }),
    );
  },
};

export const conv2DTranspose: LayerKind = {
  weights: (layer) => ['kernel', ...biasOf(layer)],
  emit: (layer, [x]) => {
    const { size, strides } = windowOf(layer, 2, 'kernelSize', 1);
    const isSame = paddingOf(layer) === 'same';
    // [height, width, out, in] → [in, out, height, width]
    const kernel = layer.weight('kernel', [3, 2, 0, 1]);
    const cut = size.map((kernelSize, axis) => (isSame ? Math.max(0, kernelSize - (strides[axis] ?? 1)) : 0));
    // What a stride beyond the kernel leaves empty at the end.
    const added = size.map((kernelSize, axis) => Math.max(0, (strides[axis] ?? 1) - kernelSize));
    return activated(
      layer,
      channelsFirst(layer, x, (first) => {
        const space = first.shape
          .slice(1)
          .map(
            (length, axis) =>
              (length - 1) * (strides[axis] ?? 1) + (size[axis] ?? 1) + (added[axis] ?? 0) - (cut[axis] ?? 0),
          );
        return layer.op('ConvTranspose', [first, kernel, ...bias(layer)], [layer.number('filters', 0), ...space], {
          kernel_shape: { ints: size },
          strides: { ints: strides },
          pads: { ints: [...cut.map((total) => Math.floor(total / 2)), ...cut.map((total) => Math.ceil(total / 2))] },
          output_padding: { ints: added },
        });
      }),
    );
  },
};

export function pooling(operator: 'MaxPool' | 'AveragePool', rank: number): LayerKind {
  return {
    emit: (layer, [x]) => {
      const size = layer.numbers('poolSize', rank, 2);
      const window = { size, strides: layer.numbers('strides', rank, size), dilations: size.map(() => 1) };
      return channelsFirst(layer, x, (first) =>
        windowed(layer, operator, first, window, {
          operands: [],
          channels: first.shape[0] ?? 0,
          attributes: operator === 'AveragePool' ? { count_include_pad: { int: 0 } } : {},
        }),
      );
    },
  };
}

export function globalPooling(operator: 'ReduceMax' | 'ReduceMean', rank: number): LayerKind {
  return {
    emit: (layer, [x]) => {
      const first = layer.isChannelsFirst ? 1 : 0;
      const reduced = axes(rank).map((axis) => axis + first + 1);
      const channels = x.shape[layer.isChannelsFirst ? 0 : rank] ?? 0;
      return layer.op(operator, [x], [channels], { axes: { ints: reduced }, keepdims: { int: 0 } });
    },
  };
}

function depthwise(layer: ExportedLayer, first: Value, window: Window, more: readonly string[]): Value {
  const [channels = 0] = first.shape;
  // [height, width, in, multiplier] → [in · multiplier, 1, height, width]. A SeparableConv2D of tfjs leaves the multiplier
  // out of its config.
  const multiplier = layer.tensor('depthwise_kernel').shape[3] ?? 1;
  const kernel = layer.weight('depthwise_kernel', [2, 3, 0, 1], [channels * multiplier, 1, ...window.size]);
  return windowed(layer, 'Conv', first, window, {
    operands: [kernel, ...more],
    channels: channels * multiplier,
    attributes: { group: { int: channels } },
  });
}

/** A node that slides a window over [channels, ...space]. */
function windowed(
  layer: ExportedLayer,
  operator: string,
  first: Value,
  { size, strides, dilations }: Window,
  node: {
    readonly operands: readonly string[];
    readonly channels: number;
    readonly attributes: Readonly<Record<string, Attribute>>;
  },
): Value {
  const padding = paddingOf(layer);
  const [before, after, space]: [number[], number[], number[]] = [[], [], []];
  first.shape.slice(1).forEach((length, axis) => {
    const stride = strides[axis] ?? 1;
    const reach = ((size[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const count = padding === 'valid' ? Math.floor((length - reach) / stride) + 1 : Math.ceil(length / stride);
    const total = padding === 'same' ? Math.max(0, (count - 1) * stride + reach - length) : 0;
    before.push(padding === 'causal' ? reach - 1 : Math.floor(total / 2));
    after.push(padding === 'causal' ? 0 : Math.ceil(total / 2));
    space.push(count);
  });
  return layer.op(operator, [first, ...node.operands], [node.channels, ...space], {
    kernel_shape: { ints: size },
    strides: { ints: strides },
    pads: { ints: [...before, ...after] },
    ...(dilations.some((dilation) => dilation !== 1) ? { dilations: { ints: dilations } } : {}),
    ...node.attributes,
  });
}

function windowOf(layer: LayerConfig, rank: number, sizeKey: string, stride: number): Window {
  return {
    size: layer.numbers(sizeKey, rank, 0),
    strides: layer.numbers('strides', rank, stride),
    dilations: layer.numbers('dilationRate', rank, 1),
  };
}

function paddingOf(layer: LayerConfig): 'same' | 'valid' | 'causal' {
  const padding = layer.text('padding', 'valid');
  if (padding === 'same' || padding === 'valid' || padding === 'causal') return padding;
  return layer.refuse(`its padding "${padding}" is not exported`);
}

function biasOf(layer: LayerConfig): readonly string[] {
  return layer.flag('useBias', true) ? ['bias'] : [];
}

function bias(layer: ExportedLayer): readonly string[] {
  return layer.has('bias') ? [layer.weight('bias')] : [];
}

/** Runs `compute` on channels first. @returns its value in the layer's own order */
export function channelsFirst(layer: ExportedLayer, x: Value, compute: (first: Value) => Value): Value {
  if (layer.isChannelsFirst) return compute(x);
  const rank = x.shape.length - 1;
  const result = compute(layer.transpose(x, [rank, ...axes(rank)]));
  return layer.transpose(result, [...axes(rank).map((axis) => axis + 1), 0]);
}

function axes(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => axis);
}
