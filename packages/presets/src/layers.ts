/** The layers that presets are made of: what each one's config says, the shape that it gives, the weights that it has. */
import type { Graph, Tensor } from './graph.js';

/** Values of one sample. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}

interface Dense {
  readonly activation?: 'relu' | 'linear';
  readonly bias?: boolean;
}

/** Dense along the last axis. */
export function dense(
  graph: Graph,
  from: Tensor,
  name: string,
  units: number,
  { activation: kind = 'linear', bias = true }: Dense = {},
): Tensor {
  const inputs = from.shape.at(-1) ?? 1;
  return graph.add({
    className: 'Dense',
    name,
    config: { units, activation: kind, use_bias: bias },
    from: [from],
    shape: [...from.shape.slice(0, -1), units],
    parameters: (inputs + (bias ? 1 : 0)) * units,
  });
}

/** @returns `from` itself when nothing is dropped */
export function dropout(graph: Graph, from: Tensor, name: string, rate: number): Tensor {
  if (rate === 0) return from;
  return graph.add({ className: 'Dropout', name, config: { rate }, from: [from], shape: from.shape });
}

/** @returns `from` itself when it is flat */
export function flatten(graph: Graph, from: Tensor, name: string): Tensor {
  if (from.shape.length === 1) return from;
  return graph.add({ className: 'Flatten', name, from: [from], shape: [sizeOf(from.shape)] });
}

/** Along the last axis. @returns the only one itself */
export function concatenate(graph: Graph, from: readonly [Tensor, ...Tensor[]], name: string): Tensor {
  const [first, ...others] = from;
  if (others.length === 0) return first;
  const width = from.reduce((sum, { shape }) => sum + (shape.at(-1) ?? 0), 0);
  const shape = [...first.shape.slice(0, -1), width];
  return graph.add({ className: 'Concatenate', name, config: { axis: -1 }, from, shape });
}

export function add(graph: Graph, left: Tensor, right: Tensor, name: string): Tensor {
  return graph.add({ className: 'Add', name, from: [left, right], shape: left.shape });
}

export function activation(graph: Graph, from: Tensor, name: string, kind: 'relu' | 'softmax'): Tensor {
  return graph.add({ className: 'Activation', name, config: { activation: kind }, from: [from], shape: from.shape });
}

interface Convolution {
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: 'same' | 'valid';
  readonly activation?: 'relu' | 'linear';
  readonly bias?: boolean;
}

function outputLength(length: number, { kernel, stride = 1, padding = 'same' }: Convolution): number {
  return padding === 'same' ? Math.ceil(length / stride) : Math.ceil((length - kernel + 1) / stride);
}

function convolutionConfig(rank: 1 | 2, settings: Convolution): Record<string, unknown> {
  const { filters, kernel, stride = 1, padding = 'same', activation: kind = 'linear', bias = true } = settings;
  const each = (value: number): number[] => Array.from({ length: rank }, () => value);
  return { filters, kernel_size: each(kernel), strides: each(stride), padding, activation: kind, use_bias: bias };
}

/** @param from [height, width, channels] */
export function conv2d(graph: Graph, from: Tensor, name: string, settings: Convolution): Tensor {
  const [height = 0, width = 0, channels = 0] = from.shape;
  const { filters, kernel, bias = true } = settings;
  return graph.add({
    className: 'Conv2D',
    name,
    config: convolutionConfig(2, settings),
    from: [from],
    shape: [outputLength(height, settings), outputLength(width, settings), filters],
    parameters: (kernel * kernel * channels + (bias ? 1 : 0)) * filters,
  });
}

/** One filter for each channel, padding `same`, without bias. @param from [height, width, channels] */
export function depthwise(graph: Graph, from: Tensor, name: string, kernel: number, stride: number): Tensor {
  const [height = 0, width = 0, channels = 0] = from.shape;
  return graph.add({
    className: 'DepthwiseConv2D',
    name,
    config: {
      kernel_size: [kernel, kernel],
      strides: [stride, stride],
      padding: 'same',
      depth_multiplier: 1,
      activation: 'linear',
      use_bias: false,
    },
    from: [from],
    shape: [Math.ceil(height / stride), Math.ceil(width / stride), channels],
    parameters: kernel * kernel * channels,
  });
}

/** @param from [length, channels] */
export function conv1d(graph: Graph, from: Tensor, name: string, settings: Convolution): Tensor {
  const [length = 0, channels = 0] = from.shape;
  const { filters, kernel, bias = true } = settings;
  return graph.add({
    className: 'Conv1D',
    name,
    config: convolutionConfig(1, settings),
    from: [from],
    shape: [outputLength(length, settings), filters],
    parameters: (kernel * channels + (bias ? 1 : 0)) * filters,
  });
}

/** Halves height and width, rounded down. */
export function halve(graph: Graph, from: Tensor, name: string): Tensor {
  const [height = 0, width = 0, channels = 0] = from.shape;
  return graph.add({
    className: 'MaxPooling2D',
    name,
    config: { pool_size: [2, 2], strides: [2, 2], padding: 'valid' },
    from: [from],
    shape: [Math.floor(height / 2), Math.floor(width / 2), channels],
  });
}

type Pool = 'GlobalAveragePooling2D' | 'GlobalAveragePooling1D' | 'GlobalMaxPooling1D';

/** Over all positions. */
export function pool(graph: Graph, from: Tensor, name: string, className: Pool): Tensor {
  return graph.add({ className, name, from: [from], shape: from.shape.slice(-1) });
}

/** Of each channel, over the batch. Its averages follow the last tens of steps, since students train for few. */
export function batchNormalization(graph: Graph, from: Tensor, name: string): Tensor {
  return graph.add({
    className: 'BatchNormalization',
    name,
    config: { axis: -1, momentum: 0.9 },
    from: [from],
    shape: from.shape,
    parameters: 4 * (from.shape.at(-1) ?? 0),
  });
}

/** @param axes of one sample, from 1, that are normalized together; each of their elements has a scale and an offset */
export function layerNormalization(graph: Graph, from: Tensor, name: string, axes: readonly number[]): Tensor {
  const elements = sizeOf(axes.map((axis) => from.shape[axis - 1] ?? 0));
  return graph.add({
    className: 'LayerNormalization',
    name,
    config: { axis: axes },
    from: [from],
    shape: from.shape,
    parameters: 2 * elements,
  });
}

/** @param from [length] of int32 below `values` */
export function embedding(graph: Graph, from: Tensor, name: string, values: number, width: number): Tensor {
  return graph.add({
    className: 'Embedding',
    name,
    config: { input_dim: values, output_dim: width },
    from: [from],
    shape: [...from.shape, width],
    parameters: values * width,
  });
}

/** The product of two matrices a sample, summed over one axis (from 1) of each. */
export function dot(graph: Graph, left: Tensor, right: Tensor, name: string, axes: readonly [number, number]): Tensor {
  const [rows = 0] = left.shape;
  const columns = right.shape[axes[1] === 2 ? 0 : 1] ?? 0;
  return graph.add({
    className: 'Dot',
    name,
    config: { axes, normalize: false },
    from: [left, right],
    shape: [rows, columns],
  });
}

export function scale(graph: Graph, from: Tensor, name: string, factor: number): Tensor {
  const config = { scale: factor, offset: 0 };
  return graph.add({ className: 'Rescaling', name, config, from: [from], shape: from.shape });
}
