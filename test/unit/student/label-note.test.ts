import type { Manifest } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import type { Dataset } from '../../../workers/data/index.js';
import type { TargetSpec } from '../../../workers/samples/index.js';
import { baselineFault, labelNote } from '../../../workers/student/label-note.js';
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

  test('says that no step can be skipped', () => {
    const skipping = (weight: number): typeof manifest => {
      const job = softWeight(weight);
      return { ...job, teacher: { ...job.teacher, onFailure: 'Skip' } };
    };
    expect(labelNote(skipping(1), unlabeled)).toBe(
      'the data set has no labels; teacher.onFailure: Skip has no labels to train a step on, and counts as Fail',
    );
    expect(labelNote(skipping(0.5), unlabeled)).toContain('counts as 1; teacher.onFailure: Skip');
    expect(labelNote(skipping(1), { train })).toBeNull();
  });

  test('is refused where labels alone are trained on', () => {
    expect(() => labelNote(softWeight(0), unlabeled)).toThrow('has no labels, and a softWeight of 0 (or --baseline)');
  });
});

describe('a baseline', () => {
  const manifest = manifestWith();
  const dataset = fakeDataset(4);
  const withTarget = (target: TargetSpec | null): Dataset => ({
    ...dataset,
    train: { ...dataset.train, spec: { ...dataset.train.spec, target } },
  });
  const embedding: Manifest = { ...manifest, teacher: { ...manifest.teacher, output: { kind: 'Embedding' } } };

  test('is trained where labels are held out', () => {
    expect(baselineFault(manifest, dataset)).toBeNull();
    expect(baselineFault(embedding, withTarget({ kind: 'values', width: 3 }))).toBeNull();
  });

  test.each([
    ['no labels', manifest, withTarget(null), 'has no labels, and a baseline learns from labels alone'],
    ['classes and a teacher of embeddings', embedding, dataset, 'the teacher answers embeddings'],
    ['nothing held out', manifest, { ...dataset, test: null }, 'holds nothing out'],
  ])('is refused for %s', (_what, job, data, problem) => {
    expect(baselineFault(job, data)).toMatchObject({
      about: '--baseline',
      problem: expect.stringContaining(problem),
      remedy: expect.stringContaining('leave --baseline out, or '),
    });
  });
});
