/**
 * Layers that draw at random while they train. Their draws are a function of the job's seed and the step, as those of a
 * dropout are, so that a resumed run repeats them (I1). tfjs itself seeds only dropout.
 */
import { randomFrom } from '@distillery/base';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import { flipClass } from './layer-forms.js';

/** A layer whose next draws follow from `seed`. */
export interface SeededLayer {
  seed: number;
}

/** The axes that each mode of RandomFlip mirrors; names as tfjs reads them. */
const flips: Readonly<Record<string, readonly number[]>> = {
  horizontal: [2],
  vertical: [1],
  horizontalAndVertical: [1, 2],
};

/** Keras's RandomFlip for pictures [samples, height, width, channels]: each sample and axis with probability one half. */
class RandomFlip extends tfl.layers.Layer implements SeededLayer {
  static readonly className = flipClass;
  seed = 1;
  readonly #mode: string;

  constructor(config: { readonly mode?: string } & ConstructorParameters<typeof tfl.layers.Layer>[0]) {
    super(config);
    this.#mode = config.mode ?? 'horizontalAndVertical';
    if (flips[this.#mode] === undefined) throw new RangeError(`a RandomFlip of the mode ${this.#mode}`);
  }

  override computeOutputShape(shape: tfl.Shape | tfl.Shape[]): tfl.Shape | tfl.Shape[] {
    if (shape.length !== 4) throw new RangeError('a RandomFlip of other than pictures');
    return shape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training }: Record<string, unknown>): tf.Tensor {
    const [pictures] = Array.isArray(inputs) ? inputs : [inputs];
    if (pictures === undefined) throw new RangeError('a RandomFlip without input');
    if (training !== true) return pictures;
    return tf.tidy(() => {
      const random = randomFrom(this.seed);
      return (flips[this.#mode] ?? []).reduce<tf.Tensor>((given, axis) => {
        const chosen = Uint8Array.from({ length: given.shape[0] }, () => random.below(2));
        const mask = tf.reshape(tf.tensor1d(chosen, 'float32'), [chosen.length, 1, 1, 1]);
        return tf.add(tf.mul(tf.reverse(given, axis), mask), tf.mul(given, tf.sub(1, mask)));
      }, pictures);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), mode: this.#mode };
  }
}
tf.serialization.registerClass(RandomFlip);

/** Layers of tfjs whose noise takes no seed: what they compute of an input, with one. */
const noises: Readonly<
  Record<string, (config: tf.serialization.ConfigDict) => (input: tf.Tensor, seed: number) => tf.Tensor>
> = {
  GaussianNoise: ({ stddev }) => {
    return (input, seed) => tf.add(input, tf.randomNormal(input.shape, 0, Number(stddev), 'float32', seed));
  },
  GaussianDropout: ({ rate }) => {
    const deviation = Math.sqrt(Number(rate) / (1 - Number(rate)));
    return (input, seed) => tf.mul(input, tf.randomNormal(input.shape, 1, deviation, 'float32', seed));
  },
};

export const noiseClasses: readonly string[] = Object.keys(noises);

/** Gives a layer of a class in `noiseClasses` draws with a seed, and returns it as one whose seed can be set. */
export function seedNoise(layer: tfl.layers.Layer): SeededLayer {
  const noisy = noises[layer.getClassName()]?.(layer.getConfig());
  const seeded = Object.assign(layer, { seed: 1 });
  if (noisy === undefined) return seeded;
  layer.call = (inputs, { training }) => {
    const [input] = Array.isArray(inputs) ? inputs : [inputs];
    if (input === undefined || training !== true) return inputs;
    return tf.tidy(() => noisy(input, seeded.seed));
  };
  return seeded;
}
