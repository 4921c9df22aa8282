/** When a pool pauses, because the scheduler found no node for its last teacher. */
import { describe, expect, test } from '@jest/globals';

import type { DistillJobStatus } from '../../../src/api/index.js';
import { pausedUntilMs } from '../../../src/domain/pause.js';
import { noonMs } from '../../kit/snapshots.js';

/** @param pausedUntil as it was last written, in seconds after noon */
function statusWith(pausedUntil: number | null): DistillJobStatus {
  const pause = pausedUntil === null ? {} : { pausedUntil: new Date(noonMs + pausedUntil * 1_000).toISOString() };
  const pool = { name: 'cpu', desired: 1, ready: 0, reason: 'Starved', ...pause };
  return { phase: 'Running', teachers: { desired: 1, ready: 0, samplesPerSecond: 0, pools: [pool] } };
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
});
