/** The loss of a job: what the manifest leaves open follows from what the teacher answers. Pure. */
import type { Manifest } from '@distillery/protocol';

import type { Dataset, Split } from '../data/index.js';
import { answersFor, type LossSettings, type TeacherAnswers } from '../models/training.js';

const kindFor = { Logits: 'KL', Sigmoid: 'BinaryCrossEntropy', Embedding: 'Cosine' } as const;

export function lossSettingsOf({ teacher, student: { loss } }: Manifest): LossSettings {
  const answers = answersOf(teacher.output?.kind);
  if (answers === undefined) return loss;
  return { ...loss, kind: loss.kind ?? kindFor[answers], answers };
}

/** Probabilities are distilled by their logarithms, which are logits. */
function answersOf(kind: NonNullable<Manifest['teacher']['output']>['kind']): TeacherAnswers | undefined {
  return kind === 'Probabilities' ? 'Logits' : kind;
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
  const fits = softWeight === 0 || (answers ?? answersFor(kind)) !== 'Embedding';
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
