/** When a pool pauses, because its last teacher found no place. */
import { describe, expect, test } from '@jest/globals';

import type { DistillJobStatus } from '../../../../src/api/index.js';
import { pausedUntilMs } from '../../../../src/domain/job/demand/pause.js';
import { blockedStatus, decide, jobRequestOf, worthWriting } from '../../../../src/domain/index.js';
import { noonMs, SnapshotMaker } from '../../../kit/snapshots.js';

/** @param pausedUntil as it was last written, in seconds after noon */
function statusWith(pausedUntil: number | null): DistillJobStatus {
  const pause = pausedUntil === null ? {} : { pausedUntil: new Date(noonMs + pausedUntil * 1_000).toISOString() };
  const pool = { name: 'cpu', desired: 3, ready: 1, reason: 'Starved', ...pause };
  return { phase: 'Running', teachers: { desired: 3, ready: 1, samplesPerSecond: 0, pools: [pool] } };
}

describe('a pool', () => {
  test.each([
    ['that has no unplaced teacher does not pause', null, null, null],
    ['whose teacher waits for a short while does not pause', -5, null, null],
    ['whose teacher waits for longer pauses for a minute', -5.001, null, 60],
    ['stays paused after the teacher was removed', null, 42, 42],
    ['does not extend its pause while another teacher waits', -30, 42, 42],
    ['ends its pause', null, 0, null],
    ['pauses again when the next teacher waits as well', -6, -1, 60],
    ['never pauses for longer than a minute, whatever an operator with another clock wrote', null, 3_600, 60],
  ])('%s', (_title, unplacedSince, pausedUntil, want) => {
    const unplacedSinceMs = unplacedSince === null ? null : noonMs + unplacedSince * 1_000;
    const untilMs = pausedUntilMs({ name: 'cpu', unplacedSinceMs }, statusWith(pausedUntil), noonMs);
    expect(untilMs).toBe(want === null ? null : noonMs + want * 1_000);
  });

  test('of a job without a status does not pause', () => {
    expect(pausedUntilMs({ name: 'cpu', unplacedSinceMs: null }, undefined, noonMs)).toBeNull();
  });

  test('pauses until a whole second, as the status holds it', () => {
    const nowMs = noonMs + 123;
    expect(pausedUntilMs({ name: 'cpu', unplacedSinceMs: noonMs - 6_000 }, undefined, nowMs)).toBe(noonMs + 60_000);
  });

  test('begins and ends as the policy says', () => {
    const pool = { name: 'cpu', unplacedSinceMs: noonMs - 6_000 };
    expect(pausedUntilMs(pool, undefined, noonMs, { unplacedMs: 6_000, pauseMs: 10_000 })).toBeNull();
    expect(pausedUntilMs(pool, undefined, noonMs, { unplacedMs: 5_999, pauseMs: 10_000 })).toBe(noonMs + 10_000);
  });
});

describe('a job whose teacher finds no node', () => {
  const waiting = new SnapshotMaker().pool('cpu', {
    pods: 'cpu-0 cpu-1?',
    freeSlots: 1,
    unplacedSinceMs: noonMs - 6_000,
  });
  const paused = decide(waiting.snapshot).status;
  const poolIn = (status: DistillJobStatus): object | undefined => status.teachers?.pools[0];
  const mostIn = ({ snapshot }: SnapshotMaker): number | undefined => jobRequestOf(snapshot).pools[0]?.maxReplicas;

  test('requests only the teachers that have a node, and reports until when', () => {
    expect(mostIn(waiting)).toBe(1);
    expect(poolIn(paused)).toMatchObject({ pausedUntil: '2026-11-24T12:01:00Z' });
  });

  test('says in the event why the teachers go', () => {
    const { events } = decide(waiting.status(statusWith(null)).snapshot);
    expect(events.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(
        /^Pool cpu: 3 → 1 teacher \(.*; the pool pauses, as teachers could not be created or placed\)\.$/,
      ),
    );
  });

  test('keeps the pause in a restarted operator, which knows nothing but the status, and ends it', () => {
    const removed = new SnapshotMaker().pool('cpu', { pods: 'cpu-0', freeSlots: 1 });
    const pausedFor = (seconds: number): SnapshotMaker => removed.status(statusWith(seconds));
    expect(mostIn(pausedFor(1))).toBe(1);
    expect(poolIn(decide(pausedFor(1).snapshot).status)).toHaveProperty('pausedUntil');
    expect(mostIn(pausedFor(0))).toBeGreaterThan(1);
    expect(poolIn(decide(pausedFor(0).snapshot).status)).not.toHaveProperty('pausedUntil');
  });

  test('says during the pause what its last teacher failed on, and not that no slot is free', () => {
    const lastError = { exitCode: null, message: 'exceeded quota: team' };
    const failing = new SnapshotMaker().pool('cpu', {
      pods: '',
      freeSlots: 1,
      unplacedSinceMs: noonMs - 6_000,
      lastError,
    });
    const { status: before } = decide(failing.snapshot);
    const during = new SnapshotMaker().pool('cpu', { pods: '', freeSlots: 1 }).status(before);
    const conditionOf = (status: DistillJobStatus): object | undefined =>
      status.conditions?.find(({ type }) => type === 'TeachersAvailable');
    expect(conditionOf(before)).toMatchObject({ reason: 'TeachersFailing' });
    expect(conditionOf(decide(during.at(noonMs + 30_000).snapshot).status)).toEqual(conditionOf(before));
    expect(conditionOf(decide(during.at(noonMs + 60_000).snapshot).status)).not.toMatchObject({
      reason: 'TeachersFailing',
    });
  });

  test('has the pause written at once, and removed at once', () => {
    const before = decide(new SnapshotMaker().pool('cpu', { pods: 'cpu-0 cpu-1?', freeSlots: 1 }).snapshot).status;
    expect(worthWriting(before, paused, 0)).toBe(true);
  });

  test('keeps the pause while its plan is blocked', () => {
    const before = decide(new SnapshotMaker().pool('cpu', { pods: 'cpu-0 cpu-1?', freeSlots: 1 }).snapshot).status;
    const { snapshot } = waiting.status(before);
    const { status } = blockedStatus(snapshot, decide(snapshot), 'a quota is exhausted');
    expect(poolIn(status)).toHaveProperty('pausedUntil');
    expect(status.teachers?.desired).toBe(before.teachers?.desired);
  });
});
