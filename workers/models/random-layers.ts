/**
 * Layers that draw at random while they train. Their draws are a function of the job's seed and the step, as those of a
 * dropout are, so that a resumed run repeats them (I1). tfjs itself seeds only dropout.
 */
import { randomFrom, seedOf } from '@distillery/base';
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

/** What a layer draws in one step, and what that makes of an input. */
interface Noise {
  readonly draw: (shape: readonly number[], seed: number) => tf.Tensor;
  readonly apply: (input: tf.Tensor, drawn: tf.Tensor) => tf.Tensor;
}

const uniform = (shape: readonly number[], seed: number): tf.Tensor =>
  tf.randomUniform([...shape], 0, 1, 'float32', seed);

/** Layers of tfjs whose draws take no seed; formulas as Keras has them. */
const noises: Readonly<Record<string, (config: tf.serialization.ConfigDict) => Noise>> = {
  GaussianNoise: ({ stddev }) => ({
    draw: (shape, seed) => tf.randomNormal([...shape], 0, Number(stddev), 'float32', seed),
    apply: (input, drawn) => tf.add(input, drawn),
  }),
  GaussianDropout: ({ rate }) => {
    const deviation = Math.sqrt(Number(rate) / (1 - Number(rate)));
    return {
      draw: (shape, seed) => tf.randomNormal([...shape], 1, deviation, 'float32', seed),
      apply: (input, drawn) => tf.mul(input, drawn),
    };
  },
  // tfjs gives what is dropped the wrong sign.
  AlphaDropout: ({ rate }) => {
    const part = Number(rate);
    const scale = ((1 - part) * (1 + part * dropped ** 2)) ** -0.5;
    const apply = (input: tf.Tensor, drawn: tf.Tensor): tf.Tensor => {
      const kept = tf.cast(tf.greaterEqual(drawn, part), 'float32');
      const mixed = tf.add(tf.mul(input, kept), tf.mul(tf.sub(1, kept), dropped));
      return tf.add(tf.mul(mixed, scale), -scale * dropped * part);
    };
    return { draw: uniform, apply };
  },
};

/** What a SELU gives far below 0: the value of dropped numbers of an AlphaDropout. */
const dropped = -1.0507009873554805 * 1.6732632423543772;

/** In the order in which layers get their seeds: AlphaDropout came later, and what the others draw stays as it was. */
export const noiseClasses = ['GaussianNoise', 'GaussianDropout'] as const;
export const alphaClass = 'AlphaDropout';

/** A layer with the tensor that it draws of a seed. Dropouts draw uniform numbers. */
export interface DrawingLayer extends SeededLayer {
  readonly draw: (shape: readonly number[], seed: number) => tf.Tensor;
}

/** Gives a layer whose draws take no seed in tfjs draws with one. */
export function seedNoise(layer: tfl.layers.Layer): DrawingLayer {
  const noise = noises[layer.getClassName()]?.(layer.getConfig());
  const seeded = Object.assign(layer, { seed: 1, draw: noise?.draw ?? uniform });
  if (noise === undefined) return seeded;
  layer.call = (inputs, { training }) => {
    const [input] = Array.isArray(inputs) ? inputs : [inputs];
    if (input === undefined || training !== true) return inputs;
    return tf.tidy(() => noise.apply(input, noise.draw(input.shape, seeded.seed)));
  };
  return seeded;
}

/** A layer that tfjs or this folder seeds itself, with draws as those of a dropout. */
export function seededDropout(layer: tfl.layers.Layer): DrawingLayer {
  return Object.assign(layer as tfl.layers.Layer & SeededLayer, { draw: uniform });
}

type DropFunction = (ones: tf.Tensor, rate: number) => tf.Tensor;

/**
 * Gives a recurrent layer with dropout masks with a seed. tfjs makes several in a step, for inputs and states; each draws from a
 * seed of its own, by its number in the step.
 */
export function seedRecurrent(layer: tfl.layers.Layer): SeededLayer {
  const { cell } = layer as unknown as { readonly cell: { dropoutFunc: DropFunction } };
  let seed = 1;
  let nth = 0;
  cell.dropoutFunc = (ones, rate) => tf.dropout(ones, rate, undefined, Math.max(1, seedOf(seed, nth++)));
  return {
    get seed() {
      return seed;
    },
    set seed(next) {
      seed = next;
      nth = 0;
    },
  };
}

/** Whether a layer drops inputs or states of its steps. */
export function dropsSteps(layer: tfl.layers.Layer): boolean {
  const { dropout, recurrentDropout } = layer.getConfig();
  return Number(dropout ?? 0) > 0 || Number(recurrentDropout ?? 0) > 0;
}
