/** The life of a job's own object: finalizer, deletion, expiry; and when time alone requires another reconcile. */
import { describe, expect, test } from '@jest/globals';

import { conditionTypes } from '../../../../src/api/index.js';
import type { Plan } from '../../../../src/domain/index.js';
import {
  clusterJob,
  conditionText,
  eventText,
  newJob,
  noonMs,
  runningJob,
  type SnapshotMaker,
  story,
  training,
} from '../../../kit/snapshots.js';

/** Without those that exist only where Kueue or an autoscaler has part in the job. */
const usualConditions = conditionTypes.filter((type) => type !== 'ScaledByOthers' && type !== 'Queued');
const newInCluster = newJob().in('cluster').student({ disruptions: null });
const suspended = clusterJob().job((job) => job.suspended());
const notBuilt = clusterJob().job((job) => job.change(({ spec }) => (spec.dataset.delivery = 'Inline')));
const complete = clusterJob()
  .allGone()
  .student({ phase: 'Succeeded' })
  .reported(training({ phase: 'Done', step: 200, result: { digest: 'sha256:ab', accuracy: 0.99, loss: 0.03 } }));
const unmarked = (snapshot: SnapshotMaker): SnapshotMaker =>
  snapshot.job((job) => job.change(({ metadata }) => (metadata.finalizers = ['example.com/theirs'])));

describe('the finalizer of a job', () => {
  test.each<[string, SnapshotMaker, Plan['object']]>([
    ['is set before its first stream is', newInCluster, 'AddFinalizer'],
    ['is set although NATS is unreachable', newInCluster.streamsUnreachable('gone'), 'AddFinalizer'],
    ['is kept once it is there', clusterJob(), 'Keep'],
    ['is added to those of other controllers', unmarked(clusterJob()), 'AddFinalizer'],
    ['comes back to a suspended job that has streams', unmarked(suspended), 'AddFinalizer'],
    ['comes back to a refused job that has streams', unmarked(notBuilt), 'AddFinalizer'],
    ['comes back to a complete job that has streams', unmarked(complete), 'AddFinalizer'],
    ['is not needed by a job that was created suspended', unmarked(suspended).streamsAbsent(), 'Keep'],
    ['is not needed by a job that never ran', unmarked(notBuilt).streamsAbsent(), 'Keep'],
    ['is not needed by a local run', newJob(), 'Keep'],
  ])('%s', (_what, snapshot, want) => {
    expect(snapshot.plan.object).toBe(want);
  });
});

/** `workers: Remove, streams: stay, object: Keep, again in 1 s` */
function said({ workers, streams, object, againMs }: Plan): string {
  const seconds = againMs === null ? 'never' : `in ${String(againMs / 1_000)} s`;
  return `workers: ${workers}, streams: ${streams.remove ? 'remove' : 'stay'}, object: ${object}, again ${seconds}`;
}

const deleting = clusterJob().job((job) => job.deleted());
const stopping = deleting.pool('cpu', { pods: 'cpu-0! cpu-1!' }).student({ phase: 'Absent' });
const emptied = deleting.allGone();

describe('a job that is deleted', () => {
  test('goes in order: workers, then streams, then the object', () => {
    const { plans, events } = story(clusterJob(), deleting, stopping, emptied, emptied.streamsAbsent());
    expect(plans.map(said)).toEqual([
      'workers: Apply, streams: stay, object: Keep, again in 5.1 s',
      'workers: Remove, streams: stay, object: Keep, again in 1 s',
      'workers: Remove, streams: stay, object: Keep, again in 1 s',
      'workers: Remove, streams: remove, object: Keep, again in 1 s',
      'workers: Remove, streams: stay, object: RemoveFinalizer, again in 1 s',
    ]);
    expect(plans.slice(1).map(({ status }) => conditionText(status, 'Progressing'))).toEqual([
      'Progressing False Deleting: The job is being deleted; its pods are still ending.',
      'Progressing False Deleting: The job is being deleted; its pods are still ending.',
      'Progressing False Deleting: The job is being deleted; its streams are being removed.',
      'Progressing False Deleting: The job is being deleted; its streams are being removed.',
    ]);
    // Deletion adds no event.
    expect(events).toEqual(story(clusterJob()).events);
  });

  test('stops everything, and says so', () => {
    const { plans } = story(clusterJob(), deleting);
    expect(plans[1]).toMatchObject({ student: 'Stop', pools: [{ name: 'cpu', replicas: 0 }] });
    const { status } = plans[1]!;
    expect(['TeachersAvailable', 'StudentRunning'].map((type) => conditionText(status, type))).toEqual([
      'TeachersAvailable False Deleting: The job is being deleted and gives its slots back.',
      'StudentRunning False Deleting: The job is being deleted; its student is stopped.',
    ]);
  });

  test('changes nothing else in its streams', () => {
    const untidy = stopping
      .streams({ missing: ['DISTILL_u-1_WORK'] })
      .reported(
        training({ firstNeededSequence: 45, damaged: [{ sequence: 47, shard: 0, step: 46, reason: 'checksum' }] }),
      );
    const nothing = {
      provision: false,
      missing: [],
      trimBelow: null,
      deleteFrames: [],
      remove: false,
    };
    expect(untidy.plan.streams).toEqual(nothing);
    expect(untidy.allGone().plan.streams).toEqual({ ...nothing, remove: true });
  });

  test.each<[string, SnapshotMaker, string, string]>([
    ['complete', complete, 'Succeeded', 'Complete True AllStepsTrained: All 200 steps trained; weights sha256:ab.'],
    ['suspended', suspended, 'Suspended', 'Suspended True SuspendRequested: spec.suspend is true.'],
    [
      'refused',
      notBuilt,
      'Pending',
      'Accepted False NotSupported: spec.dataset.delivery: "Inline" is not supported yet. Use Reference.',
    ],
  ])('stays %s to the end', (_what, before, phase, condition) => {
    const { plans } = story(
      before,
      before.job((job) => job.deleted()),
    );
    expect(plans[1]?.status.phase).toBe(phase);
    expect(conditionText(plans[1]!.status, condition.split(' ')[0]!)).toBe(condition);
    expect(plans[1]?.status.conditions).toHaveLength(usualConditions.length);
  });

  test('before its first reconcile reports only what is known', () => {
    const { status, object } = unmarked(newInCluster.job((job) => job.deleted())).plan;
    expect(status.conditions?.map(({ type }) => type)).toEqual([
      'TeachersAvailable',
      'StudentRunning',
      'Progressing',
      'Reconciling',
      'Stalled',
    ]);
    expect([status.phase, object]).toEqual(['Pending', 'Keep']);
  });

  test('waits for NATS with a condition and one event, and continues when NATS is back', () => {
    const waits = emptied.streamsUnreachable('the connection to NATS is lost');
    const { plans, events } = story(
      clusterJob(),
      stopping.streamsUnreachable('the connection to NATS is lost'),
      waits,
      waits.at(noonMs + 3_000),
      waits.at(noonMs + 6_000).streamsUnreachable('connection refused'),
      emptied.at(noonMs + 9_000),
      emptied.at(noonMs + 10_000).streamsAbsent(),
    );
    expect(plans.slice(1).map(said)).toEqual([
      'workers: Remove, streams: stay, object: Keep, again in 3 s',
      'workers: Remove, streams: stay, object: Keep, again in 3 s',
      'workers: Remove, streams: stay, object: Keep, again in 3 s',
      'workers: Remove, streams: stay, object: Keep, again in 3 s',
      'workers: Remove, streams: remove, object: Keep, again in 1 s',
      'workers: Remove, streams: stay, object: RemoveFinalizer, again in 1 s',
    ]);
    expect(plans.slice(1, 5).map(({ status }) => conditionText(status, 'Progressing'))).toEqual([
      'Progressing False Deleting: The job is being deleted; its pods are still ending.',
      ...['the connection to NATS is lost', 'the connection to NATS is lost', 'connection refused'].map(
        (reason) =>
          `Progressing False StreamsUnreachable: The job is being deleted, but NATS cannot be reached to remove its streams: ${reason}. ` +
          'Bring NATS back, or let the job go and leave them behind: set the annotation distillery.dev/force-delete to "true".',
      ),
    ]);
    expect(events.slice(3)).toEqual([
      '! StreamsUnreachable: The streams cannot be removed, so the job waits: the connection to NATS is lost',
    ]);
  });

  test('with force-delete is released with a warning once its workers are gone', () => {
    const forced = (snapshot: SnapshotMaker): SnapshotMaker => snapshot.job((job) => job.forced());
    const waits = emptied.streamsUnreachable('the connection to NATS is lost');
    const { plans, events } = story(
      clusterJob(),
      waits,
      forced(stopping.streamsUnreachable('the connection to NATS is lost')),
      forced(waits),
    );
    expect(plans.slice(1).map(({ object }) => object)).toEqual(['Keep', 'Keep', 'RemoveFinalizer']);
    expect(events.slice(4)).toEqual([
      "! StreamsAbandoned: Let go by distillery.dev/force-delete; the job's streams may stay behind in NATS.",
    ]);
  });

  test('with force-delete still removes its streams while NATS is reachable', () => {
    const forced = emptied.job((job) => job.forced());
    expect(said(forced.plan)).toBe('workers: Remove, streams: remove, object: Keep, again in 1 s');
    expect(forced.plan.events).toEqual([]);
  });

  test.each(['false', '', 'yes', 'True'])('ignores the annotation value %p', (value) => {
    const { object } = emptied.streamsUnreachable('gone').job((job) => job.forced(value)).plan;
    expect(object).toBe('Keep');
  });

  test('ignores force-delete before it is deleted', () => {
    expect(
      clusterJob()
        .job((job) => job.forced())
        .streamsUnreachable('gone').plan,
    ).toMatchObject({ object: 'Keep', workers: 'Apply', student: 'Run' });
  });

  test('that another finalizer still holds is not released twice', () => {
    const theirs = unmarked(emptied).streamsAbsent();
    expect(said(theirs.plan)).toBe('workers: Remove, streams: stay, object: Keep, again in 1 s');
  });
});

describe('a job that has ended', () => {
  const after = (seconds: number, ttl = 60): SnapshotMaker =>
    complete
      .job((job) => job.ttl(ttl))
      .status(complete.plan.status)
      .at(noonMs + seconds * 1_000);

  test.each<[string, SnapshotMaker, Plan['object']]>([
    ['is kept for its time to live', after(59.999), 'Keep'],
    ['is deleted when that is over', after(60), 'Delete'],
    ['is deleted when that is long over', after(86_400), 'Delete'],
    ['is kept for a day by default', after(86_399, 86_400), 'Keep'],
    [
      'is not deleted before its status reports the end, even with no time to live',
      complete.job((job) => job.ttl(0)),
      'Keep',
    ],
    ['without time to live is deleted at once after that', after(0, 0), 'Delete'],
    ['with a failure is deleted after its time to live', failed(60), 'Delete'],
    ['with a failure is kept until then', failed(59), 'Keep'],
    ['is never deleted from a local run', after(1_000).in('local'), 'Keep'],
  ])('%s', (_what, snapshot, want) => {
    expect(snapshot.plan.object).toBe(want);
  });

  function failed(seconds: number): SnapshotMaker {
    const end = clusterJob()
      .allGone()
      .student({ phase: 'Failed', failures: 7 })
      .job((job) => job.ttl(60));
    return end.status(end.plan.status).at(noonMs + seconds * 1_000);
  }

  test('reports why it is deleted, and is then deleted like any other', () => {
    const expired = after(60);
    const { plans } = story(
      complete,
      expired,
      expired.job((job) => job.deleted()),
      expired.job((job) => job.deleted()).streamsAbsent(),
    );
    expect(plans.map(({ object, streams }) => `${object}${streams.remove ? ', streams removed' : ''}`)).toEqual([
      'Keep',
      'Delete',
      'Keep, streams removed',
      'RemoveFinalizer',
    ]);
    expect(plans[1]?.events.map(eventText)).toEqual([
      'Expired: ttlSecondsAfterFinished is over: the job and all it owns are deleted.',
    ]);
    expect(plans.slice(2).flatMap(({ events }) => events)).toEqual([]);
    expect(plans.map(({ status }) => status.phase)).toEqual(Array<string>(4).fill('Succeeded'));
  });

  test('keeps its time to live although it is suspended or changed meanwhile', () => {
    const changed = after(60).job((job) => job.suspended().change(({ spec }) => (spec.dataset.delivery = 'Inline')));
    expect(changed.plan.object).toBe('Delete');
  });
});

describe('time alone requires a reconcile', () => {
  const silentFor = (ms: number): SnapshotMaker => clusterJob().reported(training({ updatedAtMs: noonMs - ms }));
  const expiring = (ttl: number, seconds: number): SnapshotMaker =>
    complete
      .job((job) => job.ttl(ttl))
      .status(complete.plan.status)
      .at(noonMs + seconds * 1_000);

  test.each<[string, SnapshotMaker, number | null]>([
    ['when the telemetry of the student becomes stale', clusterJob(), 5_100],
    ['sooner the older that telemetry is', silentFor(4_000), 1_100],
    ['now and then once it is stale', silentFor(5_000), 30_000],
    ['now and then while it stays stale', silentFor(60_000), 30_000],
    ['now and then before the first report', clusterJob().reported(null), 30_000],
    ['soon after the streams were created', newInCluster, 1_000],
    ['soon while a teacher waits for a node', clusterJob().pool('cpu', { pods: 'cpu-0 cpu-1?' }), 1_000],
    ['soon while NATS is unreachable', clusterJob().streamsUnreachable('gone'), 3_000],
    ['now and then of a suspended job', suspended, 30_000],
    ['no more often without streams', suspended.streamsAbsent(), 30_000],
    ['no more often while NATS is unreachable', suspended.streamsUnreachable('gone'), 30_000],
    ['soon while a process of a refused job remains', notBuilt, 1_000],
    ['never when none remains', notBuilt.allGone(), null],
    ['soon of a job that is being deleted', deleting, 1_000],
    ['a little later while that waits for NATS', deleting.streamsUnreachable('gone'), 3_000],
    ['when the time to live of a job that has just ended is over', complete.job((job) => job.ttl(60)), 60_000],
    ['when the time to live of an ended job is over', expiring(60, 20), 40_000],
    ['at least once an hour until then', expiring(86_400, 0), 3_600_000],
    ['soon when that time is over', expiring(60, 61), 1_000],
  ])('%s', (_what, snapshot, want) => {
    expect(snapshot.plan.againMs).toBe(want);
  });
});

describe('a local run', () => {
  const local = (snapshot: SnapshotMaker): SnapshotMaker => snapshot.in('local').student({ disruptions: 0 });

  test.each<[string, SnapshotMaker, number | null]>([
    ['is reconciled every second while it runs', runningJob(), 1_000],
    ['is reconciled every second while it is suspended', local(suspended), 1_000],
    ['is reconciled every second while NATS is unreachable', runningJob().streamsUnreachable('gone'), 1_000],
    ['ends with its job', local(complete), null],
  ])('%s', (_what, snapshot, want) => {
    expect(snapshot.plan.againMs).toBe(want);
    expect(snapshot.plan.object).toBe('Keep');
  });

  test('of a job file with a deletion timestamp is a run like any other', () => {
    const deleted = local(deleting).job((job) => job.forced());
    expect(deleted.plan).toEqual({ ...runningJob().plan, status: deleted.plan.status });
    expect(deleted.plan).toMatchObject({ student: 'Run', workers: 'Apply', status: { phase: 'Running' } });
  });
});
