/** The loss of a job: what the manifest leaves open follows from the teacher's answers and the targets. Pure. */
import type { Manifest } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import type { Dataset } from '../data/index.js';
import type { Split, TargetSpec } from '../samples/index.js';
import { answersIn, answersOf, lossKindOf, type LossSettings } from '../models/training.js';

/** @param target of the data set: a teacher of numbers is imitated in numbers, not in the shares of a softmax */
export function lossSettingsOf(manifest: Manifest, target: TargetSpec['kind'] | undefined): LossSettings {
  const { loss } = manifest.student;
  const answers = answersOf(manifest.teacher);
  const kind = lossKindOf(manifest, target);
  if (answers !== undefined) return { ...loss, kind, answers };
  return loss.kind === kind || kind === 'KL' ? loss : { ...loss, kind };
}

/** @throws WorkerError terminal for a loss that is always 0: a softmax over one column is 1 for teacher and student */
export function checkLoss({ kind = 'KL', softWeight }: LossSettings, columns: number): void {
  if (kind !== 'KL' || softWeight === 0 || columns > 1) return;
  throw new WorkerError('terminal', {
    about: 'student.loss.kind',
    problem: 'KL compares the shares of several columns, and the student has one',
    remedy: 'set it to MSE, or to BinaryCrossEntropy where the teacher answers one probability',
  });
}

/**
 * The data set for this loss: without classes where the teacher answers embeddings, since the columns of an embedding are
 * no classes. A job without a teacher keeps them.
 * @returns also what was left out, in sentences
 */
export function fittingTargets(
  dataset: Dataset,
  { answers, kind = 'KL', softWeight }: LossSettings,
): { readonly dataset: Dataset; readonly notes: readonly string[] } {
  const target = dataset.train.spec.target?.kind;
  const fits = softWeight === 0 || answersIn({ answers, kind }) !== 'Embedding';
  if (fits || target === undefined || target === 'values') return { dataset, notes: [] };
  const { train, test } = dataset;
  return {
    dataset: {
      ...dataset,
      train: withoutTargets(train),
      test: test === null ? null : withoutTargets(test),
      close: () => dataset.close(),
    },
    notes: ['the labels are left out: the teacher answers embeddings, and their columns are no classes'],
  };
}

function withoutTargets(split: Split): Split {
  return {
    length: split.length,
    ...(split.rowsPerBlock === undefined ? {} : { rowsPerBlock: split.rowsPerBlock }),
    spec: { ...split.spec, target: null },
    read: (indices) => split.read(indices),
    targets: () => Promise.resolve(null),
    close: () => split.close(),
  };
}
