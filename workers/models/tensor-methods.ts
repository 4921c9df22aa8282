/** Methods of tensors that layers of tfjs call and tfjs-core alone does not have. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * The initializer `orthogonal` (the default inside recurrent layers) calls operations as methods of tensors. tfjs-core
 * alone has them only as functions, and its module of methods cannot be loaded by Node beside the bundled core without
 * a second copy of it. The five methods it uses are supplied here; nothing else of ours calls them.
 */
const methods = {
  flatten(this: tf.Tensor): tf.Tensor {
    return tf.reshape(this, [this.size]);
  },
  reshape(this: tf.Tensor, shape: number[]): tf.Tensor {
    return tf.reshape(this, shape);
  },
  transpose(this: tf.Tensor): tf.Tensor {
    return tf.transpose(this);
  },
  sign(this: tf.Tensor): tf.Tensor {
    return tf.sign(this);
  },
  stridedSlice(this: tf.Tensor, begin: number[], end: number[], strides: number[]): tf.Tensor {
    return tf.stridedSlice(this, begin, end, strides);
  },
};

/** Needed before a model is built; further calls change nothing. */
export function supplyTensorMethods(): void {
  Object.assign(tf.Tensor.prototype, methods);
}
