/**
 * Encoded pictures as pixels, by sharp (libvips). The settings are fixed and belong to the identity of the data, as the
 * versions of the libraries do: two processes that decode differently must not work on one job.
 *
 *  - PNG, JPEG and WebP, recognized by their first bytes; the first picture of an animation. Other formats are refused:
 *    libvips would read SVG and PDF too, which are programs rather than pictures.
 *  - A picture is turned as its EXIF orientation says, and laid over white where it is transparent.
 *  - Palettes, 16 bits a channel, gray and CMYK become 8-bit RGB. Color profiles are not applied, except that CMYK has
 *    to go through one. Gray is 0.299 R + 0.587 G + 0.114 B (ITU-R 601), as in the Python Imaging Library.
 *  - Resizing is Lanczos 3 to exactly the size asked for, without shrinking on load, without vector instructions.
 */
import { DistilleryError, reasonOf } from '@distillery/base';
import type sharp from 'sharp';

import { mayBeTurned } from './orientation.js';

/** Bounds memory before decoding: 8,192 × 4,096 pixels take 100 MB. */
const maxPixels = 1 << 25;
const maxEncodedBytes = 1 << 28;
const magics = [
  { name: 'PNG', at: 0, bytes: [0x89, 0x50, 0x4e, 0x47] },
  { name: 'JPEG', at: 0, bytes: [0xff, 0xd8, 0xff] },
  { name: 'WebP', at: 8, bytes: [0x57, 0x45, 0x42, 0x50] },
] as const;
const white = '#ffffff';
const resizing = { fit: 'fill', kernel: 'lanczos3', fastShrinkOnLoad: false } as const;
const opening = {
  limitInputPixels: maxPixels,
  failOn: 'warning',
  sequentialRead: true,
  ignoreIcc: true,
  pages: 1,
} as const;

let loading: Promise<typeof sharp> | null = null;

/** The library, loaded by the first picture: a job without pictures pays neither its time nor its memory. */
function library(): Promise<typeof sharp> {
  loading ??= import('sharp').then(({ default: loaded }) => {
    // One thread a picture: several are decoded at once.
    loaded.concurrency(1);
    loaded.cache(false);
    loaded.simd(false);
    return loaded;
  });
  return loading;
}

/** @returns what decides the pixels, as JSON */
export async function pictureIdentity(): Promise<unknown> {
  return { opening, resizing, white, versions: (await library()).versions };
}

export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** 8-bit pixels, [height, width, channels]. */
export interface Pixels extends PictureSize {
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** What is wrong with one picture; the split adds the row, and decides whether it gives way to another. */
export class PictureError extends DistilleryError {
  override readonly name = 'PictureError';
  readonly kind = 'Picture';
  readonly retry = 'Never';

  constructor(
    /** "the picture is empty" */
    readonly clause: string,
  ) {
    super({ about: 'picture', problem: clause, remedy: 'get the file again, or save it as PNG or JPEG' });
  }
}

/**
 * @param size after resizing; absent = its own
 * @param channels 1 = gray, 3 = RGB; absent = gray where the picture is gray
 * @throws PictureError with a clause
 */
export async function decodePicture(
  bytes: Uint8Array,
  { size, channels }: { readonly size?: PictureSize | undefined; readonly channels?: 1 | 3 | undefined },
): Promise<Pixels> {
  checkFormat(bytes);
  const open = await library();
  try {
    const wanted = channels ?? ((await open(bytes, opening).metadata()).channels < 3 ? 1 : 3);
    let picture = open(bytes, opening);
    if (mayBeTurned(bytes)) picture = picture.autoOrient();
    picture = picture.flatten({ background: white }).toColourspace('srgb');
    if (size !== undefined) picture = picture.resize(size.width, size.height, resizing);
    const { data, info } = await picture.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new PictureError(`it has ${String(info.channels)} channels after decoding`);
    const { height, width } = info;
    return { height, width, channels: wanted, data: wanted === 3 ? data : grayOf(data) };
  } catch (error) {
    if (error instanceof PictureError) throw error;
    throw new PictureError(problemOf(error));
  }
}

function checkFormat(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new PictureError('the picture is empty');
  if (bytes.length > maxEncodedBytes) throw new PictureError(`the picture has ${String(bytes.length)} bytes, too many`);
  if (magics.some(({ at, bytes: magic }) => magic.every((byte, index) => bytes[at + index] === byte))) return;
  const start = Buffer.from(bytes.subarray(0, 4)).toString('hex');
  throw new PictureError(`it begins with ${start}, which is no PNG, JPEG or WebP picture`);
}

/** What sharp says of a picture, in one line. */
function problemOf(error: unknown): string {
  const reason = reasonOf(error);
  if (reason.includes('exceeds pixel limit')) return `the picture has more than ${String(maxPixels)} pixels`;
  const [first = ''] = reason.split('\n');
  return `the picture is damaged (${first})`;
}

function grayOf(rgb: Uint8Array): Uint8Array {
  const gray = new Uint8Array(rgb.length / 3);
  for (let pixel = 0; pixel < gray.length; pixel++) {
    const [red = 0, green = 0, blue = 0] = [rgb[3 * pixel], rgb[3 * pixel + 1], rgb[3 * pixel + 2]];
    gray[pixel] = (red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >>> 16;
  }
  return gray;
}
