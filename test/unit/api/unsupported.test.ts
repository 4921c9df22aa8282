/** What is promised but not built is refused with a sentence, for the engine that lacks it. */
import { describe, expect, test } from '@jest/globals';

import { checkJob, unsupported } from '../../../src/api/index.js';
import type { Engine } from '../../../src/api/index.js';
import { bent } from '../../kit/jobs.js';
import type { Change } from '../../kit/jobs.js';

function told(engine: Engine, ...changes: readonly Change[]): string[] {
  const result = checkJob(bent(...changes));
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('\n'));
  return unsupported(result.job, engine).map(({ message }) => message);
}

const onGpus: Change = [
  'spec.teacher.pools',
  [{ name: 'c' }, { name: 'g', resource: 'nvidia.com/gpu', template: { spec: {} } }],
];

describe('a job that this version can run', () => {
  test.each<[string, ...Change[]]>([
    ['in its shortest form'],
    ['with frames in memory', ['spec.logits.storage', 'Memory']],
    ['with top-k frames', ['spec.logits.topK', 3]],
    ['that skips what no teacher can do', ['spec.teacher.onFailure', 'Skip']],
  ])('%s is supported everywhere', (_title, ...changes) => {
    expect(told('local', ...changes)).toEqual([]);
    expect(told('cluster', ...changes)).toEqual([]);
  });

  test('with checkpoints in files is supported locally alone', () => {
    const change: Change = ['spec.student.checkpoint.store', 'file'];
    expect(told('local', change)).toEqual([]);
    expect(told('cluster', change)).toEqual([
      `spec.student.checkpoint.store: "file" is not supported yet; use nats, since a pod's own disk ends with the pod`,
    ]);
  });

  test('with GPU pools and templates is supported in a cluster alone', () => {
    expect(told('cluster', onGpus)).toEqual([]);
    expect(told('local', onGpus)).toEqual([
      'spec.teacher.pools[1].resource: "nvidia.com/gpu" is not supported yet; use CPU teachers: leave resource out, or run it in a cluster',
      'spec.teacher.pools[1].template: a pod template is not supported yet; use a cluster, or leave the template out: a local run makes no pods',
    ]);
  });
});

describe('a job beyond this version is refused:', () => {
  test.each<[string, Change]>([
    ['spec.dataset.format: "npy" is not supported yet; use idx', ['spec.dataset.format', 'npy']],
    ['spec.dataset.format: "imageFolder" is not supported yet; use idx', ['spec.dataset.format', 'imageFolder']],
    ['spec.dataset.format: "jsonl" is not supported yet; use idx', ['spec.dataset.format', 'jsonl']],
    ['spec.dataset.delivery: "Inline" is not supported yet; use Reference', ['spec.dataset.delivery', 'Inline']],
    ['spec.dataset.uri: https:// is not supported yet; use package:// or file://', ['spec.dataset.uri', 'https://h/x']],
    [
      'spec.teacher.model.uri: s3:// is not supported yet; use package:// or file://',
      ['spec.teacher.model.uri', 's3://bucket/x'],
    ],
    [
      'spec.student.model.uri: pvc:// is not supported yet; use package:// or file://, or run it in a cluster',
      ['spec.student.model.uri', 'pvc://claim/x.json'],
    ],
    ['spec.training.order: "Relaxed" is not supported yet; use Strict', ['spec.training.order', 'Relaxed']],
    ['spec.logits.reuse: "AcrossEpochs" is not supported yet; use Never', ['spec.logits.reuse', 'AcrossEpochs']],
    [
      'spec.logits.from: the logits of "other" is not supported yet; use teachers: leave logits.from out',
      ['spec.logits.from', { job: 'other' }],
    ],
    [
      'spec.logits.replicas: 3 is not supported yet; use 1, since a local run has one NATS server',
      ['spec.logits.replicas', 3],
    ],
    [
      'spec.student.output.store: "pvc://claim/x" is not supported yet; use nats',
      ['spec.student.output.store', 'pvc://claim/x'],
    ],
    [
      'spec.student.checkpoint.store: "s3://bucket" is not supported yet; use nats',
      ['spec.student.checkpoint.store', 's3://bucket'],
    ],
    [
      'spec.student.template: a pod template is not supported yet; use a cluster, or leave the template out: a local run makes no pods',
      ['spec.student.template', { spec: {} }],
    ],
  ])('%s', (message, change) => {
    expect(told('local', change)).toEqual([message]);
  });
});
