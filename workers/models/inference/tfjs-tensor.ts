/** What an session is fed, as a tensor of tfjs. */
import { tensor, type Tensor } from '@tensorflow/tfjs-core';

import type { Feed } from '../../inputs/index.js';

/** tfjs holds numbers as float32, int32 or bool, and takes the array of each. */
export function tensorOf({ dtype, shape, data }: Feed): Tensor {
  const type = dtype === 'int32' || dtype === 'bool' ? dtype : 'float32';
  return tensor(data as Float32Array | Int32Array | Uint8Array, [...shape], type);
}
