/** Which changes of a status are worth a write: facts at once, progress now and then, usage alone never. */
import { describe, expect, test } from '@jest/globals';

import type { DistillJobStatus } from '../../../../src/api/index.js';
import { worthWriting } from '../../../../src/domain/index.js';
import { clusterJob, labeling, noonMs, type SnapshotMaker, training } from '../../../kit/snapshots.js';

const everyMs = 5_000;
const written = clusterJob().reported(training({ accuracy: 0.9 }));
const before = written.plan.status;

/** Whether the change is written, this long after the last write. */
function isWritten(change: (snapshot: SnapshotMaker) => SnapshotMaker, afterMs: number): boolean {
  const nowMs = noonMs + afterMs;
  const fresh = written
    .reported(training({ accuracy: 0.9, updatedAtMs: nowMs }))
    .teachers(labeling('cpu-0', { updatedAtMs: nowMs }), labeling('cpu-1', { updatedAtMs: nowMs }));
  return worthWriting(before, change(fresh).at(nowMs).status(before).plan.status, nowMs - everyMs);
}

const soon = (changes: Parameters<typeof training>[0]) => (snapshot: SnapshotMaker) =>
  snapshot.reported(training({ accuracy: 0.9, updatedAtMs: noonMs + 1_000, ...changes }));

describe('at once is written', () => {
  test('the first status', () => {
    expect(worthWriting(undefined, before, noonMs - everyMs)).toBe(true);
  });

  test.each<[string, (snapshot: SnapshotMaker) => SnapshotMaker]>([
    ['a condition that changes its status', (snapshot) => snapshot.streamsUnreachable('gone')],
    ['a condition that changes its reason alone', soon({ phase: 'Evaluating' })],
    ['a new reason of Progressing', soon({ waitFraction: 0.5 })],
    ['a suspension', (snapshot) => snapshot.job((job) => job.suspended())],
    ['a new generation', (snapshot) => snapshot.job((job) => job.generation(2))],
    ['one more teacher', (snapshot) => snapshot.pool('cpu', { pods: 'cpu-0 cpu-1', freeSlots: 1 })],
    [
      'a teacher that is no longer ready',
      (snapshot) => snapshot.teachers(labeling('cpu-0', { updatedAtMs: noonMs + 1_000 })),
    ],
    ['a lost teacher', (snapshot) => snapshot.pool('cpu', { pods: 'cpu-0 cpu-1', disruptions: 1 })],
    ['a lost student', soon({ attempt: 2 })],
    ['a student that failed', (snapshot) => snapshot.student({ failures: 1 })],
    ['a new accuracy', soon({ accuracy: 0.91 })],
    ['a work item that no teacher could do', (snapshot) => snapshot.dead(1, null)],
    ['the result', soon({ phase: 'Exporting', result: { digest: 'sha256:ab', accuracy: 0.9, loss: null } })],
    ['the end', (snapshot) => snapshot.student({ phase: 'Succeeded' })],
    ['a deletion', (snapshot) => snapshot.job((job) => job.deleted())],
  ])('%s', (_what, change) => {
    expect(isWritten(change, 1_000)).toBe(true);
  });
});

describe('now and then is written', () => {
  test.each<[string, (snapshot: SnapshotMaker) => SnapshotMaker]>([
    ['a step', (snapshot) => snapshot.reported(training({ accuracy: 0.9, step: 41 }))],
    ['a rate', (snapshot) => snapshot.reported(training({ accuracy: 0.9, samplesPerSecond: 900 }))],
    ['a loss', (snapshot) => snapshot.reported(training({ accuracy: 0.9, loss: 0.4 }))],
    ['a buffer', (snapshot) => snapshot.reported(training({ accuracy: 0.9, buffer: { frames: 9, bytes: 1 } }))],
    [
      'the rate of the teachers',
      (snapshot) => snapshot.teachers(labeling('cpu-0', { samplesPerSecond: 400 }), labeling('cpu-1')),
    ],
  ])('%s', (_what, change) => {
    const { status } = change(written).status(before).plan;
    const writtenAfter = (ms: number): boolean => worthWriting(before, accounted(status, ms), noonMs + ms - everyMs);
    expect([1_000, 4_999, 5_000, 60_000].map(writtenAfter)).toEqual([false, false, true, true]);
  });

  function accounted(status: DistillJobStatus, afterMs: number): DistillJobStatus {
    return { ...status, usage: { ...status.usage!, accountedUntil: new Date(noonMs + afterMs).toISOString() } };
  }

  test('a step of a local run at every decision, because its status has no time', () => {
    const local = written.in('local');
    const { status } = local.plan;
    const next = local.reported(training({ accuracy: 0.9, step: 41 })).plan.status;
    expect([worthWriting(status, next, 0), worthWriting(status, status, 0)]).toEqual([true, false]);
  });
});

describe('never is written', () => {
  const used = (seconds: number, accountedUntil: string): DistillJobStatus => ({
    ...before,
    usage: { teacherSlotSeconds: seconds, studentSlotSeconds: seconds, accountedUntil },
  });

  test('usage alone, after any time', () => {
    const later = used(7_200, '2026-11-24T13:00:00Z');
    expect(worthWriting(before, later, noonMs + 3_600_000)).toBe(false);
  });

  test('a field that is undefined instead of missing', () => {
    const leftOut = Object.assign({}, before, { deadItems: undefined });
    expect(worthWriting(before, leftOut, Infinity)).toBe(false);
  });

  test('the same twice', () => {
    const changed = written.reported(training({ step: 60 })).plan.status;
    expect(worthWriting(before, changed, Infinity)).toBe(true);
    expect(worthWriting(changed, changed, Infinity)).toBe(false);
  });
});

test('a status written by a clock that was ahead does not delay progress', () => {
  const ahead: DistillJobStatus = { ...before, usage: { ...before.usage!, accountedUntil: '2026-11-24T14:00:00Z' } };
  const next = written.status(ahead).reported(training({ accuracy: 0.9, step: 41 })).plan.status;
  expect(worthWriting(ahead, next, noonMs - everyMs)).toBe(true);
  expect(worthWriting(next, next, noonMs - everyMs)).toBe(false);
});
