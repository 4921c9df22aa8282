/** Properties of Reconciling and Stalled for every snapshot, and for any set of conditions (standard-conditions/K1, K2). */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { type ConditionDraft, conditionTypes, type DistillJobStatus, reasons } from '../../../../src/api/index.js';
import { decide } from '../../../../src/domain/job/index.js';
import { withStandardConditions } from '../../../../src/domain/job/status/standard-conditions.js';
import { snapshotArbitrary } from './snapshots.js';

const runs = { numRuns: 400 };
const statusOf = (status: DistillJobStatus, type: string): string =>
  status.conditions?.find((one) => one.type === type)?.status ?? 'absent';
const isTrue = (status: DistillJobStatus, type: string): boolean => statusOf(status, type) === 'True';

const draftArbitrary: fc.Arbitrary<ConditionDraft> = fc.record({
  type: fc.constantFrom(...conditionTypes),
  status: fc.constantFrom('True', 'False', 'Unknown'),
  reason: fc.constantFrom(...Object.values(reasons)),
  message: fc.constantFrom('one.', 'two.'),
});
const draftsArbitrary = fc.uniqueArray(draftArbitrary, { selector: ({ type }) => type });

describe('Reconciling and Stalled', () => {
  test('are always both there, and at most one of them is True', () => {
    fc.assert(
      fc.property(snapshotArbitrary, (snapshot) => {
        const { status } = decide(snapshot);
        const both = [statusOf(status, 'Reconciling'), statusOf(status, 'Stalled')];
        expect(['False False', 'True False', 'False True']).toContain(both.join(' '));
      }),
      runs,
    );
  });

  test('agree with the end of a job, its refusal and its suspension', () => {
    fc.assert(
      fc.property(snapshotArbitrary, (snapshot) => {
        const { status, workers } = decide(snapshot);
        const isLeaving = snapshot.engine === 'cluster' && snapshot.job.metadata.deletionTimestamp !== undefined;
        if (isLeaving) expect(isTrue(status, 'Reconciling')).toBe(true);
        else if (isTrue(status, 'Failed') || workers === 'Remove') expect(isTrue(status, 'Stalled')).toBe(true);
        else if (status.phase === 'Succeeded' || status.phase === 'Suspended') {
          expect([isTrue(status, 'Reconciling'), isTrue(status, 'Stalled')]).toEqual([false, false]);
        }
      }),
      runs,
    );
  });

  test('are both False only for a job that is over, suspended, or trains', () => {
    fc.assert(
      fc.property(snapshotArbitrary, (snapshot) => {
        const { status } = decide(snapshot);
        if (isTrue(status, 'Reconciling') || isTrue(status, 'Stalled')) return;
        const isRest = status.phase === 'Succeeded' || status.phase === 'Suspended';
        const trains = isTrue(status, 'StudentRunning') && isTrue(status, 'Progressing');
        expect(isRest || trains).toBe(true);
      }),
      runs,
    );
  });

  test('follow from the other conditions alone, whatever they say', () => {
    fc.assert(
      fc.property(draftsArbitrary, (drafts) => {
        const decided = withStandardConditions(drafts);
        const truths = decided.filter(({ type, status }) => status === 'True' && standard.includes(type));
        expect(truths.length).toBeLessThanOrEqual(1);
        expect(withStandardConditions(decided)).toEqual(decided);
        expect(withStandardConditions(drafts.filter(({ type }) => !standard.includes(type)))).toEqual(decided);
        // The reader of one finds its reason in another condition, too.
        for (const { reason, message } of truths) {
          expect(drafts.some((one) => one.reason === reason && one.message === message)).toBe(true);
        }
      }),
      runs,
    );
  });
});

const standard: readonly string[] = ['Reconciling', 'Stalled'];
