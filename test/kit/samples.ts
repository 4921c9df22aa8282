/** Samples with one image each, as plain numbers. */
import { onlyInput, type Samples, type Targets } from '../../workers/data/index.js';

/** [samples, height, width, channels] */
export function pixelsOf({ inputs }: Samples): Float32Array {
  const tensor = inputs[onlyInput];
  if (tensor?.dtype !== 'float32') throw new Error('expected samples with one image each');
  return tensor.data;
}

/** One label for each sample. */
export function targetsOf(labels: Int32Array): Targets {
  return { perSample: 1, labels };
}
