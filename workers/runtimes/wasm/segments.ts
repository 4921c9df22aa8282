/** UnsortedSegmentSum, the gradient of a look-up (embedding): rows of x added into the row that their segment names. */
import * as tf from '@tensorflow/tfjs-core';
import type { Composition } from './compose.js';

/** Segments below 0 or past the end are left out, as on the cpu backend. */
export const unsortedSegmentSum: Composition = (bench, inputs, attributes) => {
  const { numSegments } = attributes as { numSegments: number };
  const ids = inputs('segmentIds');
  const inner = inputs('x').shape.slice(ids.shape.length);
  const width = tf.util.sizeFromShape(inner);
  const sums = bench.make([numSegments, ...inner]);
  const target = bench.floats(sums).fill(0);
  const source = bench.floats(inputs('x'));
  let from = 0;
  for (const segment of bench.integers(ids)) {
    if (segment >= 0 && segment < numSegments) {
      const to = segment * width;
      for (let at = 0; at < width; at++) target[to + at] = (target[to + at] ?? 0) + (source[from + at] ?? 0);
    }
    from += width;
  }
  return sums;
};
