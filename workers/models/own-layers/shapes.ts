/** Layers of sequences that move numbers, [samples, steps, features], and the layer that does nothing. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import { type Config, onlyShape, onlyTensor, wholeNumber } from './library.js';

type Shapes = tfl.Shape | tfl.Shape[];

class Identity extends tfl.layers.Layer {
  static readonly className = 'Identity';
  override supportsMasking = true;

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.clone(onlyTensor(inputs));
  }

  override computeOutputShape(shapes: Shapes): Shapes {
    return onlyShape(shapes);
  }
}

/** A layer that gives a sequence another number of steps. */
abstract class SequenceLayer extends tfl.layers.Layer {
  protected abstract stepsOf(given: number): number;
  protected abstract moved(sequence: tf.Tensor3D): tf.Tensor3D;

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => this.moved(onlyTensor(inputs) as tf.Tensor3D));
  }

  override computeOutputShape(shapes: Shapes): Shapes {
    const [batch = null, steps = null, ...features] = onlyShape(shapes);
    if (features.length !== 1) throw new RangeError('other than a sequence [steps, features]');
    return [batch, steps === null ? null : this.stepsOf(steps), ...features];
  }
}

function sidesOf(config: Config, field: string): readonly [number, number] {
  const given = config[field] ?? 1;
  const [before, after] = Array.isArray(given) ? (given as unknown[]) : [given, given];
  const read = (side: unknown): number => wholeNumber({ [field]: side }, field, 0);
  return [read(before), read(after)];
}

class ZeroPadding1D extends SequenceLayer {
  static readonly className = 'ZeroPadding1D';
  readonly #sides: readonly [number, number];

  constructor(config: Config) {
    super(config);
    this.#sides = sidesOf(config, 'padding');
  }

  protected override stepsOf(given: number): number {
    return given + this.#sides[0] + this.#sides[1];
  }

  protected override moved(sequence: tf.Tensor3D): tf.Tensor3D {
    return tf.pad(sequence, [[0, 0], [...this.#sides], [0, 0]]);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), padding: [...this.#sides] };
  }
}

class Cropping1D extends SequenceLayer {
  static readonly className = 'Cropping1D';
  readonly #sides: readonly [number, number];

  constructor(config: Config) {
    super(config);
    this.#sides = sidesOf(config, 'cropping');
  }

  protected override stepsOf(given: number): number {
    return given - this.#sides[0] - this.#sides[1];
  }

  protected override moved(sequence: tf.Tensor3D): tf.Tensor3D {
    const [samples, steps, features] = sequence.shape;
    return tf.slice3d(sequence, [0, this.#sides[0], 0], [samples, this.stepsOf(steps), features]);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), cropping: [...this.#sides] };
  }
}

class UpSampling1D extends SequenceLayer {
  static readonly className = 'UpSampling1D';
  readonly #size: number;

  constructor(config: Config) {
    super(config);
    this.#size = wholeNumber(config, 'size', 1, 2);
  }

  protected override stepsOf(given: number): number {
    return given * this.#size;
  }

  /** By broadcasting: the gradient of a copy is one slice for each part in tfjs. */
  protected override moved(sequence: tf.Tensor3D): tf.Tensor3D {
    const [samples, steps, features] = sequence.shape;
    const copies = tf.mul(tf.expandDims(sequence, 2), tf.ones([1, 1, this.#size, 1]));
    return tf.reshape(copies, [samples, steps * this.#size, features]);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), size: this.#size };
  }
}

export const shapeClasses = [Identity, ZeroPadding1D, Cropping1D, UpSampling1D];
