/** Normalizations of Keras that tfjs lacks; formulas as keras.layers 3.15 has them. Channels are the last axis. */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';

import {
  type Config,
  type Initializer,
  initializerOf,
  refuseExtras,
  refuseFields,
  serialized,
  wholeNumber,
} from './library.js';
import { channelsOf, SameShape, type Shapes } from './same-shape.js';

function numberOf(config: Config, field: string, fallback: number): number {
  const value = config[field] ?? fallback;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new RangeError(`${field} is no number`);
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

export const normalizationClasses = [GroupNormalization, UnitNormalization, RMSNormalization];
