/**
 * Forward convolutions with padding `same`. Where the last inputs of an axis meet no filter, as with 4 inputs, a filter of 1
 * and a stride of 2, the number that XNNPACK pads that axis with is below 0; it refuses the operator, and the result of
 * tfjs's kernel is all zeros, without an error (tensorflow/tfjs#6629, #8405). Without these inputs the sum is the same.
 */
import type { Composition } from './compose.js';
import { axes, type ConvolutionAttributes, convolutionInfo, reach } from './convolution.js';

export function trimmed({ depthwise }: { readonly depthwise: boolean }): Composition {
  return (bench, inputs, attributes) => {
    const [x, filter] = [inputs('x'), inputs('filter')];
    const info = convolutionInfo(x.shape, filter.shape, attributes as unknown as ConvolutionAttributes, depthwise);
    const { rows, columns } = axes(info);
    const isMet = reach(rows) >= rows.input && reach(columns) >= columns.input;
    if (info.padInfo.type !== 'SAME' || isMet) return bench.original();
    const met = [Math.min(rows.input, reach(rows)), Math.min(columns.input, reach(columns))];
    const slice = { begin: [0, 0, 0, 0], size: [info.batchSize, ...met, info.inChannels] };
    return bench.original({ x: bench.run('Slice', { x }, slice) });
  };
}
