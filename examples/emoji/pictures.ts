/**
 * Which pictures of the package are taken, and into which folder each one goes. Pure.
 *
 * Invariant:
 *  pictures/P1 The split is a function of the picture's code points: a picture stays in its split when others are left out.
 */
import { createHash } from 'node:crypto';

/** An entry of the package's emoji.json. */
export interface Emoji {
  /** Code points in hexadecimal, joined by "-". */
  readonly unified: string;
  /** File in img/google/64. */
  readonly image: string;
  readonly category: string;
  readonly has_img_google: boolean;
}

export interface Picture {
  readonly image: string;
  readonly split: 'train' | 'test';
  /** Folder of the category: "food-drink". */
  readonly label: string;
}

/** One picture of so many is held out. */
const heldOutOf = 5;
/** Patches of skin and hair, of which others are made: no pictures of anything. */
const left = 'Component';

/** @param most pictures to take, of all categories */
export function picturesOf(emojis: readonly Emoji[], most: number): readonly Picture[] {
  return emojis
    .filter(({ category, has_img_google: isThere }) => isThere && category !== left)
    .map((emoji) => ({ emoji, hash: createHash('sha256').update(emoji.unified).digest() }))
    .sort((a, b) => a.hash.compare(b.hash))
    .slice(0, most)
    .map(({ emoji: { image, category }, hash }) => ({
      image,
      split: hash.readUInt32BE(4) % heldOutOf === 0 ? 'test' : 'train',
      label: category.toLowerCase().replaceAll(/[^a-z]+/g, '-'),
    }));
}
