/** Which jobs of a file are valid, and for which engine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { validated } from '../../../../src/cli/offline/validate.js';
import { bent, yamlOf } from '../../../kit/jobs.js';

const example = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../../../examples/mnist', name), 'utf8');
const firstLines = (text: string, path: string): string[] =>
  validated(text, path).lines.filter((line) => line.startsWith(path) && !line.includes(': spec.'));

describe('distill validate', () => {
  test('calls the job of the example valid for a local run, and says what to change for a cluster', () => {
    expect(validated(example('job.yaml'), 'job.yaml').problems).toEqual([]);
    expect(firstLines(example('job.yaml'), 'job.yaml')).toEqual([
      'job.yaml: DistillJob mnist is valid for distill run',
    ]);
  });

  test('calls the cluster job of the example valid for a cluster, and says what to change for a local run', () => {
    const { lines, problems } = validated(example('cluster.yaml'), 'cluster.yaml');
    expect(problems).toEqual([]);
    expect(lines.slice(0, 5)).toEqual([
      'To run DistillJob mnist with distill run, change these:',
      '',
      'cluster.yaml:10:27: spec.dataset.uri',
      '  found pvc://, but a local run has no claims and no ConfigMaps',
      '  use package:// or file://, or run it in a cluster',
    ]);
    expect(lines.slice(-2)).toEqual(['', 'cluster.yaml: DistillJob mnist is valid for a cluster']);
    expect(lines.join('\n')).not.toMatch(/\d+ problems?/);
  });

  test('calls a job that both can run valid', () => {
    const job = bent(['spec.teacher.model.uri', 'file:///t.onnx'], ['spec.student.model.uri', 'file:///s.json']);
    expect(validated(yamlOf(job), 'f')).toEqual({ lines: ['f: DistillJob mnist is valid'], problems: [] });
  });

  test('says what each engine needs for a SavedModel', () => {
    const model = { uri: 'file:///teacher', format: 'saved-model' };
    const student = ['spec.student.model.uri', 'file:///s.json'] as const;
    expect(validated(yamlOf(bent(['spec.teacher.model', model], student)), 'f')).toEqual({
      lines: [
        'f: DistillJob mnist is valid',
        '  with distill run, TensorFlow (runtime native) computes its SavedModel, where `npm run native` built it',
        '  in a cluster, TensorFlow (runtime native) computes its SavedModel, so its teachers need the image worker-native (docs/models.md)',
      ],
      problems: [],
    });
    const member = { members: [{ name: 'b', model }] };
    const teacher = ['spec.teacher.model.uri', 'file:///t.onnx'] as const;
    expect(validated(yamlOf(bent(teacher, ['spec.teacher.ensemble', member], student)), 'f', 'local').lines).toEqual([
      'f: DistillJob mnist is valid',
      '  with distill run, TensorFlow (runtime native) computes its SavedModel, where `npm run native` built it',
    ]);
  });

  test('refuses a job that neither can run, each problem once', () => {
    const { lines, problems } = validated(yamlOf(bent(['spec.training.order', 'Relaxed'])), 'f');
    expect(lines).toEqual([]);
    expect(problems.filter(({ path }) => path === 'spec.training.order')).toHaveLength(1);
  });

  test('checks for one engine alone with --engine', () => {
    expect(validated(example('cluster.yaml'), 'f', 'cluster').lines).toEqual(['f: DistillJob mnist is valid']);
    expect(validated(example('cluster.yaml'), 'f', 'local').problems).not.toEqual([]);
  });

  test('checks every job of a file, and names other objects', () => {
    const other = 'kind: Namespace\nmetadata: { name: team-a }\n';
    const text = [other, example('job.yaml'), yamlOf(bent(['metadata.name', 'b'], ['spec.weight', 0]))].join('---\n');
    expect(firstLines(text, 'f')).toEqual([
      'f: Namespace team-a is not a DistillJob: not checked',
      'f: DistillJob mnist is valid for distill run',
    ]);
    expect(validated(text, 'f').problems.map(({ path }) => path)).toEqual(['spec.weight']);
  });

  test('names a job without a name by its prefix, and standard input as such', () => {
    const text = example('cluster.yaml').replace('name: mnist }', 'generateName: mnist- }');
    expect(validated(text, '-', 'cluster').lines).toEqual(['standard input: DistillJob mnist-… is valid']);
  });
});
