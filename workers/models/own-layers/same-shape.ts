/** What the normalizations share: layers that leave the shape of their input as it is. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import { onlyShape, onlyTensor } from './library.js';

export type Shapes = tfl.Shape | tfl.Shape[];

/** A layer that leaves the shape of its input as it is. */
export abstract class SameShape extends tfl.layers.Layer {
  protected abstract normalized(given: tf.Tensor): tf.Tensor;

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => this.normalized(onlyTensor(inputs)));
  }

  override computeOutputShape(shapes: Shapes): Shapes {
    return onlyShape(shapes);
  }
}

export function channelsOf(shapes: Shapes): number {
  const channels = onlyShape(shapes).at(-1);
  if (typeof channels !== 'number') throw new RangeError('a number of channels that is not known');
  return channels;
}
