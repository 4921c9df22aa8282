/** What `kubectl get` prints of a job that does not go on as it should. */
import { describe, expect, test } from '@jest/globals';

import { invalidStatus } from '../../../../src/domain/index.js';
import { clusterJob, ended, newJob, noonMs, type SnapshotMaker, training } from '../../../kit/snapshots.js';

const whyOf = ({ plan }: SnapshotMaker): string => {
  const { reason = '', message = '' } = plan.status.summary ?? {};
  return reason === '' ? message : `${reason}: ${message}`;
};

describe('the summary says', () => {
  test.each<[string, SnapshotMaker, string]>([
    ['nothing of a job that runs', clusterJob(), ''],
    ['nothing of a job that starts', newJob().in('cluster'), ''],
    ['nothing of a job that is suspended', clusterJob().job((job) => job.suspended()), ''],
    ['nothing of a job that is done', clusterJob().student({ phase: 'Succeeded' }), ''],
    [
      'what the API server refuses',
      clusterJob().refusedBecause('no'),
      'RefusedByCluster: The API server refuses what the job asks for: no',
    ],
    [
      'what is not supported',
      newJob()
        .in('cluster')
        .job((job) => job.change(({ spec }) => (spec.dataset.format = 'npy'))),
      'NotSupported: spec.dataset.format: ',
    ],
    [
      'what ended a job, even when it is refused by now',
      clusterJob()
        .student({ phase: 'Failed', failures: 1, lastError: ended(65, 'no such file') })
        .refusedBecause('no'),
      'RefusedByCluster: ',
    ],
    [
      'what ended it',
      clusterJob().student({ phase: 'Failed', failures: 1, lastError: ended(65, 'no such file') }),
      'StudentError: The student cannot go on, and trying again would not help: no such file',
    ],
    [
      'why nothing is decided',
      clusterJob().streamsUnreachable('refused'),
      'BrokerUnreachable: NATS cannot be reached: refused',
    ],
    [
      'that no step is trained',
      clusterJob()
        .reported(training({ updatedAtMs: noonMs - 65_000 }))
        .streams(),
      'Stalled: No step was trained for 60 seconds.',
    ],
    [
      'why the student does not start',
      clusterJob().student({ phase: 'BackingOff', failures: 0, lastError: ended(null, 'no such claim') }),
      'CannotStart: The student cannot start: no such claim',
    ],
    [
      'that no slot is free',
      newJob().in('cluster').pool('cpu', { freeSlots: 0 }),
      'NoFreeSlots: No slot is free that a teacher may use; waiting for one (0 of 4: 0 free slots).',
    ],
  ])('%s', (_what, maker, want) => {
    if (want.endsWith(' ')) expect(whyOf(maker)).toContain(want);
    else expect(whyOf(maker)).toBe(want);
  });

  test('why a stored job cannot be read as one, and nothing of teachers', () => {
    const { status: before } = clusterJob().plan;
    const problem = {
      path: 'spec.weight',
      found: '0',
      rule: '',
      remedy: '',
      message: 'spec.weight: found 0; raise it',
    };
    const { status } = invalidStatus({ metadata: { name: 'mnist' }, status: before, problems: [problem] }, noonMs);
    expect(status.summary).toEqual({ steps: '40/200', reason: 'Invalid', message: problem.message });
    expect(status).not.toHaveProperty('teachers');
  });

  test('nothing any more once it is mended', () => {
    const refused = clusterJob().refusedBecause('no').plan.status;
    expect(whyOf(clusterJob().status(refused))).toBe('');
  });
});
