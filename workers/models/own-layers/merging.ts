/** Merges that tfjs lacks. */
import * as tf from '@tensorflow/tfjs-core';

import { classOf } from './library.js';

/** The first of two inputs less the second. */
class Subtract extends classOf('Add') {
  static readonly className = 'Subtract';

  /** What merges of tfjs call, with inputs of as many axes. */
  mergeFunction([first, second, ...more]: readonly tf.Tensor[]): tf.Tensor {
    if (first === undefined || second === undefined || more.length > 0)
      throw new RangeError('a Subtract of other than two inputs');
    return tf.sub(first, second);
  }
}

export const mergingClasses = [Subtract];
