/** The loss of a job, by what it says and by what its teacher answers. */
import type { Manifest } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { checkLoss, fittingTargets, lossSettingsOf } from '../../../workers/student/loss-settings.js';
import { fakeDataset, manifestWith } from '../../kit/worker-fakes.js';

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
  expect(lossSettingsOf(manifest, 'class')).toEqual({ temperature: 4, softWeight: 0.9, ...want });
});

test('numbers are learned by their squared error, unless the job says otherwise', () => {
  expect(lossSettingsOf(manifestWith(), 'values').kind).toBe('MSE');
  expect(lossSettingsOf(manifestWith(), 'class').kind).toBeUndefined();
  expect(lossSettingsOf(manifestWith(), undefined).kind).toBeUndefined();
});

test('a teacher whose rows of tokens are pooled answers embeddings', () => {
  const { teacher, ...rest } = manifestWith();
  const pooled: Manifest = { ...rest, teacher: { ...teacher, output: { pooling: 'Mean' } } };
  expect(lossSettingsOf(pooled, undefined)).toMatchObject({ kind: 'Cosine', answers: 'Embedding' });
});

test('KL over one column, which is always 0, is refused', () => {
  const settings = { temperature: 4, softWeight: 0.9 };
  expect(() => checkLoss(settings, 1)).toThrow('student.loss.kind: KL compares the shares of several columns');
  for (const loss of [
    { ...settings, softWeight: 0 },
    { ...settings, kind: 'MSE' as const },
  ])
    checkLoss(loss, 1);
  checkLoss(settings, 2);
});

describe('classes', () => {
  const settings = { temperature: 4, softWeight: 0.9 };
  test('are left out where the teacher answers embeddings, and said to be', async () => {
    for (const loss of [
      { ...settings, kind: 'Cosine' },
      { ...settings, kind: 'MSE', answers: 'Embedding' },
    ] as const) {
      const { dataset, notes } = fittingTargets(fakeDataset(10), loss);
      expect(notes).toEqual([expect.stringContaining('the labels are left out')]);
      expect([dataset.train, dataset.test].map((split) => split?.spec.target)).toEqual([null, null]);
      expect(await dataset.train.targets([0, 1])).toBeNull();
      expect((await dataset.train.read([0, 1])).count).toBe(2);
    }
  });

  test.each([
    { ...settings },
    { ...settings, kind: 'MSE' },
    { ...settings, kind: 'BinaryCrossEntropy' },
    { ...settings, kind: 'Cosine', softWeight: 0 },
  ] as const)('stay with the loss %j', (loss) => {
    const dataset = fakeDataset(10);
    expect(fittingTargets(dataset, loss)).toEqual({ dataset, notes: [] });
  });
});
