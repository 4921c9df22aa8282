/** Pending pods that are served before teachers. */
import { expect, test } from '@jest/globals';

import {
  amountsOf,
  isSolvedByEviction,
  higherPriorityPods,
  type UnboundPod,
} from '../../../../src/domain/ledger/index.js';

const teacherPriority = -100;
const requests = amountsOf({ 'nvidia.com/gpu': '1' });
const constraints = { nodeSelector: { gpu: 't4' }, requiredTerms: null, tolerations: [] };

const waits = { sinceMs: 7, constraints, evictionHelps: true };

function waiting(uid: string, priority: number, changes: Partial<UnboundPod> = {}): UnboundPod {
  return { uid, requests, priority, nominated: null, waits, ...changes };
}

test('they wait for room with a higher priority than teachers, and have no nominated node', () => {
  const pods = [
    waiting('waits', 0),
    waiting('like-a-teacher', teacherPriority),
    waiting('below', teacherPriority - 1),
    waiting('bound-or-gated', 1_000, { waits: null }),
    waiting('lacks-something-else', 1_000, { waits: { ...waits, evictionHelps: false } }),
    waiting('nominated', 1_000, { nominated: 'node-3' }),
  ];
  expect(higherPriorityPods(pods, teacherPriority)).toEqual([
    { uid: 'waits', priority: 0, createdAtMs: 7, needs: { ...constraints, requests, priority: 0 } },
  ]);
});

test.each<[string, boolean]>([
  ['0/2 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are available.', true],
  ["0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod affinity rules.", true],
  ['0/1 nodes are available: 1 Too many pods.', true],
  ["0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.", true],
  ["0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.", true],
  ["0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.", true],
  ['0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2 nodes.', true],
  ['0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found', false],
  ['0/2 nodes are available: persistentvolumeclaim "data" not found. not found', false],
  ["0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.", false],
])('%s: eviction helps: %s', (message, want) => {
  expect(isSolvedByEviction(message)).toBe(want);
});
