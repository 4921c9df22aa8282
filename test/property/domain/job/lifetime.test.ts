/** Properties of the life of a job's own object: it leaves nothing behind, and is never deleted too soon. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { streamsFinalizer } from '../../../../src/api/index.js';
import { decide, type Plan, type Snapshot } from '../../../../src/domain/index.js';
import { JobMaker } from '../../../kit/snapshots.js';
import { snapshotArbitrary } from './snapshots.js';

function holds(check: (snapshot: Snapshot, plan: Plan) => void): void {
  fc.assert(
    fc.property(snapshotArbitrary, (snapshot) => {
      check(snapshot, decide(snapshot));
    }),
    { numRuns: 600 },
  );
}

const isMarked = ({ job }: Snapshot): boolean => job.metadata.finalizers?.includes(streamsFinalizer) === true;
const isDeleted = ({ job, engine }: Snapshot): boolean =>
  engine === 'cluster' && job.metadata.deletionTimestamp !== undefined;
const hadEnded = ({ job }: Snapshot): string | undefined =>
  job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True')
    ?.lastTransitionTime;

describe('the object of a job', () => {
  test('gets its finalizer before its first stream, or in the same decision', () => {
    holds((snapshot, { streams, object }) => {
      if (snapshot.engine === 'local' || !streams.provision) return;
      expect(isMarked(snapshot) || object === 'AddFinalizer').toBe(true);
    });
  });

  test('loses its finalizer only when nothing is left, or when the user gave the rest up', () => {
    holds((snapshot, { object }) => {
      if (object !== 'RemoveFinalizer') return;
      const { cluster, streams, job } = snapshot;
      expect([isDeleted(snapshot), isMarked(snapshot), cluster.remains]).toEqual([true, true, false]);
      const givenUp = streams.state === 'Unreachable' && job.metadata.annotations !== undefined;
      expect(streams.state === 'Absent' || givenUp).toBe(true);
    });
  });

  test('gets no finalizer while it is being deleted: the API server would refuse that', () => {
    holds((snapshot, { object }) => {
      if (isDeleted(snapshot)) expect(['Keep', 'RemoveFinalizer']).toContain(object);
      else expect(object).not.toBe('RemoveFinalizer');
    });
  });

  test('is deleted only after its time to live', () => {
    holds((snapshot, { object, status }) => {
      if (object !== 'Delete') return;
      const end = Date.parse(hadEnded(snapshot) ?? 'never');
      expect(snapshot.nowMs - end).toBeGreaterThanOrEqual(snapshot.job.spec.ttlSecondsAfterFinished * 1_000);
      expect(['Succeeded', 'Failed']).toContain(status.phase);
    });
  });

  test('is never changed by a local run', () => {
    holds((snapshot, { object, streams, workers }) => {
      if (snapshot.engine === 'cluster') return;
      expect([object, streams.remove]).toEqual(['Keep', false]);
      const { metadata } = snapshot.job;
      const undeleted = new JobMaker(snapshot.job).change((job) => delete job.metadata.deletionTimestamp).job;
      if (metadata.deletionTimestamp !== undefined)
        expect(decide({ ...snapshot, job: undeleted }).workers).toBe(workers);
    });
  });
});

describe('the streams of a job', () => {
  test('are removed only for a deleted job without processes', () => {
    holds((snapshot, { streams, workers }) => {
      if (!streams.remove) return;
      expect([isDeleted(snapshot), snapshot.cluster.remains, snapshot.streams.state, workers]).toEqual([
        true,
        false,
        'Present',
        'Remove',
      ]);
    });
  });
});

describe('the next reconcile', () => {
  test('is scheduled unless nothing can change any more', () => {
    holds((snapshot, { againMs, status, workers }) => {
      const over = status.phase === 'Succeeded' || status.phase === 'Failed';
      const atRest =
        (snapshot.engine === 'local' && over) ||
        (workers === 'Remove' && !isDeleted(snapshot) && !snapshot.cluster.remains);
      expect(againMs === null).toBe(atRest);
    });
  });

  test('is never immediate, never later than an hour, and never after the time to live', () => {
    holds((snapshot, { againMs }) => {
      if (againMs === null) return;
      expect(againMs).toBeGreaterThan(0);
      expect(againMs).toBeLessThanOrEqual(3_600_000);
      const end = hadEnded(snapshot);
      if (end === undefined || snapshot.engine === 'local' || isDeleted(snapshot)) return;
      const leftMs = Date.parse(end) + snapshot.job.spec.ttlSecondsAfterFinished * 1_000 - snapshot.nowMs;
      expect(againMs).toBeLessThanOrEqual(Math.max(1_000, leftMs));
    });
  });
});

test('a deletion that is reconciled repeatedly ends, from any start', () => {
  fc.assert(
    fc.property(snapshotArbitrary, (start) => {
      const deletion = new JobMaker(start.job).deleted().change(({ metadata }) => {
        metadata.finalizers = [streamsFinalizer];
      });
      let snapshot: Snapshot = { ...start, engine: 'cluster', job: deletion.job };
      // One thing gets done between two reconciles.
      for (let rounds = 0; rounds < 5; rounds++) {
        const { object, workers, streams, status } = decide(snapshot);
        if (object === 'RemoveFinalizer') return;
        const { cluster } = snapshot;
        snapshot = {
          ...snapshot,
          job: new JobMaker(snapshot.job).status(status).job,
          cluster: workers === 'Remove' ? { ...cluster, remains: false } : cluster,
          streams: streams.remove || snapshot.streams.state === 'Unreachable' ? { state: 'Absent' } : snapshot.streams,
        };
      }
      throw new Error('the object still exists');
    }),
    { numRuns: 300 },
  );
});
