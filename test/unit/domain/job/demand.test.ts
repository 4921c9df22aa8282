/** What a job requests, from its snapshot: design §5.3 and §5.5 as a table. */
import type { StudentState } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { wantedReplicas } from '../../../../src/domain/allocation/index.js';
import {
  dampedRequest,
  defaultPolicy,
  jobDemandOf,
  jobRequestOf,
  type Policy,
} from '../../../../src/domain/job/index.js';
import { poolStates } from '../../../kit/grants.js';
import { labeling, newJob, noonMs, runningJob, type SnapshotMaker, training } from '../../../kit/snapshots.js';

const { minimumRunMs } = defaultPolicy;

interface Facts {
  /** The replicas that each pool was given last. */
  readonly previous?: readonly number[];
  readonly ageMs?: number;
}

/** `cpu=2 spot=0 (MatchStudent)`: the replicas if there were room for all. */
function wanted(maker: SnapshotMaker, { previous = [], ageMs = 3_600_000 }: Facts = {}): string {
  const { snapshot } = maker;
  const demand = jobDemandOf(snapshot);
  const request = dampedRequest(
    { uid: 'u', namespace: 'default', weight: 1 },
    demand,
    poolStates(snapshot, previous, ageMs),
    noonMs,
  );
  const replicas = wantedReplicas(request).map((count, index) => `${request.pools[index]!.name}=${String(count)}`);
  return `${replicas.join(' ')} (${demand.reason})`;
}

const fullBuffer = { frames: 50, bytes: 0 };
const matched = (student: Partial<StudentState>, ...teachers: readonly number[]): SnapshotMaker =>
  runningJob()
    .pool('cpu', { pods: teachers.map((_, index) => `cpu-${String(index)}`).join(' ') })
    .job((job) => job.pools({ name: 'cpu', maxReplicas: 1_000 }))
    .reported(training({ buffer: fullBuffer, ...student }))
    .teachers(...teachers.map((rate, index) => labeling(`cpu-${String(index)}`, { capableSamplesPerSecond: rate })));
const twoPools = (spot: readonly number[], cpu: readonly number[], maxReplicas = 100): SnapshotMaker =>
  matched({ unstarvedSamplesPerSecond: 2_000, window: 1_000, buffer: { frames: 1_000, bytes: 0 } })
    .job((job) => job.pools({ name: 'spot', maxReplicas }, { name: 'cpu', maxReplicas: 100 }))
    .pool('spot', { pods: spot.map((_, index) => `spot-${String(index)}`).join(' ') })
    .pool('cpu', { pods: cpu.map((_, index) => `cpu-${String(index)}`).join(' ') })
    .teachers(
      ...spot.map((rate, index) => labeling(`spot-${String(index)}`, { capableSamplesPerSecond: rate })),
      ...cpu.map((rate, index) => labeling(`cpu-${String(index)}`, { capableSamplesPerSecond: rate })),
    );

describe('a job wants', () => {
  test.each<[string, SnapshotMaker, string]>([
    ['a few teachers to measure their rate, when it is new', newJob(), 'cpu=4 (FillWindow)'],
    ['a few teachers before the student reports', newJob().streams(), 'cpu=4 (FillWindow)'],
    ['a little more than the rate of the student', matched({}, 500), 'cpu=3 (MatchStudent)'],
    ['more while the buffer is empty', matched({ buffer: { frames: 0, bytes: 0 } }, 100), 'cpu=12 (MatchStudent)'],
    ['less when the buffer is full', matched({}, 100), 'cpu=11 (MatchStudent)'],
    [
      'no more than the window has work for',
      matched({ unstarvedSamplesPerSecond: 9_999, window: 6 }, 100),
      'cpu=3 (MatchStudent)',
    ],
    ['no fewer teachers within the band', matched({}, 500, 500, 500), 'cpu=3 (MatchStudent)'],
    ['fewer teachers far above the band', matched({}, 500, 500, 500, 500, 500, 500), 'cpu=4 (MatchStudent)'],
    [
      'no more teachers than items',
      matched({ fedSteps: 199, unstarvedSamplesPerSecond: 1e6 }, 1).streams({
        work: { messages: 2, pending: 1, ackPending: 1 },
      }),
      'cpu=3 (MatchStudent)',
    ],
    [
      'no new teacher for a few seconds of work',
      matched({ fedSteps: 170, unstarvedSamplesPerSecond: 9_000 }, 500),
      'cpu=1 (MatchStudent)',
    ],
    [
      'no teacher when all logits are stored',
      runningJob()
        .streams({ work: { messages: 0, pending: 0, ackPending: 0 } })
        .reported(training({ fedSteps: 200 })),
      'cpu=0 (NothingLeftToCompute)',
    ],
    [
      'no teacher during the export',
      runningJob().reported(training({ phase: 'Exporting' })),
      'cpu=0 (NothingLeftToCompute)',
    ],
    [
      'no teacher when labels alone are trained',
      runningJob().job((job) => job.softWeight(0)),
      'cpu=0 (NoTeacherNeeded)',
    ],
    ['its present teachers while NATS is unreachable', runningJob().streamsUnreachable('gone'), 'cpu=2 (TelemetryGap)'],
    [
      'its present teachers when the telemetry is stale',
      runningJob().reported(training({ updatedAtMs: noonMs - 5_001 })),
      'cpu=2 (TelemetryGap)',
    ],
    [
      'its present teachers while a student restarts',
      runningJob().reported(training({ phase: 'Starting' })),
      'cpu=2 (FillWindow)',
    ],
    ['its present teachers until their rate is measured', matched({}, 0, 0), 'cpu=2 (FillWindow)'],
    [
      'a few teachers when none runs, even with a long window',
      runningJob()
        .pool('cpu', { pods: '' })
        .reported(training({ window: 1_000 }))
        .teachers(),
      'cpu=4 (FillWindow)',
    ],
    [
      'a few teachers when none runs, but no more than there is work for',
      runningJob()
        .pool('cpu', { pods: '' })
        .reported(training({ window: 4 }))
        .teachers(),
      'cpu=2 (FillWindow)',
    ],
  ])('%s', (_what, maker, want) => {
    expect(wanted(maker)).toBe(want);
  });

  test('in a gap its previous replicas and not the present pods: a teacher that is being replaced still counts', () => {
    expect(wanted(runningJob().streamsUnreachable('gone'), { previous: [3] })).toBe('cpu=3 (TelemetryGap)');
  });

  test('the cheapest pool first, and others when that one is full', () => {
    expect(wanted(twoPools([400], [100]))).toBe('spot=6 cpu=0 (MatchStudent)');
    expect(wanted(twoPools([400], [100], 4))).toBe('spot=4 cpu=5 (MatchStudent)');
  });

  test('the rate of the other pools from a pool without a measured rate', () => {
    expect(wanted(twoPools([], [500], 2))).toBe('spot=2 cpu=3 (MatchStudent)');
  });

  test('a new teacher for a minute, unless nothing is left', () => {
    const far = matched({}, 500, 500, 500, 500, 500, 500);
    expect(wanted(far, { ageMs: minimumRunMs - 1 })).toBe('cpu=6 (MatchStudent)');
    expect(wanted(far, { ageMs: minimumRunMs })).toBe('cpu=4 (MatchStudent)');
    expect(wanted(far.reported(training({ phase: 'Done' })), { ageMs: 0 })).toBe('cpu=0 (NothingLeftToCompute)');
  });

  test('a new teacher for as long as the policy says', () => {
    const { snapshot } = matched({}, 500, 500, 500, 500, 500, 500);
    const kept = (policy: Policy, ageMs: number): (number | undefined)[] => {
      const pods = snapshot.cluster.pools.map((pool) => {
        return { ...pool, pods: pool.pods.map((pod) => ({ ...pod, createdAtMs: noonMs - ageMs })) };
      });
      const request = jobRequestOf({ ...snapshot, policy, cluster: { ...snapshot.cluster, pools: pods } });
      return request.pools.map(({ keepReplicas }) => keepReplicas);
    };
    const slow = { ...defaultPolicy, minimumRunMs: 600_000 };
    expect([kept(slow, 599_999), kept(slow, 600_000), kept(defaultPolicy, 599_999)]).toEqual([[6], [0], [0]]);
  });
});
