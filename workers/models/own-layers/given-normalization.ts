/** Keras's Normalization, by numbers that are given; formula as keras.layers 3.15 has it. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import { type Config, initializerOf } from './library.js';
import { channelsOf, SameShape, type Shapes } from './same-shape.js';

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
export class Normalization extends SameShape {
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
