/**
 * Gradients of the depthwise convolution, as loops over the heap. They do so little arithmetic per number read that
 * composing them of convolutions would cost more in rearranging than it saves. NHWC, dilation 1 (tfjs refuses others).
 */
import type { Composition } from './compose.js';
import { convolutionInfo } from './convolution.js';
import type { ConvolutionAttributes } from './convolution.js';

/** Calls `visit` for every tap that meets an input: input, output and tap as positions of their first channel. */
function eachTap(
  info: ReturnType<typeof convolutionInfo>,
  visit: (tap: number, input: number, output: number) => void,
): void {
  const { inHeight, inWidth, outHeight, outWidth, inChannels, outChannels, filterHeight, filterWidth } = info;
  for (let kh = 0; kh < filterHeight; kh++) {
    for (let kw = 0; kw < filterWidth; kw++) {
      for (let n = 0; n < info.batchSize; n++) {
        for (let oh = 0; oh < outHeight; oh++) {
          const h = oh * info.strideHeight + kh - info.padInfo.top;
          if (h < 0 || h >= inHeight) continue;
          for (let ow = 0; ow < outWidth; ow++) {
            const w = ow * info.strideWidth + kw - info.padInfo.left;
            if (w < 0 || w >= inWidth) continue;
            visit(
              (kh * filterWidth + kw) * outChannels,
              ((n * inHeight + h) * inWidth + w) * inChannels,
              ((n * outHeight + oh) * outWidth + ow) * outChannels,
            );
          }
        }
      }
    }
  }
}

/** DepthwiseConv2dNativeBackpropFilter. */
export const depthwiseFilterGradient: Composition = (bench, inputs, attributes) => {
  const given = attributes as unknown as ConvolutionAttributes;
  const info = convolutionInfo(inputs('x').shape, given.filterShape ?? [], given, true);
  const { inChannels, outChannels } = info;
  const multiplier = outChannels / inChannels;
  const gradient = bench.make(given.filterShape ?? []);
  const x = bench.floats(inputs('x'));
  const dy = bench.floats(inputs('dy'));
  const sums = new Float64Array(info.filterHeight * info.filterWidth * outChannels);
  eachTap(info, (tap, input, output) => {
    for (let c = 0; c < inChannels; c++) {
      const value = x[input + c] ?? 0;
      for (let m = c * multiplier; m < (c + 1) * multiplier; m++) {
        sums[tap + m] = (sums[tap + m] ?? 0) + value * (dy[output + m] ?? 0);
      }
    }
  });
  bench.floats(gradient).set(sums);
  return gradient;
};

/** DepthwiseConv2dNativeBackpropInput. */
export const depthwiseInputGradient: Composition = (bench, inputs, attributes) => {
  const given = attributes as unknown as ConvolutionAttributes;
  const info = convolutionInfo(given.inputShape ?? [], inputs('filter').shape, given, true);
  const { inChannels, outChannels } = info;
  const multiplier = outChannels / inChannels;
  const gradient = bench.make(given.inputShape ?? []);
  const dx = bench.floats(gradient).fill(0);
  const filter = bench.floats(inputs('filter'));
  const dy = bench.floats(inputs('dy'));
  eachTap(info, (tap, input, output) => {
    for (let c = 0; c < inChannels; c++) {
      let total = dx[input + c] ?? 0;
      for (let m = c * multiplier; m < (c + 1) * multiplier; m++) {
        total += (filter[tap + m] ?? 0) * (dy[output + m] ?? 0);
      }
      dx[input + c] = total;
    }
  });
  return gradient;
};
