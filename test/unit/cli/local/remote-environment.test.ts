/** Which workers get what reaches remote places. */
import { describe, expect, test } from '@jest/globals';

import { environmentOf } from '../../../../src/cli/local/run-environment.js';
import { JobMaker } from '../../../kit/snapshots.js';

const given = {
  environment: { PATH: '/bin' },
  remote: { cache: { DISTILL_CACHE_FOLDER: '/cache' }, buckets: { AWS_SECRET_ACCESS_KEY: 'x' } },
};

describe('the variables of workers', () => {
  test.each([
    ['files', 'file:///x.onnx', { PATH: '/bin' }],
    ['a web server', 'https://h/x.onnx', { PATH: '/bin', DISTILL_CACHE_FOLDER: '/cache' }],
    ['a bucket', 'S3://sets/x.onnx', { PATH: '/bin', DISTILL_CACHE_FOLDER: '/cache', AWS_SECRET_ACCESS_KEY: 'x' }],
  ])('of a job with %s', (_what, uri, want) => {
    const { job } = new JobMaker().change(({ spec }) => (spec.teacher.model.uri = uri));
    expect(environmentOf(job, given)).toEqual(want);
  });
});
