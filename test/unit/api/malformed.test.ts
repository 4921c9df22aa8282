/**
 * What a person is told for each way of getting a job wrong, word for word: golden/malformed.txt. After a wanted change
 * run with UPDATE_GOLDEN=1 and read the diff.
 */
import { readFileSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { readJob } from '../../../src/api/index.js';
import { bent, yamlOf } from './samples.js';
import type { Change } from './samples.js';

const golden = new URL('golden/malformed.txt', import.meta.url);
const pool = (...changes: readonly Record<string, unknown>[]): Change => ['spec.teacher.pools', changes];

/** Title, then either the text itself or what is changed in the shortest valid job. */
const cases: readonly (readonly [title: string, text: string] | readonly [title: string, ...changes: Change[]])[] = [
  ['an empty file', ''],
  ['comments alone', '# nothing\n---\n# here\n'],
  [
    'a list where spec should be',
    'apiVersion: distillery.dev/v1alpha1\nkind: DistillJob\nmetadata: {name: a}\nspec: []\n',
  ],
  ['a text alone', 'hello'],
  ['an open bracket', 'kind: [\n'],
  ['a tab as indentation', 'metadata:\n\tname: mnist\n'],
  ['a field given twice', 'kind: DistillJob\nkind: DistillJob\n'],
  ['two jobs in one file', `${yamlOf(bent())}---\n${yamlOf(bent())}`],
  ['an alias without an anchor', 'metadata: *nowhere\n'],
  ['an anchor that contains itself', 'spec: &all { teacher: *all }\n'],
  [
    'aliases that multiply',
    `a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [${'*a, '.repeat(9)}]\nc: &c [${'*b, '.repeat(9)}]\nd: [${'*c, '.repeat(9)}]\n`,
  ],
  ['another kind', ['kind', 'Deployment'], ['apiVersion', 'apps/v1']],
  ['no kind', ['kind', undefined]],
  ['another version', ['apiVersion', 'distillery.dev/v1']],
  ['no name', ['metadata', {}]],
  ['a name with capitals', ['metadata.name', 'MNIST']],
  ['a name with dots', ['metadata.name', 'mnist.v1']],
  ['a name of 64 characters', ['metadata.name', 'm'.repeat(64)]],
  ['a number as a label', ['metadata.labels', { team: 7 }]],
  ['no spec', ['spec', undefined]],
  ['an empty spec', ['spec', {}]],
  ['a spec that is text', ['spec', 'all of it']],
  ['no dataset uri', ['spec.dataset.uri', undefined]],
  ['an empty dataset uri', ['spec.dataset.uri', '']],
  ['a uri without a scheme', ['spec.dataset.uri', 'data/mnist']],
  ['a uri of another scheme', ['spec.dataset.uri', 'ftp://host/mnist']],
  ['a uri with a space', ['spec.dataset.uri', 'file://my data']],
  ['a package uri without a package', ['spec.dataset.uri', 'package:///x']],
  ['a claim uri with capitals', ['spec.dataset.uri', 'pvc://Claim/mnist']],
  ['a claim uri that climbs', ['spec.dataset.uri', 'pvc://datasets/../mnist']],
  ['a claim uri with an escape', ['spec.teacher.model.uri', 'pvc://models/a%20b.onnx']],
  ['a data set in a ConfigMap', ['spec.dataset.uri', 'configmap://data/mnist']],
  ['a ConfigMap uri without a key', ['spec.teacher.model.uri', 'configmap://models']],
  ['a ConfigMap uri with a folder', ['spec.student.model.uri', 'configmap://models/a/student.json']],
  ['a bucket uri without a bucket', ['spec.dataset.uri', 's3:///mnist']],
  ['a uri that is too long', ['spec.dataset.uri', `file://${'x'.repeat(1024)}`]],
  ['a format in capitals', ['spec.dataset.format', 'IDX']],
  ['a format nobody knows', ['spec.dataset.format', 'parquet']],
  ['a batch size of 0', ['spec.training.batchSize', 0]],
  ['a batch size in quotes', ['spec.training.batchSize', '128']],
  ['a batch size with a fraction', ['spec.training.batchSize', 12.5]],
  ['a batch size that is a word', ['spec.training.batchSize', 'many']],
  ['a batch size beyond all bounds', ['spec.training.batchSize', 1e300]],
  ['a seed that does not fit 32 bits', ['spec.training.seed', 2 ** 32]],
  ['noise above 1', ['spec.training.augment.noise', 1.5]],
  [
    'a noise that is not a number',
    'apiVersion: distillery.dev/v1alpha1\nkind: DistillJob\nmetadata: {name: a}\nspec:\n  dataset: {uri: "package://a"}\n  teacher: {model: {uri: "file://a.onnx"}}\n  student: {model: {uri: "file://a.json"}}\n  training: {augment: {noise: .nan}}\n',
  ],
  ['a misspelled field', ['spec.training.batchsize', 64]],
  ['two letters swapped', ['spec.training.epcohs', 3]],
  ['a known field one level too high', ['spec.batchSize', 64]],
  ['a known field at the root', ['dataset', { uri: 'file://x' }]],
  ['a known field in the wrong branch', ['spec.teacher.temperature', 4]],
  ['a misspelled field in the wrong branch', ['spec.student.optimiser', { name: 'sgd' }]],
  ['a field nobody knows', ['spec.frobnicate', true]],
  ['a field that many objects have', ['spec.dataset.name', 'mnist']],
  ['a field with a name of the language', ['spec.constructor', 1]],
  ['a field name with a dot', ['spec', { 'a.b': 1 }]],
  ['suspend as a word', ['spec.suspend', 'perhaps']],
  ['a weight of 0', ['spec.weight', 0]],
  ['a label that cannot be text', ['spec.teacher.onFailure', true]],
  ['a teacher model of the wrong format', ['spec.teacher.model.uri', 'file://models/teacher.json']],
  ['a tfjs teacher that is an onnx file', ['spec.teacher.model.format', 'tfjs-layers']],
  ['mean without std', ['spec.teacher.input.mean', [0.5]]],
  ['mean and std of different lengths', ['spec.teacher.input', { mean: [0.5, 0.5, 0.5], std: [0.25] }]],
  ['std of 0', ['spec.teacher.input', { mean: [0.5], std: [0] }]],
  ['an empty mean', ['spec.teacher.input', { mean: [], std: [] }]],
  ['a buffer target of 0', ['spec.teacher.bufferTargetSeconds', 0]],
  ['pools as an object', ['spec.teacher.pools', { name: 'a' }]],
  ['no pools at all', pool()],
  ['seventeen pools', pool(...Array.from({ length: 17 }, (_, index) => ({ name: `p${String(index)}` })))],
  ['two pools of one name', pool({ name: 'a' }, { name: 'a' })],
  ['a pool without a name', pool({ maxReplicas: 1 })],
  ['a pool name with an underscore', pool({ name: 'spot_t4' })],
  ['more teachers at least than at most', pool({ name: 'a', minReplicas: 8 })],
  ['a resource without a domain', pool({ name: 'a', resource: 'gpu' })],
  ['several slots of nothing', pool({ name: 'a', slotsPerReplica: 2 })],
  ['replicas of NATS that no majority fits', ['spec.logits.replicas', 2]],
  ['a size in words', ['spec.logits.maxBytes', '2 gigabytes']],
  ['a size that is too small', ['spec.logits.maxBytes', '1Mi']],
  ['a size in bytes that is too small', ['spec.logits.maxBytes', 4096]],
  ['reuse with augmentation', ['spec.logits.reuse', 'AcrossEpochs'], ['spec.training.augment.shift', 2]],
  ['reuse over a single epoch', ['spec.logits.reuse', 'AcrossEpochs'], ['spec.training.epochs', 1]],
  ["reuse of another job's logits", ['spec.logits.reuse', 'AcrossEpochs'], ['spec.logits.from', { job: 'other' }]],
  ['an onnx student', ['spec.student.model.uri', 'file://models/student.onnx']],
  ['a temperature of 0', ['spec.student.loss.temperature', 0]],
  ['a soft weight above 1', ['spec.student.loss.softWeight', 2]],
  ['an optimizer nobody knows', ['spec.student.optimizer.name', 'adagrad']],
  ['a momentum of 1', ['spec.student.optimizer.momentum', 1]],
  ['weight decay without adamw', ['spec.student.optimizer.weightDecay', 0.01]],
  ['a final fraction of a constant schedule', ['spec.student.optimizer.schedule.finalFraction', 0.1]],
  ['no checkpoint kept', ['spec.student.checkpoint.keep', 0]],
  ['a store nobody knows', ['spec.student.output.store', 'disk']],
  ['a claim without a name', ['spec.student.checkpoint.store', 'pvc://']],
  ['a store that climbs', ['spec.student.output.store', 'pvc://out/..']],
  ['a negative time to live', ['spec.ttlSecondsAfterFinished', -1]],
  [
    'many mistakes at once',
    ['spec.weight', 'x'],
    ['spec.nope', 1],
    ['spec.dataset.uri', undefined],
    ['spec.student.optimizer.weightDecay', 1],
  ],
];

function textOf([, ...rest]: (typeof cases)[number]): string {
  const [first] = rest;
  return typeof first === 'string' ? first : yamlOf(bent(...(rest as Change[])));
}

function told(text: string): string {
  const result = readJob(text, { sourceName: 'job.yaml' });
  if (result.ok) return 'accepted';
  return result.problems
    .map(
      ({ position, message }) =>
        `${position === undefined ? '-' : `${String(position.line)}:${String(position.column)}`} ${message}`,
    )
    .join('\n');
}

describe('a malformed job', () => {
  test('is told in these words', () => {
    const text = cases.map((one) => `# ${one[0]}\n${told(textOf(one))}\n`).join('\n');
    if (process.env.UPDATE_GOLDEN !== undefined) writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, 'utf8'));
  });

  test.each(cases.map((one) => [one[0], one] as const))('is refused: %s', (_title, one) => {
    const result = readJob(textOf(one), { sourceName: 'job.yaml' });
    expect(result.ok).toBe(false);
    if (result.ok) return;
    for (const { message, found, rule, remedy, source } of result.problems) {
      expect(source).toBe('job.yaml');
      for (const part of [found, rule, remedy]) {
        expect(part).not.toBe('');
        expect(message).toContain(part);
      }
    }
  });
});
