/** What TensorFlow holds for this thread. */
import * as tf from '@tensorflow/tfjs-core';

/** Number of its tensors and variables; the backend of the runtime `native` is the current one. */
export function nativeTensors(): number {
  return (tf.backend() as unknown as { getNumOfTFTensors(): number }).getNumOfTFTensors();
}
