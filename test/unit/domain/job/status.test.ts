/** What the status counts itself because Kubernetes does not: disrupted students, slot seconds. */
import { describe, expect, test } from '@jest/globals';

import {
  clusterJob,
  conditionText,
  ended,
  labeling,
  newJob,
  noonMs,
  runningJob,
  type SnapshotMaker,
  story,
  training,
} from '../../../kit/snapshots.js';

const attempts = (attempt: number, failures = 0): SnapshotMaker =>
  clusterJob().student({ failures }).reported(training({ attempt }));
const paused = (snapshot: SnapshotMaker): SnapshotMaker => snapshot.job((job) => job.suspended());
const wiped = clusterJob().streamsAbsent();

describe('disrupted students', () => {
  test.each<[string, SnapshotMaker, number]>([
    ['are 0 while the first one runs', attempts(1), 0],
    ['are 0 before its first report', clusterJob().reported(null), 0],
    ['are attempts after the first without another cause', attempts(3), 2],
    ['do not include charged failures', attempts(3, 1), 1],
    ['are 0 when every attempt failed', attempts(4, 3), 0],
    ['are 0 while the attempt after a failure has not reported', attempts(1, 1), 0],
    ['do not include suspensions', attempts(3).status({ resumptions: 1 }), 1],
    ['include neither failures nor suspensions', attempts(5, 2).status({ resumptions: 1 }), 1],
    [
      'stay while NATS is unreachable',
      attempts(3)
        .status({ disruptions: { teacher: 0, student: 2 } })
        .streamsUnreachable('gone'),
      2,
    ],
    ['stay when the streams were lost', wiped.status({ disruptions: { teacher: 0, student: 2 } }), 2],
    ['stay when the attempts restart at one', attempts(1).status({ disruptions: { teacher: 0, student: 2 } }), 2],
    [
      'are counted by a local run itself',
      runningJob()
        .student({ disruptions: 4 })
        .reported(training({ attempt: 2 })),
      4,
    ],
  ])('%s', (_what, snapshot, want) => {
    expect(snapshot.plan.status.disruptions?.student).toBe(want);
  });

  test('are reported as they happen, and failures as failures', () => {
    const failing = attempts(2, 1).student({ phase: 'BackingOff', lastError: ended(1, 'out of memory') });
    const { plans, events } = story(attempts(1), attempts(2), failing, attempts(3, 1), attempts(4, 1));
    expect(plans.map(({ status }) => [status.disruptions?.student, status.failures])).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
      [1, 1],
      [2, 1],
    ]);
    expect(events.filter((event) => event.includes('Student'))).toEqual([
      'StudentStarted: Student process 1 started at step 0.',
      'StudentLost: The student was disrupted; a new one continues from its checkpoint.',
      'StudentStarted: Student process 2 started at step 0.',
      '! StudentFailed: The student failed (1 of at most 6): out of memory',
      'StudentStarted: Student process 3 started at step 0.',
      'StudentLost: The student was disrupted; a new one continues from its checkpoint.',
      'StudentStarted: Student process 4 started at step 0.',
    ]);
  });

  test('report the step from which they resume, once they have loaded it', () => {
    const claimed = runningJob().reported(training({ attempt: 2, phase: 'Starting', loading: true, step: 70 }));
    const loaded = runningJob().reported(training({ attempt: 2, phase: 'Starting', step: 60, resumedFromStep: 60 }));
    const { events } = story(attempts(1), claimed, loaded);
    expect(events.filter((event) => event.includes('StudentStarted'))).toEqual([
      'StudentStarted: Student process 1 started at step 0.',
      'StudentStarted: Student process 2 started at step 60.',
    ]);
  });

  test('between two reconciles are counted by the next one', () => {
    const { plans } = story(attempts(1), attempts(5, 1));
    expect(plans[1]?.status.disruptions?.student).toBe(3);
  });
});

describe('resumptions', () => {
  const counts = (...snapshots: readonly SnapshotMaker[]): (number | undefined)[] =>
    story(...snapshots).plans.map(({ status }) => status.resumptions);

  test('count each suspension for which a student stopped, in the decision that ends it', () => {
    const stopped = paused(attempts(1)).student({ phase: 'Absent' });
    expect(counts(attempts(1), paused(attempts(1)), stopped, attempts(1), attempts(1), attempts(2))).toEqual([
      undefined,
      undefined,
      undefined,
      1,
      1,
      1,
    ]);
    expect(counts(attempts(1), stopped, attempts(2), paused(attempts(2)), attempts(3)).at(-1)).toBe(2);
  });

  test('do not count as disruptions', () => {
    const { plans, events } = story(attempts(1), paused(attempts(1)), attempts(1), attempts(2), attempts(3));
    expect(plans.map(({ status }) => status.disruptions?.student)).toEqual([0, 0, 0, 0, 1]);
    expect(events.filter((event) => event.startsWith('StudentLost'))).toHaveLength(1);
  });

  test.each<[string, readonly SnapshotMaker[]]>([
    ['a job that was created suspended', [paused(clusterJob()).streamsAbsent(), wiped, attempts(1)]],
    ['a suspended job that is deleted', [attempts(1), paused(attempts(1)), attempts(1).job((job) => job.deleted())]],
    [
      'a suspended job whose student had succeeded',
      [attempts(1), paused(attempts(1)), attempts(1).student({ phase: 'Succeeded' })],
    ],
    ['a job that cannot be run', [attempts(1), paused(attempts(1)), attempts(1).refusedBecause('no such claim')]],
  ])('are none of %s', (_what, snapshots) => {
    expect(counts(...snapshots)).toEqual(snapshots.map(() => undefined));
  });
});

describe('usage', () => {
  const used = { teacherSlotSeconds: 12, studentSlotSeconds: 7 };

  test('of a job in a cluster has its time, in whole seconds like the times of pods', () => {
    const { status } = clusterJob()
      .used(used)
      .at(noonMs + 1_999).plan;
    expect(status.usage).toEqual({ ...used, accountedUntil: '2026-11-24T12:00:01Z' });
  });

  test('of a local run is what its processes used', () => {
    expect(runningJob().used(used).plan.status.usage).toEqual(used);
  });
});

describe('a job that the cluster refuses', () => {
  const sentence =
    'Deployment.apps "mnist-teacher-cpu" is invalid: spec.template.spec.nodeSelector: Invalid value: "a b"';
  const refused = clusterJob().refusedBecause(sentence);

  test('reports it and stops everything', () => {
    const { plans, events } = story(clusterJob(), refused, refused.allGone());
    expect(plans[1]).toMatchObject({
      workers: 'Remove',
      student: 'Stop',
      object: 'Keep',
      pools: [{ replicas: 0 }],
      streams: { provision: false, remove: false },
      status: { phase: 'Pending' },
      againMs: 1_000,
    });
    expect(plans[2]).toMatchObject({ workers: 'Remove', againMs: null });
    expect(conditionText(plans[1]!.status, 'Accepted')).toBe(
      `Accepted False RefusedByCluster: The API server refuses what the job asks for: ${sentence}`,
    );
    expect(events.slice(3)).toEqual([
      `! Refused: The API server refuses what the job asks for: ${sentence}`,
      'TeachersScaled: Pool cpu: 2 → 0 teachers (the job cannot be run).',
    ]);
  });

  test('has no teachers in its status if it was never accepted', () => {
    const never = newJob().in('cluster').refusedBecause(sentence);
    const { plans, events } = story(never, never);
    expect(events).toEqual([`! Refused: The API server refuses what the job asks for: ${sentence}`]);
    expect(plans[1]?.status).not.toHaveProperty('teachers');
    expect(JSON.stringify(plans.map(({ status }) => status))).not.toContain('Finished');
  });

  test('is accepted again when its next generation is valid', () => {
    const { plans, events } = story(
      refused,
      clusterJob().job((job) => job.generation(2)),
    );
    expect(conditionText(plans[1]!.status, 'Accepted')).toBe('Accepted True Valid: The job is valid and can be run.');
    expect(plans[1]).toMatchObject({ workers: 'Apply', student: 'Run', status: { observedGeneration: 2 } });
    expect(events.filter((event) => event.startsWith('Accepted'))).toHaveLength(1);
  });

  test('stays ended if it had ended before', () => {
    const complete = clusterJob().student({ phase: 'Succeeded' });
    const { plans } = story(complete, complete.allGone().refusedBecause(sentence));
    expect(plans[1]?.status).toMatchObject({ phase: 'Succeeded', conditions: plans[0]!.status.conditions });
  });

  test('reports an unsupported field first', () => {
    const both = newJob()
      .in('cluster')
      .refusedBecause(sentence)
      .job((job) => job.change(({ spec }) => (spec.dataset.delivery = 'Inline')));
    expect(conditionText(both.plan.status, 'Accepted')).toContain('NotSupported');
  });
});

describe('notes of the processes', () => {
  const noting = (student: readonly string[], ...teachers: readonly (readonly string[])[]): SnapshotMaker =>
    runningJob()
      .reported(training({ notes: [...student] }))
      .teachers(...teachers.map((notes, at) => labeling(`cpu-${String(at)}`, { notes: [...notes] })));
  const noted = (...snapshots: readonly SnapshotMaker[]): readonly string[] =>
    story(...snapshots).events.filter((event) => event.includes('Noted'));

  test('are reported once, of all processes together', () => {
    expect(
      noted(
        noting(['no labels']),
        noting(['no labels'], ['a softmax'], ['a softmax']),
        noting([]),
        noting(['no labels']),
      ),
    ).toEqual(['Noted: Student: no labels', 'Noted: Teacher: a softmax']);
    expect(noting(['no labels'], ['a softmax']).plan.status.notes).toEqual([
      'student: no labels',
      'teacher: a softmax',
    ]);
    expect(noting([], []).plan.status).not.toHaveProperty('notes');
  });

  test('are bounded', () => {
    const many = Array.from({ length: 40 }, (_, at) => [`note ${String(at)}`]);
    expect(noting([], ...many).plan.status.notes).toHaveLength(32);
    expect(noted(noting([], ...many), noting(['one more'], ...many))).toHaveLength(32);
  });
});
