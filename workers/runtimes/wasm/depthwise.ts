/**
 * Gradients of the depthwise convolution, as loops over the heap. They do so little arithmetic per number read that
 * composing them of convolutions would cost more in rearranging than it saves. NHWC, dilation 1 (tfjs refuses others).
 */
import type { Composition } from './compose.js';
import { convolutionInfo } from './convolution.js';
import type { ConvolutionAttributes } from './convolution.js';

/** One tap over one line of outputs, each position that of its first channel. */
interface Run {
  readonly tap: number;
  readonly input: number;
  readonly output: number;
  readonly count: number;
}

/** Calls `visit` for every tap and line of outputs where the tap meets inputs. */
function eachRun(info: ReturnType<typeof convolutionInfo>, visit: (run: Run) => void): void {
  const { inHeight, inWidth, outHeight, outWidth, inChannels, outChannels, filterHeight, filterWidth } = info;
  const { strideHeight, strideWidth } = info;
  for (let kh = 0; kh < filterHeight; kh++) {
    for (let kw = 0; kw < filterWidth; kw++) {
      const offset = kw - info.padInfo.left;
      const first = Math.max(0, Math.ceil(-offset / strideWidth));
      const count = Math.min(outWidth, Math.floor((inWidth - 1 - offset) / strideWidth) + 1) - first;
      if (count <= 0) continue;
      for (let n = 0; n < info.batchSize; n++) {
        for (let oh = 0; oh < outHeight; oh++) {
          const h = oh * strideHeight + kh - info.padInfo.top;
          if (h < 0 || h >= inHeight) continue;
          visit({
            tap: (kh * filterWidth + kw) * outChannels,
            input: ((n * inHeight + h) * inWidth + first * strideWidth + offset) * inChannels,
            output: ((n * outHeight + oh) * outWidth + first) * outChannels,
            count,
          });
        }
      }
    }
  }
}

/** DepthwiseConv2dNativeBackpropFilter. */
export const depthwiseFilterGradient: Composition = (bench, inputs, attributes) => {
  const given = attributes as unknown as ConvolutionAttributes;
  const info = convolutionInfo(inputs('x').shape, given.filterShape ?? [], given, true);
  const { inChannels, outChannels, strideWidth } = info;
  const multiplier = outChannels / inChannels;
  const gradient = bench.make(given.filterShape ?? []);
  const x = bench.floats(inputs('x'));
  const dy = bench.floats(inputs('dy'));
  const sums = new Float64Array(info.filterHeight * info.filterWidth * outChannels);
  eachRun(info, ({ tap, input, output, count }) => {
    for (let c = 0; c < inChannels; c++) {
      for (let m = c * multiplier; m < (c + 1) * multiplier; m++) {
        let sum = 0;
        let from = input + c;
        let to = output + m;
        for (let at = 0; at < count; at++) {
          sum += (x[from] ?? 0) * (dy[to] ?? 0);
          from += strideWidth * inChannels;
          to += outChannels;
        }
        sums[tap + m] = (sums[tap + m] ?? 0) + sum;
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
  const { inChannels, outChannels, strideWidth } = info;
  const multiplier = outChannels / inChannels;
  const gradient = bench.make(given.inputShape ?? []);
  const dx = bench.floats(gradient).fill(0);
  const filter = bench.floats(inputs('filter'));
  const dy = bench.floats(inputs('dy'));
  eachRun(info, ({ tap, input, output, count }) => {
    for (let c = 0; c < inChannels; c++) {
      for (let m = c * multiplier; m < (c + 1) * multiplier; m++) {
        const weight = filter[tap + m] ?? 0;
        let from = output + m;
        let to = input + c;
        for (let at = 0; at < count; at++) {
          dx[to] = (dx[to] ?? 0) + weight * (dy[from] ?? 0);
          from += outChannels;
          to += strideWidth * inChannels;
        }
      }
    }
  });
  return gradient;
};
