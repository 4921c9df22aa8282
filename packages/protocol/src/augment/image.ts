/**
 * Augmentation of images, identical wherever computed: teacher and student must see the same pixels (TinyViT, arXiv
 * 2207.10666). Each sample's draws come from (seed, position of the sample in its batch), so shards of a batch augment
 * independently. Only additions, multiplications and exact divisions are used: no engine-dependent Math function
 * touches a pixel.
 */
import { randomFrom, seedOf } from '@distillery/base';

import type { Augment } from '../manifest.js';

export interface AugmentOptions {
  /** Unsigned 32-bit seed of the step. */
  readonly seed: number;
  /** Position in its batch of the first sample given. */
  readonly firstSample: number;
  /** Of one sample; of an image height, width, channels. */
  readonly shape: readonly number[];
}

type ImageShape = readonly [number, number, number];

/** Sum of 4 uniforms in [0,1) minus 2 has standard deviation sqrt(1/3); this brings it to 1. */
const unitNoise = 1.7320508075688772;

/**
 * Shifts, mirrors and perturbs images in place, in this order.
 * @param images [samples, height, width, channels], row-major, values in [0, 1]
 */
export function augmentImages(images: Float32Array, how: Augment, { seed, firstSample, shape }: AugmentOptions): void {
  const flips = how.flip === true;
  if (how.shift === 0 && how.noise === 0 && !flips) return;
  const [height = 1, width = 1, channels = 1] = shape;
  const imageShape: ImageShape = [height, width, channels];
  const size = height * width * channels;
  const moved = new Float32Array(size);
  for (let at = 0; at * size < images.length; at++) {
    const image = images.subarray(at * size, (at + 1) * size);
    const random = randomFrom(seedOf(seed, firstSample + at));
    if (how.shift > 0) {
      const down = random.below(2 * how.shift + 1) - how.shift;
      const right = random.below(2 * how.shift + 1) - how.shift;
      shiftInto(moved, image, imageShape, down, right);
      image.set(moved);
    }
    if (flips && random.below(2) === 1) mirror(image, imageShape);
    if (how.noise > 0) {
      for (let value = 0; value < size; value++) {
        const normal = (random.unit() + random.unit() + random.unit() + random.unit() - 2) * unitNoise;
        image[value] = Math.min(1, Math.max(0, (image[value] ?? 0) + normal * how.noise));
      }
    }
  }
}

function shiftInto(
  target: Float32Array,
  source: Float32Array,
  [height, width, channels]: ImageShape,
  down: number,
  right: number,
): void {
  target.fill(0);
  const line = width * channels;
  const firstColumn = Math.max(0, right);
  const lastColumn = Math.min(width, width + right);
  if (firstColumn >= lastColumn) return;
  for (let y = Math.max(0, down); y < Math.min(height, height + down); y++) {
    const from = (y - down) * line;
    target.set(
      source.subarray(from + (firstColumn - right) * channels, from + (lastColumn - right) * channels),
      y * line + firstColumn * channels,
    );
  }
}

/** From left to right, in place. */
function mirror(image: Float32Array, [height, width, channels]: ImageShape): void {
  for (let y = 0; y < height; y++) {
    for (let left = 0; left < Math.floor(width / 2); left++) {
      const from = (y * width + left) * channels;
      const to = (y * width + width - 1 - left) * channels;
      for (let channel = 0; channel < channels; channel++) {
        const kept = image[from + channel] ?? 0;
        image[from + channel] = image[to + channel] ?? 0;
        image[to + channel] = kept;
      }
    }
  }
}
