/** The text that explains a pool's number of teachers. */
import { expect, test } from '@jest/globals';

import { grantsText } from '../../../../src/api/index.js';
import { allocate, type AllocationInput } from '../../../../src/domain/allocation/index.js';
import type { TestNeeds } from '../../../kit/placement.js';
import {
  jobRequest,
  pendingPod,
  nodes,
  poolRequest,
  poolsRequest,
  allocationInput,
  teachers,
} from '../../../kit/allocation.js';

type Given = Partial<Omit<AllocationInput<TestNeeds>, 'placement'>>;

const supply = (freeSlots: number, reserveSlots = 0): NonNullable<Given['supply']> => ({
  'nvidia.com/gpu': { freeSlots, reserveSlots },
});

test.each<[cluster: string, given: Given, want: string]>([
  ['a8', { jobs: [jobRequest('a', 16)], supply: supply(8, 2) }, '6 of 16: 6 free slots, 2 held back by reserve'],
  ['a8', { jobs: [jobRequest('a', 6)], supply: supply(8) }, '6 of 6: all that are wanted'],
  ['a8', { jobs: [jobRequest('a', 0)], supply: supply(8) }, 'none wanted'],
  ['a1', { jobs: [jobRequest('a', 2)], supply: supply(1) }, '1 of 2: 1 free slot'],
  [
    'a8',
    { jobs: [jobRequest('a', 16), jobRequest('b', 16)], pendingPods: [pendingPod('n')], supply: supply(8, 1) },
    '3 of 16: 3 free slots, 1 held back by reserve, 1 for waiting pods of higher priority, 3 shared with other jobs',
  ],
  [
    'a1 b1',
    { jobs: [jobRequest('a', 4, { slotsPerReplica: 2, needs: { gpu: 2, cpu: 1 } })], supply: supply(2) },
    '0 of 4: 0 free slots, no node holds one more',
  ],
  [
    'a4',
    { jobs: [jobRequest('a', 4), jobRequest('b', 4, { teachers: teachers('a a a a') })], supply: supply(4) },
    '0 of 4: 2 free slots, 2 shared with other jobs, 2 more when their slots are free',
  ],
  [
    'a4',
    { jobs: [jobRequest('a', 4, { teachers: teachers('a a a a') }), jobRequest('b', 4)], supply: supply(4) },
    '2 of 4: 2 free slots, 2 shared with other jobs, 2 on the way out',
  ],
  [
    'a8',
    { jobs: [jobRequest('a', 16), jobRequest('b', 16, { namespace: 'other' })], supply: supply(8) },
    '4 of 16: 4 free slots, 4 shared with other namespaces',
  ],
  [
    'a8',
    {
      jobs: [jobRequest('a', 16), jobRequest('b', 16), jobRequest('c', 16, { namespace: 'other' })],
      supply: supply(8),
    },
    '2 of 16: 2 free slots, 6 shared with other jobs, 4 of them in other namespaces',
  ],
])('on %s', (cluster, given, want) => {
  const share = allocate(allocationInput(nodes(cluster), given));
  expect(grantsText(share.grants.get('a')!)).toBe(want);
});

test('several pools in one sentence', () => {
  const pools = ['spot', 'dear', 'off'].map((name) => poolRequest({ name, maxReplicas: name === 'off' ? 0 : 3 }));
  const share = allocate(allocationInput(nodes('a4'), { jobs: [poolsRequest('a', 5, pools)], supply: supply(4) }));
  expect(grantsText(share.grants.get('a')!)).toBe('spot 3 of 3: all that are wanted; dear 1 of 2: 1 free slot');
});
