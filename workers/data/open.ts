/** Opens a data set by format and uri, and reads checked, augmented batches from it. */
import { type Augment, augment, type Manifest } from '@distillery/protocol';

import type { Dataset, Split } from './dataset.js';
import { DataError } from './errors.js';
import { openIdxSplit } from './idx.js';
import { locateIdx } from './locate.js';
import { pathOfUri } from './uri.js';

type DatasetSource = Pick<Manifest['dataset'], 'format' | 'uri'>;

/**
 * Both splits of a data set.
 * @throws DataError when a file is missing, damaged, or the splits do not fit each other
 */
export async function openDataset({ uri }: DatasetSource): Promise<Dataset> {
  const files = await locateIdx(pathOfUri(uri));
  const train = openIdxSplit(files.trainImages, files.trainLabels);
  let test: Split | undefined;
  try {
    test = openIdxSplit(files.testImages, files.testLabels);
    if (test.shape.join() !== train.shape.join()) {
      throw new DataError({
        about: files.testImages,
        found: `images of ${test.shape.join(' × ')}`,
        expected: `${train.shape.join(' × ')}, as in ${files.trainImages}`,
        remedy: 'take both splits from the same data set',
      });
    }
  } catch (error) {
    await test?.close();
    await train.close();
    throw error;
  }
  const opened = test;
  return {
    train,
    test: opened,
    close: async () => {
      await train.close();
      await opened.close();
    },
  };
}

interface BatchPlace {
  /** Augmentation seed of the step. */
  readonly seed: number;
  /** Position in the step's batch of the first sample named. */
  readonly firstRow: number;
}

/**
 * Samples as teacher and student both see them: a pure function of its arguments and the files.
 * @returns [indices.length, height, width, channels]
 */
export async function batchOf(
  split: Split,
  indices: ArrayLike<number>,
  how: Augment,
  { seed, firstRow }: BatchPlace,
): Promise<Float32Array> {
  const samples = await split.read(indices);
  augment(samples, how, { seed, firstRow, shape: split.shape });
  return samples;
}

const labelsAtOnce = 8_192;

/**
 * Makes sure that every label has a logit.
 * @param columns width of the logits
 * @throws DataError naming the first sample whose label is too large
 */
export function checkLabels(split: Split, columns: number): void {
  if (split.classes <= columns) return;
  for (const { start, labels } of labelsOf(split)) {
    const row = labels.findIndex((label) => label >= columns);
    if (row < 0) continue;
    throw new DataError({
      about: `sample ${String(start + row)}`,
      found: `label ${String(labels[row])}`,
      expected: `0 to ${String(columns - 1)}, as the model has ${String(columns)} outputs`,
      remedy: labelRemedy(split, columns),
    });
  }
}

function labelRemedy(split: Split, columns: number): string {
  const outputs = `give the model ${String(split.classes)} outputs`;
  let first = Infinity;
  for (const { labels } of labelsOf(split)) first = labels.reduce((least, label) => Math.min(least, label), first);
  if (first === 0 || split.classes - first > columns) return `${outputs} or remove the sample`;
  return `no label is below ${String(first)}: number the classes from 0, or ${outputs}`;
}

function* labelsOf(split: Split): Generator<{ readonly start: number; readonly labels: Int32Array }> {
  for (let start = 0; start < split.length; start += labelsAtOnce) {
    const rows = Math.min(labelsAtOnce, split.length - start);
    yield { start, labels: split.labels(Array.from({ length: rows }, (_, row) => start + row)) };
  }
}
