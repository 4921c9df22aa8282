/**
 * How samples of each kind are augmented. The kind belongs to the data: a reader states it for each input, and teacher
 * and student obey.
 */
import type { Augment } from '../manifest.js';

import { augmentImages } from './image.js';
import type { AugmentOptions } from './image.js';

/** `image`: values in [0, 1] of shape [height, width, channels]. `plain`: values that augmentation leaves as they are. */
export type SampleKind = 'image' | 'plain';

interface Augmentation {
  /** Whether samples of this kind can be augmented as `how` says. */
  takes(how: Augment): boolean;
  /** Augments samples in place; a pure function of its arguments. */
  apply(samples: Float32Array, how: Augment, options: AugmentOptions): void;
}

export const augmentations: Readonly<Record<SampleKind, Augmentation>> = {
  image: { takes: () => true, apply: augmentImages },
  plain: { takes: ({ shift, noise, flip }) => shift === 0 && noise === 0 && flip !== true, apply: () => undefined },
};
