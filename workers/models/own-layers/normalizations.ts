/** Normalizations of Keras that tfjs lacks; formulas as keras.layers 3.15 has them. Channels are the last axis. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import {
  type Config,
  type Initializer,
  initializerOf,
  onlyShape,
  onlyTensor,
  refuseExtras,
  refuseFields,
  serialized,
  wholeNumber,
} from './library.js';

type Shapes = tfl.Shape | tfl.Shape[];

/** A layer that leaves the shape of its input as it is. */
abstract class SameShape extends tfl.layers.Layer {
  protected abstract normalized(given: tf.Tensor): tf.Tensor;

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => this.normalized(onlyTensor(inputs)));
  }

  override computeOutputShape(shapes: Shapes): Shapes {
    return onlyShape(shapes);
  }
}

function numberOf(config: Config, field: string, fallback: number): number {
  const value = config[field] ?? fallback;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new RangeError(`${field} is no number`);
}

function channelsOf(shapes: Shapes): number {
  const channels = onlyShape(shapes).at(-1);
  if (typeof channels !== 'number') throw new RangeError('a number of channels that is not known');
  return channels;
}

/** Numbers of a config, nested as arrays print them; null = there are none. */
function statistics(value: unknown, field: string): readonly number[] | null {
  if (value === undefined || value === null) return null;
  const list: unknown[] = Array.isArray(value) ? (value.flat(8) as unknown[]) : [value];
  if (list.every((each) => typeof each === 'number' && Number.isFinite(each))) return list as number[];
  throw new RangeError(`${field} holds what is no number`);
}

/** Below it, a deviation counts as this: Keras's epsilon. */
export const leastDeviation = 1e-7;

/**
 * Keras's Normalization: less the mean, by the deviation, for each channel. Both are in the config, or weights that `adapt`
 * has found; they are never trained.
 */
class Normalization extends SameShape {
  static readonly className = 'Normalization';
  readonly #axis: -1 | null;
  readonly #invert: boolean;
  readonly #mean: readonly number[] | null;
  readonly #variance: readonly number[] | null;
  #weights: readonly [tfl.LayerVariable, tfl.LayerVariable] | null = null;

  constructor(config: Config) {
    super(config);
    const { axis = -1 } = config;
    const [only = null, ...more] = Array.isArray(axis) ? (axis as unknown[]) : [axis];
    if (more.length > 0 || (only !== null && typeof only !== 'number'))
      throw new RangeError('an axis other than the last');
    this.#axis = only === null ? null : -1;
    this.inputSpec = only === null || only === -1 ? [] : [new tfl.InputSpec({ ndim: only + 1 })];
    this.#invert = config.invert === true;
    this.#mean = statistics(config.mean, 'mean');
    this.#variance = statistics(config.variance, 'variance');
    if ((this.#mean === null) !== (this.#variance === null))
      throw new RangeError('mean without variance, or variance without mean');
  }

  override build(shapes: Shapes): void {
    if (this.#mean === null) {
      const shape = this.#axis === null ? [] : [channelsOf(shapes)];
      const weight = (name: string, initial: string): tfl.LayerVariable =>
        this.addWeight(name, shape, 'float32', initializerOf(initial, initial), undefined, false);
      this.#weights = [weight('mean', 'zeros'), weight('variance', 'ones')];
    } else {
      const wanted = this.#axis === null ? 1 : channelsOf(shapes);
      for (const list of [this.#mean, this.#variance ?? []]) {
        if (list.length !== 1 && list.length !== wanted)
          throw new RangeError(`${String(list.length)} means or variances`);
      }
    }
    super.build(shapes);
  }

  protected override normalized(given: tf.Tensor): tf.Tensor {
    const [mean, variance] = this.#weights?.map((weight) => weight.read()) ?? [
      tf.tensor1d([...(this.#mean ?? [])]),
      tf.tensor1d([...(this.#variance ?? [])]),
    ];
    if (mean === undefined || variance === undefined) throw new Error('a Normalization without statistics');
    const deviation = tf.maximum(tf.sqrt(variance), leastDeviation);
    return this.#invert ? tf.add(tf.mul(given, deviation), mean) : tf.div(tf.sub(given, mean), deviation);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { axis } = { axis: this.#axis };
    const lists =
      this.#mean === null
        ? { mean: null, variance: null }
        : { mean: [...this.#mean], variance: [...(this.#variance ?? [])] };
    return { ...super.getConfig(), axis, invert: this.#invert, ...lists };
  }
}

/** Layers with a scale and an offset for each channel. */
abstract class Scaled extends SameShape {
  protected readonly isCentered: boolean;
  protected readonly isScaled: boolean;
  protected readonly epsilon: number;
  readonly #beta: Initializer;
  readonly #gamma: Initializer;
  #weights: { readonly gamma: tfl.LayerVariable | null; readonly beta: tfl.LayerVariable | null } | null = null;

  constructor(config: Config) {
    super(config);
    refuseExtras(config);
    this.isCentered = config.center !== false;
    this.isScaled = config.scale !== false;
    this.epsilon = numberOf(config, 'epsilon', 1e-3);
    this.#beta = initializerOf(config.betaInitializer, 'zeros');
    this.#gamma = initializerOf(config.gammaInitializer, 'ones');
  }

  override build(shapes: Shapes): void {
    const channels = [channelsOf(shapes)];
    const gamma = this.isScaled ? this.addWeight('gamma', channels, 'float32', this.#gamma) : null;
    const beta = this.isCentered ? this.addWeight('beta', channels, 'float32', this.#beta) : null;
    this.#weights = { gamma, beta };
    super.build(shapes);
  }

  protected scaled(given: tf.Tensor): tf.Tensor {
    const { gamma, beta } = this.#weights ?? { gamma: null, beta: null };
    const scaled = gamma === null ? given : tf.mul(given, gamma.read());
    return beta === null ? scaled : tf.add(scaled, beta.read());
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      center: this.isCentered,
      scale: this.isScaled,
      epsilon: this.epsilon,
      betaInitializer: serialized(this.#beta),
      gammaInitializer: serialized(this.#gamma),
    };
  }
}

/** Keras's GroupNormalization: over all positions and the channels of a group, sample by sample. */
class GroupNormalization extends Scaled {
  static readonly className = 'GroupNormalization';
  readonly #groups: number;

  constructor(config: Config) {
    super(config);
    refuseFields(config, { axis: [-1, [-1]] });
    this.#groups = wholeNumber(config, 'groups', -1, 32);
  }

  override build(shapes: Shapes): void {
    const channels = channelsOf(shapes);
    if (this.#groups === 0 || channels % this.#groups !== 0) {
      throw new RangeError(`${String(channels)} channels, which ${String(this.#groups)} groups do not divide`);
    }
    super.build(shapes);
  }

  protected override normalized(given: tf.Tensor): tf.Tensor {
    const [samples = 0, ...axes] = given.shape;
    const channels = axes.at(-1) ?? 0;
    const groups = this.#groups === -1 ? channels : this.#groups;
    const split = tf.reshape(given, [samples, -1, groups, channels / groups]);
    const centered = tf.sub(split, tf.mean(split, [1, 3], true));
    const variance = tf.mean(tf.square(centered), [1, 3], true);
    const normal = tf.mul(centered, tf.rsqrt(tf.add(variance, this.epsilon)));
    return this.scaled(tf.reshape(normal, given.shape));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), groups: this.#groups, axis: -1 };
  }
}

/** Keras's UnitNormalization: rows along the last axis, of length 1. */
class UnitNormalization extends SameShape {
  static readonly className = 'UnitNormalization';

  constructor(config: Config) {
    super(config);
    refuseFields(config, { axis: [-1, [-1]] });
  }

  protected override normalized(given: tf.Tensor): tf.Tensor {
    const squares = tf.sum(tf.square(given), -1, true);
    return tf.mul(given, tf.rsqrt(tf.maximum(squares, leastSquare)));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), axis: -1 };
  }
}

/** Least sum of squares of a row, for a length that it is divided by. */
export const leastSquare = 1e-24;

/** Keras's RMSNormalization: by the root of the mean of the squares along the last axis. */
class RMSNormalization extends SameShape {
  static readonly className = 'RMSNormalization';
  readonly #epsilon: number;
  #scale: tfl.LayerVariable | null = null;

  constructor(config: Config) {
    super(config);
    refuseFields(config, { axis: [-1, [-1]] });
    this.#epsilon = numberOf(config, 'epsilon', 1e-6);
  }

  override build(shapes: Shapes): void {
    this.#scale = this.addWeight('scale', [channelsOf(shapes)], 'float32', initializerOf('ones', 'ones'));
    super.build(shapes);
  }

  protected override normalized(given: tf.Tensor): tf.Tensor {
    if (this.#scale === null) throw new Error('a layer that is not built');
    const mean = tf.mean(tf.square(given), -1, true);
    return tf.mul(tf.mul(given, tf.rsqrt(tf.add(mean, this.#epsilon))), this.#scale.read());
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), axis: -1, epsilon: this.#epsilon };
  }
}

export const normalizationClasses = [Normalization, GroupNormalization, UnitNormalization, RMSNormalization];
