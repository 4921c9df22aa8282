/**
 * Convolutions as Keras has them, under the names of tfjs's: with groups of channels, with gradients where they are dilated,
 * and with causal padding. tfjs ignores `groups`, ignores the dilation of a DepthwiseConv2D, has no gradient of a dilated
 * kernel, and fails at causal padding.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import {
  classOf,
  type Config,
  type Convolution,
  type Initializer,
  onlyShape,
  onlyTensor,
  refuseFields,
  serialized,
  wholeNumber,
} from './library.js';

type Shapes = tfl.Shape | tfl.Shape[];
type Window = readonly [number, number];

/**
 * A kernel with zeros between its numbers, which is the same kernel with a dilation.
 * @param kernel [height, width, in, out] @returns [(height − 1) · rate + 1, (width − 1) · rate + 1, in, out]
 */
function spread(kernel: tf.Tensor4D, [down, right]: Window): tf.Tensor4D {
  if (down === 1 && right === 1) return kernel;
  const [height, width, from, to] = kernel.shape;
  const rows = tf.pad(tf.reshape(kernel, [height, 1, width * from * to]), [
    [0, 0],
    [0, down - 1],
    [0, 0],
  ]);
  const columns = tf.pad(tf.reshape(rows, [height * down * width, 1, from * to]), [
    [0, 0],
    [0, right - 1],
    [0, 0],
  ]);
  const whole = tf.reshape<tf.Rank.R4>(columns, [height * down, width * right, from, to]);
  return tf.slice4d(whole, [0, 0, 0, 0], [(height - 1) * down + 1, (width - 1) * right + 1, from, to]);
}

/** A picture's convolution in groups of channels: each group of filters reads its own channels. */
function grouped(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  {
    groups,
    strides,
    padding,
  }: { readonly groups: number; readonly strides: Window; readonly padding: 'same' | 'valid' },
): tf.Tensor4D {
  const window: [number, number] = [...strides];
  const channels = x.shape[3];
  if (groups === 1) return tf.conv2d(x, kernel, window, padding);
  if (groups === channels && strides[0] === strides[1]) {
    const [height, width, , filters] = kernel.shape;
    return tf.depthwiseConv2d<tf.Tensor4D>(
      x,
      tf.reshape(kernel, [height, width, channels, filters / channels]),
      window,
      padding,
    );
  }
  const filters = tf.split<tf.Tensor4D>(kernel, groups, 3);
  const parts = tf.split<tf.Tensor4D>(x, groups, 3).map((part, at) => {
    const own = filters[at];
    if (own === undefined) throw new Error('a group without filters');
    return tf.conv2d(part, own, window, padding);
  });
  return tf.concat(parts, 3);
}

function both(values: number | readonly number[]): Window {
  if (typeof values === 'number') return [values, values];
  const [first = 1, second = first] = values;
  return [first, second];
}

function isDilated(rates: Window): boolean {
  return rates.some((rate) => rate !== 1);
}

/** @throws RangeError: groups and gradients are those of channels last */
function requireChannelsLast({ dataFormat }: Convolution, what: string): void {
  if (dataFormat === 'channelsFirst') throw new RangeError(`${what} with channels first`);
}

function convolutionClass(className: 'Conv1D' | 'Conv2D'): ReturnType<typeof classOf> {
  const rank = className === 'Conv1D' ? 1 : 2;
  class GroupedConvolution extends classOf(className) {
    static readonly className = className;
    readonly #groups: number;

    constructor(config: Config) {
      super(config);
      this.#groups = wholeNumber(config, 'groups', 1, 1);
      const { filters, padding } = this.#fields;
      if (rank === 2 && padding === 'causal') throw new RangeError('the padding causal, which sequences alone have');
      if (this.#groups === 1) return;
      requireChannelsLast(this.#fields, 'groups');
      if (filters % this.#groups !== 0) {
        throw new RangeError(`${String(filters)} filters, which ${String(this.#groups)} groups do not divide`);
      }
    }

    get #fields(): Convolution {
      return this as unknown as Convolution;
    }

    override build(shapes: Shapes): void {
      if (this.#groups === 1) {
        super.build(shapes);
        return;
      }
      const shape = onlyShape(shapes);
      const channels = shape.at(-1);
      if (typeof channels !== 'number' || channels % this.#groups !== 0) {
        throw new RangeError(`${String(channels)} channels, which ${String(this.#groups)} groups do not divide`);
      }
      super.build([...shape.slice(0, -1), channels / this.#groups]);
      this.inputSpec = [new tfl.InputSpec({ ndim: rank + 2, axes: { [rank + 1]: channels } })];
    }

    override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor | tf.Tensor[] {
      const { dilationRate, padding, dataFormat } = this.#fields;
      // tfjs computes a dilation and has no gradient of it.
      const needsGradient = kwargs.training === true && isDilated(both(dilationRate)) && dataFormat !== 'channelsFirst';
      if (this.#groups === 1 && !needsGradient && padding !== 'causal') return super.call(inputs, kwargs);
      return tf.tidy(() => this.#convolved(onlyTensor(inputs)));
    }

    #convolved(given: tf.Tensor): tf.Tensor {
      const { kernel, bias, strides, padding, dilationRate, activation } = this.#fields;
      if (kernel === null) throw new Error('a convolution without kernel');
      const filters = rank === 1 ? tf.expandDims(kernel.read(), 0) : kernel.read();
      const rates = both(dilationRate);
      const wide = spread(filters as tf.Tensor4D, rank === 1 ? [1, rates[0]] : rates);
      const before = wide.shape[1] - 1;
      const past =
        padding === 'causal'
          ? tf.pad(given, [
              [0, 0],
              [before, 0],
              [0, 0],
            ])
          : given;
      const x = rank === 1 ? tf.expandDims(past, 1) : past;
      const moves = both(strides);
      const result = grouped(x as tf.Tensor4D, wide, {
        groups: this.#groups,
        strides: rank === 1 ? [moves[0], moves[0]] : moves,
        padding: padding === 'same' ? 'same' : 'valid',
      });
      const shaped: tf.Tensor = rank === 1 ? tf.squeeze(result, [1]) : result;
      return activation.apply(bias === null ? shaped : tf.add(shaped, bias.read()));
    }

    override computeOutputShape(shapes: Shapes): Shapes {
      const [batch = null, length, ...more] = onlyShape(shapes);
      const { padding, strides, filters } = this.#fields;
      if (padding !== 'causal' || typeof length !== 'number' || more.length !== 1)
        return super.computeOutputShape(shapes);
      return [batch, Math.ceil(length / (strides[0] ?? 1)), filters];
    }

    override getConfig(): tf.serialization.ConfigDict {
      return { ...super.getConfig(), ...(this.#groups === 1 ? {} : { groups: this.#groups }) };
    }
  }
  return GroupedConvolution;
}

/** @throws RangeError for groups, which tfjs would ignore */
class UngroupedConv3D extends classOf('Conv3D') {
  static readonly className = 'Conv3D';

  constructor(config: Config) {
    super(config);
    refuseFields(config, { groups: [1, null] });
  }
}

class DilatedDepthwiseConv2D extends classOf('DepthwiseConv2D') {
  static readonly className = 'DepthwiseConv2D';

  constructor(config: Config) {
    super(config);
    if (isDilated(this.#rates)) requireChannelsLast(this.#fields, 'a dilation');
  }

  get #fields(): Convolution {
    return this as unknown as Convolution;
  }

  get #rates(): Window {
    return both(this.#fields.dilationRate);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor | tf.Tensor[] {
    if (!isDilated(this.#rates)) return super.call(inputs, kwargs);
    const { depthwiseKernel: kernel, bias, strides, padding, activation } = this.#fields;
    if (kernel === null) throw new Error('a convolution without kernel');
    return tf.tidy(() => {
      const wide = spread(kernel.read() as tf.Tensor4D, this.#rates);
      const x = onlyTensor(inputs) as tf.Tensor4D;
      const result = tf.depthwiseConv2d(x, wide, [...both(strides)], padding === 'same' ? 'same' : 'valid');
      return activation.apply(bias === null ? result : tf.add(result, bias.read()));
    });
  }

  override computeOutputShape(shapes: Shapes): Shapes {
    const [batch = null, ...axes] = onlyShape(super.computeOutputShape(shapes));
    const { kernelSize, strides, padding } = this.#fields;
    if (padding === 'same' || !isDilated(this.#rates)) return [batch, ...axes];
    const given = onlyShape(shapes).slice(1);
    return [
      batch,
      ...axes.map((size, at) => {
        const [from, kernel, rate] = [given[at], kernelSize[at], this.#rates[at]];
        if (typeof from !== 'number' || kernel === undefined || rate === undefined) return size;
        return Math.floor((from - (kernel - 1) * rate - 1) / (strides[at] ?? 1)) + 1;
      }),
    ];
  }

  override getConfig(): tf.serialization.ConfigDict {
    // tfjs writes the regularizer there, too.
    const { depthwiseConstraint: own } = this as unknown as { readonly depthwiseConstraint?: Initializer | null };
    const constraint = own === null || own === undefined ? null : serialized(own);
    return { ...super.getConfig(), depthwiseConstraint: constraint };
  }
}

export const convolutionClasses = [
  convolutionClass('Conv1D'),
  convolutionClass('Conv2D'),
  UngroupedConv3D,
  DilatedDepthwiseConv2D,
];
