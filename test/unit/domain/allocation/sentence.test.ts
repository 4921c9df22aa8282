/** What a person reads about a pool's number. */
import { expect, test } from '@jest/globals';

import { sentenceOf, shareOut, type ShareInput } from '../../../../src/domain/allocation/index.js';
import type { BoardNeeds } from '../../../kit/placement.js';
import { jobClaim, neighbour, nodes, poolClaim, poolsClaim, shareInput, teachers } from '../../../kit/allocation.js';

type Given = Partial<Omit<ShareInput<BoardNeeds>, 'board'>>;

const supply = (freeSlots: number, reserveSlots = 0): NonNullable<Given['supply']> => ({
  'nvidia.com/gpu': { freeSlots, reserveSlots },
});

test.each<[cluster: string, given: Given, want: string]>([
  ['a8', { jobs: [jobClaim('a', 16)], supply: supply(8, 2) }, '6 of 16: 6 free slots, 2 held back by reserve'],
  ['a8', { jobs: [jobClaim('a', 6)], supply: supply(8) }, '6 of 6: all that are wanted'],
  ['a8', { jobs: [jobClaim('a', 0)], supply: supply(8) }, 'none wanted'],
  ['a1', { jobs: [jobClaim('a', 2)], supply: supply(1) }, '1 of 2: 1 free slot'],
  [
    'a8',
    { jobs: [jobClaim('a', 16), jobClaim('b', 16)], neighbours: [neighbour('n')], supply: supply(8, 1) },
    '3 of 16: 3 free slots, 1 held back by reserve, 1 for waiting pods of higher priority, 3 shared with other jobs',
  ],
  [
    'a1 b1',
    { jobs: [jobClaim('a', 4, { slotsPerReplica: 2, needs: { gpu: 2, cpu: 1 } })], supply: supply(2) },
    '0 of 4: 0 free slots, no node holds one more',
  ],
  [
    'a4',
    { jobs: [jobClaim('a', 4), jobClaim('b', 4, { teachers: teachers('a a a a') })], supply: supply(4) },
    '0 of 4: 2 free slots, 2 shared with other jobs, 2 more when their slots are free',
  ],
  [
    'a4',
    { jobs: [jobClaim('a', 4, { teachers: teachers('a a a a') }), jobClaim('b', 4)], supply: supply(4) },
    '2 of 4: 2 free slots, 2 shared with other jobs, 2 on the way out',
  ],
  [
    'a8',
    { jobs: [jobClaim('a', 16), jobClaim('b', 16, { namespace: 'other' })], supply: supply(8) },
    '4 of 16: 4 free slots, 4 shared with other namespaces',
  ],
  [
    'a8',
    { jobs: [jobClaim('a', 16), jobClaim('b', 16), jobClaim('c', 16, { namespace: 'other' })], supply: supply(8) },
    '2 of 16: 2 free slots, 6 shared with other jobs, 4 of them in other namespaces',
  ],
])('on %s', (cluster, given, want) => {
  const share = shareOut(shareInput(nodes(cluster), given));
  expect(sentenceOf(share.grants.get('a')!)).toBe(want);
});

test('of several pools is one sentence', () => {
  const pools = ['spot', 'dear', 'off'].map((name) => poolClaim({ name, maxReplicas: name === 'off' ? 0 : 3 }));
  const share = shareOut(shareInput(nodes('a4'), { jobs: [poolsClaim('a', 5, pools)], supply: supply(4) }));
  expect(sentenceOf(share.grants.get('a')!)).toBe('spot 3 of 3: all that are wanted; dear 1 of 2: 1 free slot');
});
