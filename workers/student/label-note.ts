/** What a data set without labels leaves to train on. */
import type { Manifest } from '@distillery/protocol';

import { DataError, type Dataset } from '../data/index.js';

/**
 * What a person should know of a data set without targets; null when there is nothing to say.
 * @throws DataError when nothing is left to train on
 */
export function labelNote(
  { dataset, student }: Pick<Manifest, 'dataset' | 'student'>,
  { train }: Pick<Dataset, 'train'>,
): string | null {
  const { softWeight } = student.loss;
  if (train.spec.target !== null || softWeight === 1) return null;
  if (softWeight === 0) {
    throw new DataError({
      about: dataset.uri,
      problem: 'the data set has no labels, and a softWeight of 0 (or --baseline) trains on labels alone',
      remedy: 'raise student.loss.softWeight, or name the field of the labels in dataset.fields',
    });
  }
  return `the data set has no labels: the teacher carries the whole loss, and softWeight ${String(softWeight)} counts as 1`;
}
