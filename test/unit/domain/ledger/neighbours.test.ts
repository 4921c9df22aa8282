/** Who waits for a place before teachers, and in which order. */
import { expect, test } from '@jest/globals';

import { amountsOf, neighboursOf, type WaitingPod } from '../../../../src/domain/ledger/index.js';

const teacherPriority = -100;
const requests = amountsOf({ 'nvidia.com/gpu': '1' });
const placement = { nodeSelector: { gpu: 't4' }, requiredTerms: null, tolerations: [] };

function waiting(uid: string, priority: number, sinceMs = 0, changes: Partial<WaitingPod> = {}): WaitingPod {
  const waits = { sinceMs, placement };
  return { uid, namespace: 'team', name: `pod-${uid}`, requests, priority, nominated: null, waits, ...changes };
}

test('neighbours are pods that wait with a higher priority than teachers', () => {
  const pods = [
    waiting('waits', 0),
    waiting('like-a-teacher', teacherPriority),
    waiting('below', teacherPriority - 1),
    waiting('bound-or-gated', 1_000, 0, { waits: null }),
  ];
  expect(neighboursOf(pods, teacherPriority)).toEqual([
    {
      uid: 'waits',
      namespace: 'team',
      name: 'pod-waits',
      priority: 0,
      sinceMs: 0,
      nominated: null,
      needs: { ...placement, requests, priority: 0 },
    },
  ]);
});

test('the highest priority comes first, then who has waited longest, then the lower uid', () => {
  const pods = [waiting('d', 0, 10), waiting('b', 0, 5), waiting('c', 0, 5), waiting('a', 7, 99)];
  const order = ['a', 'b', 'c', 'd'];
  expect(neighboursOf(pods, teacherPriority).map(({ uid }) => uid)).toEqual(order);
  expect(neighboursOf(pods.toReversed(), teacherPriority).map(({ uid }) => uid)).toEqual(order);
});

test('one for which the scheduler keeps a place says where', () => {
  const [neighbour] = neighboursOf([waiting('a', 0, 0, { nominated: 'node-3' })], teacherPriority);
  expect(neighbour?.nominated).toBe('node-3');
});
