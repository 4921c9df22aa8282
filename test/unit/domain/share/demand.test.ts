/** What a job claims, from its snapshot: design §5.3 and §5.5 as a table. */
import type { StudentState } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { claimOf, jobDemandOf, minimumRunMs, wantedOf } from '../../../../src/domain/share/index.js';
import { poolStates } from '../../../kit/grants.js';
import { labelling, newJob, noonMs, runningJob, type SnapshotMaker, training } from '../../../kit/snapshots.js';

interface Facts {
  /** What each pool was told before. */
  readonly told?: readonly number[];
  readonly ageMs?: number;
}

/** `cpu=2 spot=0 (MatchStudent)`: what would be there if there were room for all. */
function wanted(maker: SnapshotMaker, { told = [], ageMs = 3_600_000 }: Facts = {}): string {
  const { snapshot } = maker;
  const demand = jobDemandOf(snapshot);
  const claim = claimOf(
    { uid: 'u', namespace: 'default', weight: 1 },
    demand,
    poolStates(snapshot, told, ageMs),
    noonMs,
  );
  const replicas = wantedOf(claim).map((count, index) => `${claim.pools[index]!.name}=${String(count)}`);
  return `${replicas.join(' ')} (${demand.reason})`;
}

const fullBuffer = { frames: 50, bytes: 0 };
const matched = (student: Partial<StudentState>, ...teachers: readonly number[]): SnapshotMaker =>
  runningJob()
    .pool('cpu', { pods: teachers.map((_, index) => `cpu-${String(index)}`).join(' ') })
    .job((job) => job.pools({ name: 'cpu', maxReplicas: 1_000 }))
    .told(training({ buffer: fullBuffer, ...student }))
    .teachers(...teachers.map((rate, index) => labelling(`cpu-${String(index)}`, { capableSamplesPerSecond: rate })));
const twoPools = (spot: readonly number[], cpu: readonly number[], maxReplicas = 100): SnapshotMaker =>
  matched({ unstarvedSamplesPerSecond: 2_000, window: 1_000, buffer: { frames: 1_000, bytes: 0 } })
    .job((job) => job.pools({ name: 'spot', maxReplicas }, { name: 'cpu', maxReplicas: 100 }))
    .pool('spot', { pods: spot.map((_, index) => `spot-${String(index)}`).join(' ') })
    .pool('cpu', { pods: cpu.map((_, index) => `cpu-${String(index)}`).join(' ') })
    .teachers(
      ...spot.map((rate, index) => labelling(`spot-${String(index)}`, { capableSamplesPerSecond: rate })),
      ...cpu.map((rate, index) => labelling(`cpu-${String(index)}`, { capableSamplesPerSecond: rate })),
    );

describe('a job wants', () => {
  test.each<[string, SnapshotMaker, string]>([
    ['a few that show their rate, when it is new', newJob(), 'cpu=4 (FillWindow)'],
    ['… and before the student spoke', newJob().streams(), 'cpu=4 (FillWindow)'],
    ['a little more than the student trains', matched({}, 500), 'cpu=3 (MatchStudent)'],
    [
      '… and more still while the buffer is empty',
      matched({ buffer: { frames: 0, bytes: 0 } }, 100),
      'cpu=12 (MatchStudent)',
    ],
    ['… than when it is full', matched({}, 100), 'cpu=11 (MatchStudent)'],
    [
      'what the window has work for',
      matched({ unstarvedSamplesPerSecond: 9_999, window: 6 }, 100),
      'cpu=3 (MatchStudent)',
    ],
    ['no fewer within the band', matched({}, 500, 500, 500), 'cpu=3 (MatchStudent)'],
    ['fewer far above it', matched({}, 500, 500, 500, 500, 500, 500), 'cpu=4 (MatchStudent)'],
    [
      'no more teachers than items',
      matched({ fedSteps: 199, unstarvedSamplesPerSecond: 1e6 }, 1).streams({
        work: { messages: 2, pending: 1, ackPending: 1 },
      }),
      'cpu=3 (MatchStudent)',
    ],
    [
      'no new one for a few seconds of work',
      matched({ fedSteps: 170, unstarvedSamplesPerSecond: 9_000 }, 500),
      'cpu=1 (MatchStudent)',
    ],
    [
      'none when all is stored',
      runningJob()
        .streams({ work: { messages: 0, pending: 0, ackPending: 0 } })
        .told(training({ fedSteps: 200 })),
      'cpu=0 (NothingLeftToCompute)',
    ],
    ['none when it exports', runningJob().told(training({ phase: 'Exporting' })), 'cpu=0 (NothingLeftToCompute)'],
    ['none when labels alone are trained', runningJob().job((job) => job.softWeight(0)), 'cpu=0 (NoTeacherNeeded)'],
    ['what it has, in a gap', runningJob().streamsUnreachable('gone'), 'cpu=2 (TelemetryGap)'],
    [
      'what it has, when the student is silent',
      runningJob().told(training({ updatedAtMs: noonMs - 5_001 })),
      'cpu=2 (TelemetryGap)',
    ],
    [
      'what it has, while a student comes back',
      runningJob().told(training({ phase: 'Starting' })),
      'cpu=2 (FillWindow)',
    ],
    ['what it has, until its teachers show their rate', matched({}, 0, 0), 'cpu=2 (FillWindow)'],
    [
      'a few, while its student trains and no teacher runs, however long its window is',
      runningJob()
        .pool('cpu', { pods: '' })
        .told(training({ window: 1_000 }))
        .teachers(),
      'cpu=4 (FillWindow)',
    ],
    [
      '… and no more of them than there is work for',
      runningJob()
        .pool('cpu', { pods: '' })
        .told(training({ window: 4 }))
        .teachers(),
      'cpu=2 (FillWindow)',
    ],
  ])('%s', (_what, maker, want) => {
    expect(wanted(maker)).toBe(want);
  });

  test('in a gap what was told, not what is there: a teacher that is being replaced is not given up', () => {
    expect(wanted(runningJob().streamsUnreachable('gone'), { told: [3] })).toBe('cpu=3 (TelemetryGap)');
  });

  test('by what each pool can: the cheapest first, others as far as that one is full', () => {
    expect(wanted(twoPools([400], [100]))).toBe('spot=6 cpu=0 (MatchStudent)');
    expect(wanted(twoPools([400], [100], 4))).toBe('spot=4 cpu=5 (MatchStudent)');
  });

  test('from a pool that has shown no rate what the others show', () => {
    expect(wanted(twoPools([], [500], 2))).toBe('spot=2 cpu=3 (MatchStudent)');
  });

  test('a teacher that has just come for a minute, unless nothing is left', () => {
    const far = matched({}, 500, 500, 500, 500, 500, 500);
    expect(wanted(far, { ageMs: minimumRunMs - 1 })).toBe('cpu=6 (MatchStudent)');
    expect(wanted(far, { ageMs: minimumRunMs })).toBe('cpu=4 (MatchStudent)');
    expect(wanted(far.told(training({ phase: 'Done' })), { ageMs: 0 })).toBe('cpu=0 (NothingLeftToCompute)');
  });
});
