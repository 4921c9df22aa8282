/** How many teachers a job gets, and in which pools: DESIGN §5.3 as a table. */
import { describe, expect, test } from '@jest/globals';

import { labelling, newJob, noonMs, runningJob, type SnapshotMaker, training } from '../../kit/snapshots.js';

/** `cpu=2 spot=0 (MatchStudent)` */
function planned(snapshot: SnapshotMaker): string {
  const { pools, status } = snapshot.plan;
  const reasons = new Set(status.teachers?.pools.map(({ reason }) => reason));
  return `${pools.map(({ name, replicas }) => `${name}=${String(replicas)}`).join(' ')} (${[...reasons].join()})`;
}

const noWork = { work: { messages: 0, pending: 0, ackPending: 0 } };
const rates = (student: number, ...teachers: readonly number[]): SnapshotMaker =>
  runningJob()
    .pool('cpu', { pods: teachers.map((_, index) => `cpu-${String(index)}`).join(' '), freeSlots: 9 })
    .job((job) => job.pools({ name: 'cpu', maxReplicas: 20 }))
    .told(training({ unstarvedSamplesPerSecond: student }))
    .teachers(...teachers.map((rate, index) => labelling(`cpu-${String(index)}`, { capableSamplesPerSecond: rate })));

describe('the number of teachers', () => {
  test.each<[string, SnapshotMaker, string]>([
    ['fills every slot together with the making of the streams', newJob(), 'cpu=2 (FillWindow)'],
    ['fills every slot before the student spoke', newJob().streams(), 'cpu=2 (FillWindow)'],
    [
      'fills every slot for a student that starts with no teacher there',
      newJob()
        .streams()
        .told(training({ phase: 'Starting', step: 0, window: 0 })),
      'cpu=2 (FillWindow)',
    ],
    [
      'is held for a student that comes back: the fleet was right before',
      runningJob()
        .pool('cpu', { pods: 'cpu-0 cpu-1', freeSlots: 2 })
        .told(training({ phase: 'Starting', attempt: 2 })),
      'cpu=2 (FillWindow)',
    ],
    ['fills the window while nothing runs whose rate is known', rates(1_000), 'cpu=9 (FillWindow)'],
    [
      'is held while those that run have yet to show their rate',
      rates(1_000, 0, 0).teachers(labelling('cpu-0', { phase: 'Loading', capableSamplesPerSecond: 0 })),
      'cpu=2 (FillWindow)',
    ],
    ['is held while the student has yet to show its rate', rates(0, 500, 500), 'cpu=2 (FillWindow)'],
    [
      'asks for no more than the window has work for',
      rates(10_000, 100).told(training({ unstarvedSamplesPerSecond: 10_000, window: 6, shards: 1 })),
      'cpu=3 (MatchStudent)',
    ],
    [
      'counts each shard of the window as work',
      rates(10_000, 100).told(training({ unstarvedSamplesPerSecond: 10_000, window: 6, shards: 2 })),
      'cpu=6 (MatchStudent)',
    ],
    ['is a quarter above what the student needs', rates(1_000, 500), 'cpu=3 (MatchStudent)'],
    ['stays where it is within the margin', rates(1_000, 500, 500, 500, 500), 'cpu=4 (MatchStudent)'],
    ['shrinks when far too many run', rates(1_000, 500, 500, 500, 500, 500, 500), 'cpu=4 (MatchStudent)'],
    ['grows at once', rates(2_000, 500, 500), 'cpu=5 (MatchStudent)'],
    ['takes the mean of unequal teachers', rates(1_000, 200, 800), 'cpu=3 (MatchStudent)'],
    ['is never zero while there is work', rates(1, 9_000), 'cpu=1 (MatchStudent)'],
    [
      'does not count what a silent teacher once could',
      rates(1_000, 500).teachers(
        labelling('cpu-0'),
        labelling('cpu-7', { capableSamplesPerSecond: 9_000, updatedAtMs: noonMs - 6_000 }),
      ),
      'cpu=3 (MatchStudent)',
    ],
    ['is zero when labels alone are trained', runningJob().job((job) => job.softWeight(0)), 'cpu=0 (NoTeacherNeeded)'],
    [
      'is zero when all is stored',
      runningJob()
        .streams(noWork)
        .told(training({ fedSteps: 200 })),
      'cpu=0 (NothingLeftToCompute)',
    ],
    ['is not zero while an item is out', runningJob().told(training({ fedSteps: 200 })), 'cpu=2 (MatchStudent)'],
    [
      'is zero for a student that exports',
      runningJob().told(training({ phase: 'Exporting' })),
      'cpu=0 (NothingLeftToCompute)',
    ],
    [
      'is zero for a student that is done',
      runningJob().told(training({ phase: 'Done' })),
      'cpu=0 (NothingLeftToCompute)',
    ],
    ['is zero for a suspended job', runningJob().job((job) => job.suspended()), 'cpu=0 (Suspended)'],
    ['is zero for a job that is over', runningJob().student({ phase: 'Succeeded' }), 'cpu=0 (Finished)'],
  ])('%s', (_what, snapshot, want) => {
    expect(planned(snapshot)).toBe(want);
  });

  test.each<[string, (snapshot: SnapshotMaker) => SnapshotMaker]>([
    ['a silent student', (snapshot) => snapshot.told(training({ updatedAtMs: noonMs - 5_001 }))],
    ['a NATS server out of reach', (snapshot) => snapshot.streamsUnreachable('gone')],
    ['streams that were wiped', (snapshot) => snapshot.streamsAbsent()],
  ])('is held as it was by %s, one that is just being replaced included', (_what, silent) => {
    const before = runningJob().plan.status;
    expect(before.teachers?.desired).toBe(2);
    const oneLost = runningJob().pool('cpu', { pods: 'cpu-0 cpu-2!', freeSlots: 1 }).status(before);
    expect(planned(silent(oneLost))).toBe('cpu=2 (TelemetryGap)');
    expect(planned(silent(oneLost.status(undefined)))).toBe('cpu=1 (TelemetryGap)');
  });

  test('a gap moves no teacher to a cheaper pool', () => {
    const dear = runningJob()
      .job((job) => job.pools({ name: 'spot' }, { name: 'cpu' }))
      .pool('spot', { freeSlots: 4 })
      .pool('cpu', { pods: 'cpu-0 cpu-1', freeSlots: 4 });
    expect(planned(dear.streamsUnreachable('gone'))).toBe('spot=0 cpu=2 (TelemetryGap)');
    expect(planned(dear)).toBe('spot=3 cpu=0 (MatchStudent)');
  });
});

describe('the spread over pools', () => {
  const two = newJob().streams();
  const pools = (
    snapshot: SnapshotMaker,
    ...list: readonly { name: string; minReplicas?: number; maxReplicas?: number; resource?: string }[]
  ): SnapshotMaker => snapshot.job((job) => job.pools(...list));

  test.each<[string, SnapshotMaker, string]>([
    [
      'takes the cheapest first',
      pools(two, { name: 'cpu', maxReplicas: 1 }, { name: 'dear' })
        .pool('cpu', { freeSlots: 5 })
        .pool('dear', { freeSlots: 3 }),
      'cpu=1 dear=2 (FillWindow)',
    ],
    [
      'never promises one slot twice: pools of one resource share them',
      pools(two, { name: 'cpu' }, { name: 'more' }).pool('more', { freeSlots: 2 }),
      'cpu=2 more=0 (FillWindow)',
    ],
    [
      'lets pools of different resources fill up each',
      pools(two, { name: 'cpu' }, { name: 'gpu', resource: 'nvidia.com/gpu' })
        .in('cluster')
        .pool('gpu', { freeSlots: 3 }),
      'cpu=2 gpu=3 (FillWindow)',
    ],
    [
      'serves every minimum before the rest',
      pools(two, { name: 'cpu' }, { name: 'kept', minReplicas: 1 }).pool('kept', { freeSlots: 2 }),
      'cpu=1 kept=1 (FillWindow)',
    ],
    [
      'keeps minimums above the demand',
      pools(
        runningJob().told(training({ unstarvedSamplesPerSecond: 1 })),
        { name: 'cpu', minReplicas: 2 },
        { name: 'kept', minReplicas: 1 },
      ).pool('kept', { freeSlots: 1 }),
      'cpu=2 kept=1 (MatchStudent)',
    ],
    [
      'keeps no minimum for a job that wants none',
      pools(runningJob().told(training({ phase: 'Done' })), { name: 'cpu', minReplicas: 2 }),
      'cpu=0 (NothingLeftToCompute)',
    ],
    [
      'leaves a pool of at most 0 off',
      pools(two, { name: 'cpu', maxReplicas: 0 }, { name: 'b' }).pool('b', { freeSlots: 2 }),
      'cpu=0 b=2 (FillWindow)',
    ],
    [
      'does not count on the slot of a teacher that is still stopping',
      two.pool('cpu', { pods: 'cpu-0 cpu-1!', freeSlots: 0 }),
      'cpu=1 (FillWindow)',
    ],
    ['counts on no slots of a pool that nobody observed', pools(two, { name: 'unknown' }), 'unknown=0 (FillWindow)'],
  ])('%s', (_what, snapshot, want) => {
    expect(planned(snapshot)).toBe(want);
  });
});
