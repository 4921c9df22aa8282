/** Properties of every pair of statuses: facts are due at once, an equal status never is, and neither is usage alone. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { DistillJobStatus } from '../../../../src/api/index.js';
import { decide, worthWriting } from '../../../../src/domain/index.js';
import { after, snapshotArbitrary } from './snapshots.js';

/** A status, and the one that the next decision on another snapshot of the same job would write. */
const pairArbitrary = fc.tuple(snapshotArbitrary, snapshotArbitrary).map(([first, next]) => {
  const before = decide(first);
  const seen = { ...next, engine: first.engine, job: { ...first.job, spec: first.job.spec } };
  return { before: before.status, after: decide(after(seen, before)).status };
});
const sinceMs = fc.constantFrom(0, Date.UTC(2026, 10, 24, 11, 59, 59), Date.UTC(2026, 10, 24, 12), Infinity);

/** The facts that people and programs wait for. */
function facts({
  phase,
  conditions,
  teachers,
  failures,
  attempts,
  disruptions,
  resumptions,
}: DistillJobStatus): unknown {
  return {
    phase,
    conditions: conditions?.map(({ type, status, reason, observedGeneration }) => [
      type,
      status,
      reason,
      observedGeneration,
    ]),
    teachers: teachers?.pools.map(({ name, desired, ready, reason }) => [name, desired, ready, reason]),
    counts: [failures, attempts, disruptions?.teacher, disruptions?.student, resumptions],
  };
}

const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

test('a change of a condition, the phase or a count is due at once', () => {
  fc.assert(
    fc.property(pairArbitrary, sinceMs, ({ before, after: next }, since) => {
      fc.pre(JSON.stringify(facts(before)) !== JSON.stringify(facts(next)));
      expect(worthWriting(before, next, since)).toBe(true);
    }),
    { numRuns: 400 },
  );
});

test('a written status is not due again, also as the API server returns it', () => {
  fc.assert(
    fc.property(pairArbitrary, sinceMs, ({ after: status }, since) => {
      expect(worthWriting(status, status, since)).toBe(false);
      expect(worthWriting(asJson(status), status, since)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('more usage alone is never due', () => {
  fc.assert(
    fc.property(pairArbitrary, fc.nat(), fc.nat({ max: 1e6 }), sinceMs, ({ before }, seconds, laterMs, since) => {
      const accountedUntil = new Date(
        Date.parse(before.usage?.accountedUntil ?? '2026-11-24T12:00:00Z') + laterMs,
      ).toISOString();
      const usage = { teacherSlotSeconds: seconds, studentSlotSeconds: seconds, accountedUntil };
      expect(worthWriting(before, { ...before, usage }, since)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('every change is due when enough time has passed, except usage alone', () => {
  fc.assert(
    fc.property(pairArbitrary, ({ before, after: next }) => {
      const withoutUsage = ({ usage, ...rest }: DistillJobStatus): string =>
        JSON.stringify([rest, usage === undefined]);
      expect(worthWriting(before, next, Infinity)).toBe(withoutUsage(before) !== withoutUsage(next));
    }),
    { numRuns: 400 },
  );
});
