/** The loss of a job, by what it says and by what its teacher answers. */
import type { Manifest } from '@distillery/protocol';
import { expect, test } from '@jest/globals';

import { lossSettingsOf } from '../../../workers/student/loss-settings.js';
import { manifestWith } from '../../kit/worker-fakes.js';

type Output = NonNullable<Manifest['teacher']['output']>['kind'];
type Kind = Manifest['student']['loss']['kind'];

test.each<{ readonly output?: Output; readonly kind?: Kind; readonly want: object }>([
  { want: {} },
  { kind: 'MSE', want: { kind: 'MSE' } },
  { output: 'Logits', want: { kind: 'KL', answers: 'Logits' } },
  { output: 'Probabilities', want: { kind: 'KL', answers: 'Logits' } },
  { output: 'Sigmoid', want: { kind: 'BinaryCrossEntropy', answers: 'Sigmoid' } },
  { output: 'Embedding', want: { kind: 'Cosine', answers: 'Embedding' } },
  { output: 'Embedding', kind: 'MSE', want: { kind: 'MSE', answers: 'Embedding' } },
  { output: 'Sigmoid', kind: 'KL', want: { kind: 'KL', answers: 'Sigmoid' } },
])('a teacher of $output and the loss $kind give $want', ({ output, kind, want }) => {
  const { teacher, student, ...rest } = manifestWith();
  const manifest: Manifest = {
    ...rest,
    teacher: { ...teacher, ...(output === undefined ? {} : { output: { kind: output } }) },
    student: { ...student, loss: { ...student.loss, ...(kind === undefined ? {} : { kind }) } },
  };
  expect(lossSettingsOf(manifest)).toEqual({ temperature: 4, softWeight: 0.9, ...want });
});
