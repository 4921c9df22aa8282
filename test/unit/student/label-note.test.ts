import { describe, expect, test } from '@jest/globals';

import { labelNote } from '../../../workers/student/label-note.js';
import { fakeDataset, manifestWith } from '../../kit/worker-fakes.js';

describe('a data set without labels', () => {
  const manifest = manifestWith();
  const softWeight = (weight: number): typeof manifest => ({
    ...manifest,
    student: { ...manifest.student, loss: { ...manifest.student.loss, softWeight: weight } },
  });
  const { train } = fakeDataset(4);
  const unlabeled = { train: { ...train, spec: { ...train.spec, target: null } } };

  test('leaves the whole loss to the teacher, and says so where the job says otherwise', () => {
    expect(labelNote(softWeight(0.9), unlabeled)).toContain('the teacher carries the whole loss, and softWeight 0.9');
    expect(labelNote(softWeight(1), unlabeled)).toBeNull();
    expect(labelNote(softWeight(0), { train })).toBeNull();
  });

  test('is refused where labels alone are trained on', () => {
    expect(() => labelNote(softWeight(0), unlabeled)).toThrow('has no labels, and a softWeight of 0 (or --baseline)');
  });
});
