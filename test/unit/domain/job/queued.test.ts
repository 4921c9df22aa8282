/** A job in a queue of Kueue, as its user reads it. */
import { describe, expect, test } from '@jest/globals';

import { decide, type StudentQueue } from '../../../../src/domain/index.js';
import { clusterJob, conditionText, type SnapshotMaker, story } from '../../../kit/snapshots.js';

const lacks = 'insufficient unused quota for nvidia.com/gpu in flavor kit, 1 more needed.';
const workload = { name: 'job-mnist-student-3f1a2', active: true, stoppedByUs: false, message: lacks };
const waiting: StudentQueue = { name: 'team', admitted: false, workload };
const admitted: StudentQueue = { name: 'team', admitted: true, workload: { ...workload, message: '' } };

const named = (): SnapshotMaker => clusterJob().job((job) => job.change(({ spec }) => (spec.queueName = 'team')));
const queued = (queue: StudentQueue | null = waiting): SnapshotMaker =>
  named().pool('cpu', { pods: '', freeSlots: 4 }).student({ phase: 'Absent', queue });
const said = (maker: SnapshotMaker): string => conditionText(maker.plan.status, 'Queued');

describe('a student in a queue', () => {
  test('waits, runs, is preempted and goes on; each step is one event', () => {
    const { plans, events } = story(
      queued(null).streamsAbsent(),
      queued(),
      named().student({ phase: 'Running', queue: admitted }),
      queued({ ...waiting, workload: { ...workload, message: 'Preempted to accommodate a workload' } }),
      named().student({ phase: 'Running', queue: admitted }),
    );
    expect(plans.map(({ status }) => status.phase)).toEqual(['Queued', 'Queued', 'Running', 'Queued', 'Running']);
    expect(plans.map(({ student }) => student)).toEqual(['Run', 'Run', 'Run', 'Run', 'Run']);
    expect(plans.map(({ pools }) => pools[0]?.replicas)).toEqual([0, 0, 2, 0, 2]);
    expect(events.filter((event) => /^(! )?(Queued|Admitted)/.test(event))).toEqual([
      'Queued: Kueue has not taken up Job mnist-student for LocalQueue team yet. If this stays: check that Kueue runs, has the integration ' +
        'batch/job, and manages this namespace (managedJobsNamespaceSelector).',
      `Queued: The student waits in LocalQueue team: ${lacks}`,
      'Admitted: Kueue has admitted the student through LocalQueue team.',
      'Queued: The student waits in LocalQueue team: Preempted to accommodate a workload.',
      'Admitted: Kueue has admitted the student through LocalQueue team.',
    ]);
    expect(plans[1]?.status.summary).toMatchObject({ reason: 'WaitingForQuota' });
  });

  test('provisions no streams while it never ran', () => {
    expect(queued().streamsAbsent().plan.streams.provision).toBe(false);
    expect(named().student({ phase: 'Running', queue: admitted }).streamsAbsent().plan.streams.provision).toBe(true);
  });

  test('is suspended: its Workload rests, and it waits for no quota', () => {
    const suspended = queued({ ...waiting, workload: { ...workload, active: false, stoppedByUs: true } }).job((job) =>
      job.suspended(),
    );
    expect(suspended.plan).toMatchObject({ student: 'Stop', status: { phase: 'Suspended' } });
    expect(said(suspended)).toBe('Queued False Suspended: The job is suspended and waits for no quota.');
  });

  test('is stopped by somebody else: the job names the Workload and the remedy', () => {
    const stopped = queued({ ...waiting, workload: { ...workload, active: false } });
    expect(said(stopped)).toBe(
      "Queued True WorkloadStopped: Workload job-mnist-student-3f1a2 was stopped, not by this job's spec.suspend. Set its spec.active to true to continue.",
    );
  });

  test.each([
    ['NotServed', 'KueueNotServed', 'Install Kueue'],
    ['TooOld', 'KueueTooOld', 'Upgrade Kueue'],
    ['NotReadable', 'KueueNotReadable', 'Upgrade the chart'],
  ] as const)('has a remedy where Kueue is %s', (kueue, reason, remedy) => {
    const { snapshot } = queued(null);
    const missing = decide({ ...snapshot, cluster: { ...snapshot.cluster, kueue } }).status;
    expect(conditionText(missing, 'Queued')).toMatch(new RegExp(`^Queued True ${reason}: .*${remedy}`));
  });
});

test('a job without a queue has no such condition', () => {
  expect(said(clusterJob())).toBe('Queued absent');
});

test('a Job that the LocalQueue default took says so, with remedies', () => {
  const captured = clusterJob().student({ phase: 'Absent', queue: { ...waiting, name: 'default' } });
  expect(captured.plan.status.phase).toBe('Queued');
  expect(said(captured)).toBe(
    `Queued True CapturedByDefaultQueue: LocalQueue default took the student, although the job does not name it: ${lacks} To use it, make the ` +
      'job with queueName and teacher.queueName. To avoid it, use a namespace without LocalQueue default, or exclude this one by ' +
      "Kueue's managedJobsNamespaceSelector.",
  );
});
