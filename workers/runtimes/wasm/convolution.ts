/**
 * Gradients of the convolution, as convolutions: XNNPACK's forward kernel runs at about 30 GFLOP/s on one core, the
 * scalar loops that tfjs-wasm has (input gradient) or lacks (filter gradient) at about 2.
 *
 * NHWC throughout. With p = padding before, s = stride:
 *   forward          y[o] = Σ_k x[o·s + k − p] · w[k]
 *   filter gradient  dw[k] = Σ_o x[o·s + k − p] · dy[o]: a convolution of x with the filter dy, dilated by s
 *   input gradient   dx[i] = Σ_{o·s + k − p = i} dy[o] · w[k]: for each residue of i + p modulo s a convolution of dy
 *                    with every s-th tap of w, reversed; all residues at once as output channels, then interleaved.
 * tfjs itself refuses gradients of dilated convolutions, so dilation is always 1 here.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Composition, Workbench } from './compose.js';

export type Shape4 = [number, number, number, number];

/** The attributes that tfjs passes to both gradients; they come through an untyped map. */
export interface ConvolutionAttributes {
  readonly strides: number | [number, number];
  readonly pad: Parameters<typeof tf.backend_util.computeConv2DInfo>[4];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly dilations?: number | [number, number];
  readonly filterShape?: Shape4;
  readonly inputShape?: Shape4;
}

/** One spatial axis of a convolution. */
interface Axis {
  readonly input: number;
  readonly output: number;
  readonly taps: number;
  /** Inputs from the first tap to the last. */
  readonly span: number;
  readonly stride: number;
  readonly before: number;
}

export function convolutionInfo(
  input: readonly number[],
  filter: readonly number[],
  attributes: ConvolutionAttributes,
  depthwise: boolean,
): tf.backend_util.Conv2DInfo {
  const { strides, pad, dimRoundingMode, dilations } = attributes;
  return tf.backend_util.computeConv2DInfo(
    input as Shape4,
    filter as Shape4,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
}

export function axes(info: tf.backend_util.Conv2DInfo): { rows: Axis; columns: Axis } {
  return {
    rows: {
      input: info.inHeight,
      output: info.outHeight,
      taps: info.filterHeight,
      span: info.effectiveFilterHeight,
      stride: info.strideHeight,
      before: info.padInfo.top,
    },
    columns: {
      input: info.inWidth,
      output: info.outWidth,
      taps: info.filterWidth,
      span: info.effectiveFilterWidth,
      stride: info.strideWidth,
      before: info.padInfo.left,
    },
  };
}

/** x[o·s + k − p] with o < output, k < span reaches this far; what lies beyond never meets a filter tap. */
export function reach({ output, stride, span, before }: Axis): number {
  return (output - 1) * stride + span - before;
}

/** Conv2DBackpropFilter. */
export const filterGradient: Composition = (bench, inputs, attributes) => {
  const x = inputs('x');
  const dy = inputs('dy');
  const given = attributes as unknown as ConvolutionAttributes;
  const info = convolutionInfo(x.shape, given.filterShape ?? [], given, false);
  const { rows, columns } = axes(info);
  const { inChannels, outChannels, batchSize } = info;
  if (isPointwise(rows) && isPointwise(columns)) {
    const samples = batchSize * rows.output * columns.output;
    const product = bench.run(
      'BatchMatMul',
      { a: bench.reshape(x, [1, samples, inChannels]), b: bench.reshape(dy, [1, samples, outChannels]) },
      { transposeA: true, transposeB: false },
    );
    return bench.reshape(product, [1, 1, inChannels, outChannels]);
  }
  const [bottom, right] = [reach(rows) - rows.input, reach(columns) - columns.input];
  const swapped = bench.transpose(x, [3, 1, 2, 0]);
  const cropped =
    bottom >= 0 && right >= 0
      ? swapped
      : bench.run(
          'Slice',
          { x: swapped },
          {
            begin: [0, 0, 0, 0],
            size: [inChannels, rows.input + Math.min(0, bottom), columns.input + Math.min(0, right), batchSize],
          },
        );
  const gradient = convolve(bench, cropped, bench.transpose(dy, [1, 2, 0, 3]), {
    rows: [rows.before, Math.max(0, bottom)],
    columns: [columns.before, Math.max(0, right)],
    dilations: [rows.stride, columns.stride],
  });
  return bench.transpose(gradient, [1, 2, 0, 3]);
};

/**
 * Conv2DBackpropInput, which is also the forward pass of a transposed convolution. Paddings that no convolution of this
 * kind can express are left to the backend's own kernel.
 */
export const inputGradient: Composition = (bench, inputs, attributes) => {
  const dy = inputs('dy');
  const filter = inputs('filter');
  const given = attributes as unknown as ConvolutionAttributes;
  const info = convolutionInfo(given.inputShape ?? [], filter.shape, given, false);
  const { rows, columns } = axes(info);
  const [down, across] = [interleaving(rows), interleaving(columns)];
  if (down === undefined || across === undefined) return bench.original();
  const phases = convolve(bench, dy, phaseFilters(bench, filter, rows, columns), {
    rows: down.padding,
    columns: across.padding,
    dilations: [1, 1],
  });
  const { inChannels, batchSize } = info;
  const [sh, sw] = [rows.stride, columns.stride];
  // [n, j, i, (rowPhase, columnPhase, c)] → [n, j, rowPhase, i, columnPhase, c], in four axes for the fast transpose.
  const interleaved =
    sh === 1
      ? phases
      : bench.transpose(
          bench.reshape(phases, [batchSize * down.count, across.count, sh, sw * inChannels]),
          [0, 2, 1, 3],
        );
  const whole = bench.reshape(interleaved, [batchSize, down.count * sh, across.count * sw, inChannels]);
  if (down.count * sh === rows.input && across.count * sw === columns.input) return whole;
  return bench.run(
    'Slice',
    { x: whole },
    { begin: [0, down.skip, across.skip, 0], size: [batchSize, rows.input, columns.input, inChannels] },
  );
};

/** Where the residues of one axis start and end: `count` blocks of `stride` inputs, of which the first `skip` are cut. */
function interleaving(axis: Axis): { count: number; skip: number; padding: [number, number] } | undefined {
  const { input, output, taps, stride, before } = axis;
  const taken = Math.ceil(taps / stride);
  const first = Math.floor(before / stride);
  const last = Math.ceil((before + input) / stride);
  if (taken - 1 - first < 0 || last < output) return undefined;
  return { count: last - first, skip: before - first * stride, padding: [taken - 1 - first, last - output] };
}

/** [kh, kw, in, out] → [⌈kh/s⌉, ⌈kw/s⌉, out, (rowPhase, columnPhase, in)], taps reversed, missing taps 0. */
function phaseFilters(bench: Workbench, filter: TensorInfo, rows: Axis, columns: Axis): TensorInfo {
  const [, , inChannels = 0, outChannels = 0] = filter.shape;
  const [down, across] = [Math.ceil(rows.taps / rows.stride), Math.ceil(columns.taps / columns.stride)];
  const channels = rows.stride * columns.stride * inChannels;
  const phased = bench.make([down, across, outChannels, channels]);
  const target = bench.floats(phased).fill(0);
  const source = bench.floats(filter);
  for (let kh = 0; kh < rows.taps; kh++) {
    for (let kw = 0; kw < columns.taps; kw++) {
      const u = down - 1 - Math.floor(kh / rows.stride);
      const v = across - 1 - Math.floor(kw / columns.stride);
      const phase = ((kh % rows.stride) * columns.stride + (kw % columns.stride)) * inChannels;
      const to = (u * across + v) * outChannels * channels + phase;
      const from = (kh * columns.taps + kw) * inChannels * outChannels;
      for (let ci = 0; ci < inChannels; ci++) {
        for (let co = 0; co < outChannels; co++) {
          target[to + co * channels + ci] = source[from + ci * outChannels + co] ?? 0;
        }
      }
    }
  }
  return phased;
}

interface Geometry {
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
  readonly dilations: readonly [number, number];
}

function convolve(bench: Workbench, x: TensorInfo, filter: TensorInfo, geometry: Geometry): TensorInfo {
  return bench.run(
    'Conv2D',
    { x, filter },
    {
      strides: [1, 1],
      pad: [[0, 0], geometry.rows, geometry.columns, [0, 0]],
      dataFormat: 'NHWC',
      dilations: geometry.dilations,
    },
  );
}

function isPointwise(axis: Axis): boolean {
  return axis.taps === 1 && axis.stride === 1 && axis.before === 0 && axis.output === axis.input;
}
