/** What a data set without labels leaves to train on, and to compare with. Pure. */
import type { StatementFault } from '@distillery/base';
import type { Manifest } from '@distillery/protocol';

import type { Dataset } from '../data/index.js';
import { DataError } from '../samples/index.js';
import { fittingTargets, lossSettingsOf } from './loss-settings.js';

const nameLabels = 'name the field of the labels in dataset.fields';

/**
 * What a person should know of a data set without targets; null when there is nothing to say.
 * @throws DataError when nothing is left to train on
 */
export function labelNote(
  { dataset, student, teacher }: Pick<Manifest, 'dataset' | 'student' | 'teacher'>,
  { train }: Pick<Dataset, 'train'>,
): string | null {
  const { softWeight } = student.loss;
  if (train.spec.target !== null) return null;
  const skip =
    teacher.onFailure === 'Skip'
      ? '; teacher.onFailure: Skip has no labels to train a step on, and counts as Fail'
      : '';
  if (softWeight === 1) return skip === '' ? null : `the data set has no labels${skip}`;
  if (softWeight === 0) {
    throw new DataError({
      about: dataset.uri,
      problem: 'the data set has no labels, and a softWeight of 0 (or --baseline) trains on labels alone',
      remedy: `raise student.loss.softWeight, or ${nameLabels}`,
    });
  }
  return `the data set has no labels: the teacher carries the whole loss, and softWeight ${String(softWeight)} counts as 1${skip}`;
}

/** Why a job has no baseline, which is the same student trained on labels alone; null = it has one. */
export function baselineFault(manifest: Manifest, dataset: Dataset): StatementFault | null {
  const fault = (problem: string, remedy: string): StatementFault => ({
    about: '--baseline',
    problem,
    remedy: `leave --baseline out, or ${remedy}`,
  });
  const { target } = dataset.train.spec;
  const { uri } = manifest.dataset;
  if (target === null)
    return fault(`the data set ${uri} has no labels, and a baseline learns from labels alone`, nameLabels);
  const used = fittingTargets(dataset, lossSettingsOf(manifest, target.kind)).dataset.train.spec.target;
  if (used === null) {
    return fault(
      'the teacher answers embeddings, whose columns are no classes: a student of classes cannot be compared with one of embeddings',
      'give the samples a field of type target',
    );
  }
  if (dataset.test !== null) return null;
  return fault(
    `the data set ${uri} holds nothing out, so there is nothing to measure student and baseline on`,
    'set dataset.split.testFraction',
  );
}
