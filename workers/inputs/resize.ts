/**
 * Bilinear resizing of float images, corners not aligned (half-pixel centers): `tf.image.resize` without antialiasing,
 * and ONNX `Resize` with linear mode and half_pixel coordinates. Pure, so that every teacher sees the same pixels.
 */

export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** @param images [count, height, width, channels] @returns [count, to.height, to.width, channels] */
export function resizeImages(images: Float32Array, from: ImageSize, to: ImageSize, channels: number): Float32Array {
  const pixels = from.height * from.width * channels;
  const count = pixels === 0 ? 0 : images.length / pixels;
  const rows = tapsOf(from.height, to.height);
  const columns = tapsOf(from.width, to.width);
  const resized = new Float32Array(count * to.height * to.width * channels);
  let at = 0;
  for (let image = 0; image < count; image++) {
    const start = image * pixels;
    for (const row of rows) {
      const upper = start + row.low * from.width * channels;
      const lower = start + row.high * from.width * channels;
      for (const column of columns) {
        const [left, right] = [column.low * channels, column.high * channels];
        for (let channel = 0; channel < channels; channel++) {
          const top = mix(images[upper + left + channel], images[upper + right + channel], column.share);
          const bottom = mix(images[lower + left + channel], images[lower + right + channel], column.share);
          resized[at++] = top + (bottom - top) * row.share;
        }
      }
    }
  }
  return resized;
}

interface Tap {
  readonly low: number;
  readonly high: number;
  /** Of the higher one. */
  readonly share: number;
}

function tapsOf(from: number, to: number): Tap[] {
  return Array.from({ length: to }, (_, at) => {
    const center = Math.min(Math.max(((at + 0.5) * from) / to - 0.5, 0), from - 1);
    const low = Math.floor(center);
    return { low, high: Math.min(low + 1, from - 1), share: center - low };
  });
}

function mix(low = 0, high = 0, share: number): number {
  return low + (high - low) * share;
}
