/**
 * Forward convolutions with padding `same`. Where the last inputs of an axis meet no filter, as with 4 inputs, a filter of 1
 * and a stride of 2, the number that XNNPACK pads that axis with is below 0; it refuses the operator, and the result of
 * tfjs's kernel is all zeros, without an error (tensorflow/tfjs#6629, #8405). Without these inputs the sum is the same.
 */
import type * as tf from '@tensorflow/tfjs-core';

import type { Composition } from './compose.js';
import { type ConvolutionAttributes, convolutionInfo } from './convolution.js';

export function trimmed({ depthwise }: { readonly depthwise: boolean }): Composition {
  return (bench, inputs, attributes) => {
    const [x, filter] = [inputs('x'), inputs('filter')];
    const info = convolutionInfo(x.shape, filter.shape, attributes as unknown as ConvolutionAttributes, depthwise);
    const size = metBy(info);
    if (info.padInfo.type !== 'SAME' || (size[0] === info.inHeight && size[1] === info.inWidth))
      return bench.original();
    const slice = { begin: [0, 0, 0, 0], size: [info.batchSize, ...size, info.inChannels] };
    return bench.original({ x: bench.run('Slice', { x }, slice) });
  };
}

/** Rows and columns of the input, up to the last that meets a filter. */
function metBy(info: tf.backend_util.Conv2DInfo): readonly [number, number] {
  const rows = (info.outHeight - 1) * info.strideHeight + info.effectiveFilterHeight - info.padInfo.top;
  const columns = (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth - info.padInfo.left;
  return [Math.min(info.inHeight, rows), Math.min(info.inWidth, columns)];
}
