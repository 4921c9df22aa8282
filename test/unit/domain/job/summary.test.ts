/** What `kubectl get` prints for a job that needs attention. */
import { describe, expect, test } from '@jest/globals';

import { invalidStatus } from '../../../../src/domain/index.js';
import { clusterJob, ended, newJob, noonMs, type SnapshotMaker, training } from '../../../kit/snapshots.js';

const whyOf = ({ plan }: SnapshotMaker): string => {
  const { reason = '', message = '' } = plan.status.summary ?? {};
  return reason === '' ? message : `${reason}: ${message}`;
};

test('a job that rests shows its step, and neither a rate nor a time left', () => {
  for (const resting of [clusterJob().job((job) => job.suspended()), clusterJob().student({ phase: 'Failed' })]) {
    const { progress, summary } = resting.plan.status;
    expect(progress).toMatchObject({ step: 40, samplesPerSecond: 0 });
    expect(progress).not.toHaveProperty('secondsLeft');
    expect(summary).toMatchObject({ steps: '40/200' });
    expect(summary).not.toHaveProperty('timeLeft');
  }
  expect(clusterJob().plan.status).toMatchObject({
    progress: { samplesPerSecond: 1_000 },
    summary: { timeLeft: '16s' },
  });
});

describe('the summary shows', () => {
  test.each<[string, SnapshotMaker, string]>([
    ['nothing for a running job', clusterJob(), ''],
    ['nothing for a starting job', newJob().in('cluster'), ''],
    ['nothing for a suspended job', clusterJob().job((job) => job.suspended()), ''],
    ['nothing for a completed job', clusterJob().student({ phase: 'Succeeded' }), ''],
    [
      'why the API server refuses the job',
      clusterJob().refusedBecause('no'),
      'RefusedByCluster: The API server refuses what the job asks for: no',
    ],
    [
      'which field is not supported',
      newJob()
        .in('cluster')
        .job((job) => job.change(({ spec }) => (spec.dataset.delivery = 'Inline'))),
      'NotSupported: spec.dataset.delivery: ',
    ],
    [
      'that the API server refuses a job whose student failed',
      clusterJob()
        .student({ phase: 'Failed', failures: 1, lastError: ended(65, 'no such file') })
        .refusedBecause('no'),
      'RefusedByCluster: ',
    ],
    [
      'what ended the job',
      clusterJob().student({ phase: 'Failed', failures: 1, lastError: ended(65, 'no such file') }),
      'StudentError: The student cannot continue, and trying again would not help: no such file',
    ],
    [
      'that NATS is unreachable',
      clusterJob().streamsUnreachable('refused'),
      'BrokerUnreachable: NATS cannot be reached: refused',
    ],
    [
      'that no step was trained',
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

  test('why a stored job is invalid, without teachers', () => {
    const { status: before } = clusterJob().plan;
    const problem = {
      path: 'spec.weight',
      fault: { problem: 'it is 0', remedy: '' },
      message: 'spec.weight: found 0; raise it',
    };
    const { status } = invalidStatus({ metadata: { name: 'mnist' }, status: before, problems: [problem] }, noonMs);
    expect(status.summary).toEqual({ steps: '40/200', reason: 'Invalid', message: problem.message });
    expect(status).not.toHaveProperty('teachers');
  });

  test('nothing once the problem is solved', () => {
    const refused = clusterJob().refusedBecause('no').plan.status;
    expect(whyOf(clusterJob().status(refused))).toBe('');
  });
});
