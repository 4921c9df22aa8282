/** Samples that no data set has, for the first answers of a model. Pure. */
import { type Samples, type SampleSpec, sizeOf, type Tensor } from '../../samples/index.js';

/** Values of every field differ between two samples, and are allowed for any input: fractions below 1, 0 and 1, words. */
export function madeUpSamples(fields: SampleSpec['inputs'], count: number): Samples {
  const tensors = Object.entries(fields).map(([name, { dtype, shape: sample }]): [string, Tensor] => {
    const size = sizeOf(sample);
    const shape = [count, ...sample];
    switch (dtype) {
      case 'float32':
        return [name, { dtype, shape, data: Float32Array.from({ length: count * size }, (_, at) => (at % 17) / 16) }];
      case 'int32':
        return [name, { dtype, shape, data: Int32Array.from({ length: count * size }, (_, at) => (at % 17) % 2) }];
      case 'text': {
        const data = Array.from({ length: count }, (_, row) => `sample ${'word '.repeat(row + 1)}`);
        return [name, { dtype, shape: [count], data }];
      }
    }
  });
  return { count, inputs: Object.fromEntries(tensors) };
}
