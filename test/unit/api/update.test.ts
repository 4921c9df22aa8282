/** Fields that may change while a job runs, and immutable ones. */
import { describe, expect, test } from '@jest/globals';

import { checkJob, validateUpdate } from '../../../src/api/index.js';
import type { DistillJob } from '../../../src/api/index.js';
import { bent } from '../../kit/jobs.js';
import type { Change } from '../../kit/jobs.js';

const pools: Change = ['spec.teacher.pools', [{ name: 'a', resource: 'nvidia.com/gpu' }, { name: 'b' }]];

function job(...changes: readonly Change[]): DistillJob {
  const result = checkJob(bent(pools, ...changes));
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('\n'));
  return result.job;
}

const refusedPaths = (...changes: readonly Change[]): string[] =>
  validateUpdate(job(), job(...changes)).map(({ path }) => path);

describe('a change of', () => {
  test.each<[string, Change]>([
    ['nothing', ['spec.weight', 1]],
    ['suspend', ['spec.suspend', true]],
    ['weight', ['spec.weight', 5]],
    ['ttlSecondsAfterFinished', ['spec.ttlSecondsAfterFinished', 1]],
    ['backoffLimit', ['spec.backoffLimit', 1]],
    ['the buffer target', ['spec.teacher.bufferTargetSeconds', 9]],
    ['a template', ['spec.student.template', { spec: {} }]],
    [
      'bounds of a pool',
      ['spec.teacher.pools', [{ name: 'a', resource: 'nvidia.com/gpu', maxReplicas: 9 }, { name: 'b' }]],
    ],
    ['the order of pools', ['spec.teacher.pools', [{ name: 'b' }, { name: 'a', resource: 'nvidia.com/gpu' }]]],
    ['the set of pools', ['spec.teacher.pools', [{ name: 'c', resource: 'amd.com/gpu', slotsPerReplica: 2 }]]],
  ])('%s is allowed', (_title, change) => {
    expect(refusedPaths(change)).toEqual([]);
  });

  test.each<[string, Change]>([
    ['spec.dataset', ['spec.dataset.uri', 'package://other']],
    ['spec.training', ['spec.training.seed', 2]],
    ['spec.training', ['spec.training.augment.noise', 0.1]],
    ['spec.teacher.model', ['spec.teacher.model.uri', 'file://other.onnx']],
    ['spec.teacher.input', ['spec.teacher.input', { layout: 'NCHW' }]],
    ['spec.teacher', ['spec.teacher.tokenizer', { uri: 'file://tokenizer.json' }]],
    ['spec.teacher', ['spec.teacher.ensemble', { members: [{ name: 'b', model: { uri: 'file://b.onnx' } }] }]],
    ['spec.teacher.pools[0]', ['spec.teacher.pools', [{ name: 'a' }]]],
    ['spec.teacher.pools[0]', ['spec.teacher.pools', [{ name: 'a', resource: 'amd.com/gpu' }]]],
    ['spec.teacher.pools[0]', ['spec.teacher.pools', [{ name: 'b', resource: 'amd.com/gpu' }]]],
    [
      'spec.teacher.pools[1]',
      ['spec.teacher.pools', [{ name: 'n' }, { name: 'a', resource: 'nvidia.com/gpu', slotsPerReplica: 2 }]],
    ],
    ['spec.logits', ['spec.logits.topK', 4]],
    ['spec.logits', ['spec.logits.from', { job: 'other' }]],
    ['spec.student.model', ['spec.student.model.uri', 'file://other.json']],
    ['spec.student.loss', ['spec.student.loss.temperature', 2]],
    ['spec.student.optimizer', ['spec.student.optimizer.schedule', { name: 'Cosine' }]],
    ['spec.student.checkpoint', ['spec.student.checkpoint.everySteps', 10]],
    ['spec.student.evaluation', ['spec.student.evaluation.everyEpochs', 2]],
    ['spec.student.output', ['spec.student.output.store', 'file']],
  ])('%s is refused', (path, change) => {
    expect(refusedPaths(change)).toEqual([path]);
  });

  test('a weight of an ensemble is refused', () => {
    const of = (weight: number): DistillJob =>
      job(['spec.teacher.ensemble', { members: [{ name: 'b', weight, model: { uri: 'file://b.onnx' } }] }]);
    expect(validateUpdate(of(1), of(1))).toEqual([]);
    expect(validateUpdate(of(1), of(2)).map(({ path }) => path)).toEqual(['spec.teacher.ensemble']);
  });

  test('several fields is reported completely, in sentences', () => {
    const changed = job(['spec.training.seed', 2], ['spec.student.output.store', 'file']);
    expect(validateUpdate(job(), changed).map(({ message }) => message)).toEqual([
      'spec.student.output: found a change, but student.output is immutable. Make a new job.',
      'spec.training: found a change, but training is immutable, since it decides every step. Make a new job.',
    ]);
  });
});
