/** The loss of a job: what the manifest leaves open follows from what the teacher answers. Pure. */
import type { Manifest } from '@distillery/protocol';

import type { LossSettings, TeacherAnswers } from '../models/training.js';

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
