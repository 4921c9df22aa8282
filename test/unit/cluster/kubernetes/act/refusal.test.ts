/** How a refused write of a job's object is reported. */
import { describe, expect, test } from '@jest/globals';

import { ApiError } from '../../../../../src/cluster/kubernetes/index.js';
import { type ApiErrorReason } from '../../../../../src/cluster/kubernetes/api/index.js';
import { RefusalError, refusedOr } from '../../../../../src/cluster/kubernetes/act/refusal.js';
import { isBlocking } from '../../../../../src/controller/ports.js';

const metadata = { name: 'mnist-teacher-gpu', namespace: 'default', labels: { 'distillery.dev/pool': 'gpu' } };
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata };
const job = { apiVersion: 'batch/v1', kind: 'Job', metadata };

function error(kind: ApiErrorReason, field = 'spec.template.spec.volumes[0].name'): ApiError {
  const causes = [{ reason: 'FieldValueInvalid', field, message: 'no' }];
  return new ApiError(kind, { doing: 'apply', fault: { about: '', problem: 'it is invalid', remedy: '' }, causes });
}

describe('a refusal', () => {
  test.each([
    [deployment, 'it is invalid. Change pool gpu in spec.teacher.pools, most likely its template.'],
    [job, 'it is invalid. Change spec.student, most likely its template.'],
    [{ ...job, kind: 'ConfigMap' }, 'it is invalid. Change the job.'],
  ])('names the part of the job to change: $kind', (object, message) => {
    const refused = refusedOr(object, error('invalid'));
    expect(refused).toBeInstanceOf(RefusalError);
    expect((refused as Error).message).toBe(message);
  });

  test.each(['metadata.ownerReferences', 'spec.selector', 'spec.template'])(
    'that names an immutable field means that the object is not ours: %s',
    (field) => {
      const taken = refusedOr(deployment, error('invalid', field));
      expect(isBlocking(taken)).toBe(true);
      expect((taken as Error).message).toBe(
        'Deployment "mnist-teacher-gpu": it exists and does not belong to this job. Delete it if nothing needs it, or give this ' +
          'job another name.',
      );
    },
  );

  test.each<[ApiErrorReason, boolean]>([
    ['forbidden', true],
    ['internal', true],
    ['conflict', false],
    ['notFound', false],
    ['throttled', false],
    ['unavailable', false],
    ['unreachable', false],
  ])('is not made of %s: it is retried, and reported: %s', (kind, reported) => {
    const thrown = error(kind);
    expect(refusedOr(deployment, thrown)).toBe(thrown);
    expect(isBlocking(thrown)).toBe(reported);
  });
});
