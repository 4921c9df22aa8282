/** Each engine refuses the fields of the API that it does not support, with a sentence. */
import { describe, expect, test } from '@jest/globals';

import { checkJob, unsupported } from '../../../src/api/index.js';
import type { Engine } from '../../../src/api/index.js';
import { bent } from '../../kit/jobs.js';
import type { Change } from '../../kit/jobs.js';

function problemsOf(engine: Engine, ...changes: readonly Change[]): string[] {
  const result = checkJob(bent(...changes));
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('\n'));
  return unsupported(result.job, engine).map(({ message }) => message);
}

const onGpus: Change = [
  'spec.teacher.pools',
  [{ name: 'c' }, { name: 'g', resource: 'nvidia.com/gpu', template: { spec: {} } }],
];

/** Models inside the worker image, where pods find them. */
const inImage: readonly Change[] = [
  ['spec.teacher.model.uri', 'file:///models/teacher.onnx'],
  ['spec.student.model.uri', 'file:///models/student.json'],
];

describe('a job that this version can run', () => {
  test.each<[string, ...Change[]]>([
    ['in its shortest form'],
    ['with frames in memory', ['spec.logits.storage', 'Memory']],
    ['with checkpoints in a bucket', ['spec.student.checkpoint.store', 's3://bucket']],
    ['with its result in a bucket', ['spec.student.output.store', 's3://bucket/x']],
    ['with top-k frames', ['spec.logits.topK', 3]],
    ['that skips what no teacher can do', ['spec.teacher.onFailure', 'Skip']],
  ])('%s is supported everywhere', (_title, ...changes) => {
    expect(problemsOf('local', ...changes)).toEqual([]);
    expect(problemsOf('cluster', ...inImage, ...changes)).toEqual([]);
  });

  test('with checkpoints in files is supported locally alone', () => {
    const change: Change = ['spec.student.checkpoint.store', 'file'];
    expect(problemsOf('local', change)).toEqual([]);
    expect(problemsOf('cluster', ...inImage, change)).toEqual([
      `spec.student.checkpoint.store: found "file", but a pod's own disk ends with the pod. Use nats, pvc:// or s3://.`,
    ]);
  });

  test('with Secrets of stores is supported in a cluster alone', () => {
    const changes = ['checkpoint', 'output'].map((part): Change => [
      `spec.student.${part}`,
      {
        ...(part === 'checkpoint' ? { everySteps: 1, keep: 1 } : {}),
        store: 's3://runs',
        secretRef: { name: 'bucket' },
      },
    ]);
    expect(problemsOf('cluster', ...inImage, ...changes)).toEqual([]);
    expect(problemsOf('local', ...changes)).toEqual(
      ['checkpoint', 'output'].map(
        (part) =>
          `spec.student.${part}.secretRef: found the Secret "bucket", but a local run has no Secrets. ` +
          'Leave it out, and set the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3://.',
      ),
    );
  });

  test('with claims and ConfigMaps is supported in a cluster alone', () => {
    const changes: readonly Change[] = [
      ['spec.dataset.uri', 'pvc://datasets/mnist'],
      ['spec.teacher.model.uri', 'pvc://models/teacher.onnx'],
      ['spec.student.model.uri', 'configmap://models/student.json'],
      ['spec.student.checkpoint.store', 'pvc://out/checkpoints'],
      ['spec.student.output.store', 'pvc://out/model'],
    ];
    expect(problemsOf('cluster', ...changes)).toEqual([]);
    expect(problemsOf('local', ...changes)).toEqual([
      'spec.dataset.uri: found pvc://, but a local run has no claims and no ConfigMaps. Use package:// or file://, or run it in a cluster.',
      'spec.teacher.model.uri: found pvc://, but a local run has no claims and no ConfigMaps. Use package:// or file://, or run it in a cluster.',
      'spec.student.model.uri: found configmap://, but a local run has no claims and no ConfigMaps. Use package:// or file://, or run it in a cluster.',
      'spec.student.checkpoint.store: found "pvc://out/checkpoints", but a local run has no claims. Use nats, file or s3://, or run it in a cluster.',
      'spec.student.output.store: found "pvc://out/model", but a local run has no claims. Use nats, file or s3://, or run it in a cluster.',
    ]);
  });

  test('with files beside the job file is supported locally alone', () => {
    const change: Change = ['spec.dataset.uri', 'file://data'];
    expect(problemsOf('local', change)).toEqual([]);
    expect(problemsOf('cluster', change)).toEqual([
      'spec.dataset.uri: found "file://data", expected an absolute path inside the worker image. Write file:///PATH, or use pvc://.',
      'spec.teacher.model.uri: found "file://models/teacher.onnx", expected an absolute path inside the worker image. Write file:///PATH, or use pvc:// or configmap://.',
      'spec.student.model.uri: found "file://models/student.json", expected an absolute path inside the worker image. Write file:///PATH, or use pvc:// or configmap://.',
    ]);
  });

  test('with a template that a job may not have is refused in a cluster', () => {
    const change: Change = ['spec.student.template', { spec: { hostNetwork: true } }];
    expect(problemsOf('cluster', ...inImage, change)).toEqual([
      expect.stringContaining('spec.student.template.spec.hostNetwork'),
    ]);
  });

  test('with GPU pools and templates is supported in a cluster alone', () => {
    expect(problemsOf('cluster', ...inImage, onGpus)).toEqual([]);
    expect(problemsOf('local', onGpus)).toEqual([
      'spec.teacher.pools[1].resource: found "nvidia.com/gpu", but a local run has teachers on the CPU only. Leave resource out, or run it in a cluster.',
      'spec.teacher.pools[1].template: found a pod template, but a local run makes no pods. Leave the template out, or run it in a cluster.',
    ]);
  });
});

describe('a job beyond this version is refused:', () => {
  test.each<[string, Change]>([
    ['spec.dataset.delivery: "Inline" is not supported yet. Use Reference.', ['spec.dataset.delivery', 'Inline']],
    [
      'spec.dataset.uri: found a folder, but a web server has no list of the files in a folder. Name one file, or put the folder into a bucket and use s3://.',
      ['spec.dataset.uri', 'https://h/x/'],
    ],
    [
      'spec.student.model.uri: found pvc://, but a local run has no claims and no ConfigMaps. Use package:// or file://, or run it in a cluster.',
      ['spec.student.model.uri', 'pvc://claim/x.json'],
    ],
    ['spec.training.order: "Relaxed" is not supported yet. Use Strict.', ['spec.training.order', 'Relaxed']],
    ['spec.logits.reuse: "AcrossEpochs" is not supported yet. Use Never.', ['spec.logits.reuse', 'AcrossEpochs']],
    [
      'spec.logits.from: the logits of "other" is not supported yet. Use teachers: leave logits.from out.',
      ['spec.logits.from', { job: 'other' }],
    ],
    [
      'spec.logits.replicas: found 3, but a local run has one NATS server. Use 1, or run it in a cluster.',
      ['spec.logits.replicas', 3],
    ],
    [
      'spec.student.template: found a pod template, but a local run makes no pods. Leave the template out, or run it in a cluster.',
      ['spec.student.template', { spec: {} }],
    ],
  ])('%s', (message, change) => {
    expect(problemsOf('local', change)).toEqual([message]);
  });
});
