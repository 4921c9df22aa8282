/** Which loss compares the student with the teacher, where the job leaves that open. Both sides ask here. Pure. */
import type { Manifest } from '@distillery/protocol';

import type { TargetSpec } from '../samples/index.js';
import type { TeacherAnswers } from './agreement.js';
import type { SoftLossKind } from './soft-loss.js';

const kindFor = { Logits: 'KL', Sigmoid: 'BinaryCrossEntropy', Embedding: 'Cosine' } as const;

/**
 * What the job says that the teacher's numbers are; undefined = nothing. Probabilities are distilled by their logarithms,
 * which are logits; rows of tokens are pooled into embeddings.
 */
export function answersOf({ output: { kind, pooling } = {} }: Manifest['teacher']): TeacherAnswers | undefined {
  if (kind === undefined) return pooling === undefined ? undefined : 'Embedding';
  return kind === 'Probabilities' ? 'Logits' : kind;
}

/** @param target of the data set: a teacher of numbers is imitated in numbers, not in the shares of a softmax */
export function lossKindOf(
  { teacher, student: { loss } }: Pick<Manifest, 'teacher' | 'student'>,
  target: TargetSpec['kind'] | undefined,
): SoftLossKind {
  const answers = answersOf(teacher);
  return loss.kind ?? (answers === undefined ? (target === 'values' ? 'MSE' : 'KL') : kindFor[answers]);
}
