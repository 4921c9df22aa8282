/** How many teachers each job gets, beside the others and the neighbours: design §5.4 as a table. */
import { describe, expect, test } from '@jest/globals';

import { shareOut, type ShareInput } from '../../../../src/domain/share/index.js';
import type { BoardNeeds } from '../../../kit/board.js';
import {
  jobClaim,
  leavingFrom,
  neighbour,
  nodes,
  poolClaim,
  poolsClaim,
  shareInput,
  teachers,
  told,
} from '../../../kit/share.js';

type Given = Partial<Omit<ShareInput<BoardNeeds>, 'board'>>;
type Row = [what: string, cluster: string, given: Given, want: string];

const shared = (cluster: string, given: Given): string => told(shareOut(shareInput(nodes(cluster), given)));
const four: BoardNeeds = { gpu: 4, cpu: 1 };
const gpus = (freeSlots: number, reserveSlots: number): NonNullable<Given['supply']> => ({
  'nvidia.com/gpu': { freeSlots, reserveSlots },
});

describe('fair numbers', () => {
  test.each<Row>([
    ['a job gets what it wants', 'a8', { jobs: [jobClaim('a', 3)] }, 'a: 3'],
    ['… or what there is', 'a4 b4', { jobs: [jobClaim('a', 20)] }, 'a: 8'],
    ['two jobs share alike', 'a8', { jobs: [jobClaim('a', 9), jobClaim('b', 9)] }, 'a: 4; b: 4'],
    ['what one leaves goes to the others', 'a8', { jobs: [jobClaim('a', 1), jobClaim('b', 9)] }, 'a: 1; b: 7'],
    ['the odd slot goes by uid', 'a7', { jobs: [jobClaim('b', 9), jobClaim('a', 9)] }, 'a: 4; b: 3'],
    ['by weight', 'a8', { jobs: [jobClaim('a', 9, { weight: 3 }), jobClaim('b', 9)] }, 'a: 6; b: 2'],
    ['rounded to the nearest', 'a5', { jobs: [jobClaim('a', 9, { weight: 10 }), jobClaim('b', 9)] }, 'a: 5; b: 0'],
    [
      'minimums first, whatever the weight',
      'a4',
      { jobs: [jobClaim('a', 9, { weight: 100 }), jobClaim('b', 9, { minReplicas: 2 })] },
      'a: 2; b: 2',
    ],
    ['a job that wants nothing keeps no minimum', 'a4', { jobs: [jobClaim('a', 0, { minReplicas: 2 })] }, 'a: 0'],
    ['never more than the pool may have', 'a8', { jobs: [jobClaim('a', 9, { maxReplicas: 2 })] }, 'a: 2'],
    [
      'slots are shared, not replicas; small ones come when the large ones have their nodes',
      'a8 b8',
      { jobs: [jobClaim('a', 9, { slotsPerReplica: 4, needs: four }), jobClaim('b', 16)] },
      'a: 2; b: 0→8',
    ],
    [
      'namespaces share before jobs do',
      'a8',
      {
        jobs: [jobClaim('a', 9, { namespace: 'x' }), jobClaim('b', 9, { namespace: 'x' }), jobClaim('c', 9)],
      },
      'a: 2; b: 2; c: 4',
    ],
    [
      'by their weights, and a name that every object knows is no weight',
      'a8',
      {
        jobs: [jobClaim('a', 9, { namespace: 'x' }), jobClaim('b', 9, { namespace: 'constructor' })],
        namespaceWeights: { x: 3 },
      },
      'a: 6; b: 2',
    ],
    [
      'a minimum takes no slot from another namespace that wants its part',
      'a8',
      { jobs: [jobClaim('a', 9, { namespace: 'x', minReplicas: 100 }), jobClaim('b', 9)] },
      'a: 4; b: 4',
    ],
    [
      'a minimum takes what other namespaces leave, before what a job of its own wants beside it',
      'a8',
      {
        jobs: [
          jobClaim('a', 9, { namespace: 'x', minReplicas: 5 }),
          jobClaim('b', 9, { namespace: 'x', weight: 100 }),
          jobClaim('c', 2),
        ],
      },
      'a: 5; b: 1; c: 2',
    ],
    [
      'a weight of 0 gets what is left',
      'a4',
      { jobs: [jobClaim('a', 9, { weight: 0 }), jobClaim('b', 3)] },
      'a: 1; b: 3',
    ],
  ])('%s', (_what, cluster, given, want) => {
    expect(shared(cluster, given)).toBe(want);
  });

  test('the 64 slots of an honest job do not go to a minimum of 10,000, nor to 15 jobs of one namespace', () => {
    const honest = jobClaim('honest', 64, { namespace: 'honest' });
    const greedy = jobClaim('greedy', 64, { namespace: 'greedy', minReplicas: 10_000, maxReplicas: 10_000 });
    expect(shared('a64', { jobs: [honest, greedy] })).toBe('greedy: 32; honest: 32');
    const many = Array.from({ length: 15 }, (_, index) => jobClaim(`z${String(index)}`, 64, { namespace: 'greedy' }));
    expect(shared('a64', { jobs: [honest, ...many] })).toMatch(/^honest: 32; z0: 3; /);
  });

  test('slots of one resource take nothing of the right of a namespace to another', () => {
    const cpu = { resource: 'cpu', needs: { gpu: 0, cpu: 1 } };
    const pools = (minReplicas: number) => [
      poolClaim({ name: 'gpu' }),
      poolClaim({ name: 'cpu', ...cpu, minReplicas }),
    ];
    const jobs = [
      // Its 900 cores come first, and its GPUs wait for nothing.
      { ...poolsClaim('a', 904, pools(900)), namespace: 'x' },
      { ...poolsClaim('b', 9, pools(0)), namespace: 'y' },
      { ...poolsClaim('c', 9, [poolClaim()]), namespace: 'y' },
    ];
    expect(shared('a8', { jobs })).toBe('a: 4, 100; b: 2, 7; c: 2');
  });

  test('the next pool gives what a full one cannot', () => {
    const [x, y]: BoardNeeds[] = [
      { gpu: 1, cpu: 1, zone: 'x' },
      { gpu: 1, cpu: 1, zone: 'y' },
    ];
    const cluster = [
      { name: 'a', gpu: 2, cpu: 99, zone: 'x' },
      { name: 'b', gpu: 9, cpu: 99, zone: 'y' },
    ];
    const pools = [poolClaim({ name: 'spot', needs: x! }), poolClaim({ name: 'dear', needs: y!, unitsPerReplica: 2 })];
    expect(told(shareOut(shareInput(cluster, { jobs: [poolsClaim('a', 6, pools)] })))).toBe('a: 2, 2');
    const poor = [{ ...cluster[0]!, cpu: 1 }, cluster[1]!];
    expect(told(shareOut(shareInput(poor, { jobs: [poolsClaim('a', 6, pools)] })))).toBe('a: 1, 3');
  });

  test('what a job has of one resource takes nothing of its right to another', () => {
    const cpu = poolClaim({ name: 'cpu', resource: 'cpu', needs: { gpu: 0, cpu: 1 }, maxReplicas: 5 });
    const jobs = [poolsClaim('a', 20, [cpu, poolClaim()]), jobClaim('b', 20)];
    expect(shared('a8', { jobs })).toBe('a: 5, 4; b: 4');
  });

  test('what is to be kept is kept before cheaper pools grow', () => {
    const pools = [poolClaim({ name: 'cheap' }), poolClaim({ name: 'dear', keepReplicas: 2 })];
    expect(shared('a8', { jobs: [poolsClaim('a', 3, pools)] })).toBe('a: 1, 2');
  });

  test('a job has a bound over all pools, minimums excepted', () => {
    const pools = [poolClaim({ name: 'cheap' }), poolClaim({ name: 'dear', minReplicas: 3 })];
    const job = poolsClaim('a', 9, pools);
    expect(shared('a8', { jobs: [{ ...job, maxReplicas: 4 }] })).toBe('a: 1, 3');
    expect(shared('a8', { jobs: [{ ...job, maxReplicas: 2 }] })).toBe('a: 0, 3');
  });
});

describe('the reserve', () => {
  test.each<Row>([
    ['stays free', 'a8', { jobs: [jobClaim('a', 16)], supply: gpus(8, 2) }, 'a: 6'],
    [
      'takes nothing from neighbours',
      'a8',
      { neighbours: [neighbour('n')], jobs: [jobClaim('a', 16)], supply: gpus(8, 2) },
      'a: 5',
    ],
    ['may be more than there is', 'a2', { jobs: [jobClaim('a', 1)], supply: gpus(2, 5) }, 'a: 0'],
    [
      'is kept while teachers are going',
      'a8',
      { leaving: [leavingFrom('a'), leavingFrom('a')], jobs: [jobClaim('a', 16)], supply: gpus(8, 2) },
      'a: 4→6',
    ],
    [
      'takes back what was given before it was made larger',
      'a4',
      { jobs: [jobClaim('a', 4, { teachers: teachers('a a a a') })], supply: gpus(4, 1) },
      'a: 3 [t3]',
    ],
  ])('%s', (_what, cluster, given, want) => {
    expect(shared(cluster, given)).toBe(want);
  });
});

describe('teachers that run', () => {
  test.each<Row>([
    ['stay', 'a2 b2', { jobs: [jobClaim('a', 3, { teachers: teachers('b b a') })] }, 'a: 3'],
    ['go when fewer are wanted', 'a4', { jobs: [jobClaim('a', 2, { teachers: teachers('a a a') })] }, 'a: 2 [t2]'],
    [
      'go when another job is due, which waits until they are gone',
      'a4',
      { jobs: [jobClaim('a', 9, { teachers: teachers('a a a a') }), jobClaim('b', 9)] },
      'a: 2 [t3 t2]; b: 0→2',
    ],
    [
      'are not asked for more while they are going',
      'a4',
      {
        leaving: [leavingFrom('a'), leavingFrom('a')],
        jobs: [jobClaim('a', 9, { teachers: teachers('a a') }), jobClaim('b', 9)],
      },
      'a: 2; b: 0→2',
    ],
    [
      'that come do not wait for a slot while another is free',
      'a2 b2',
      { leaving: [leavingFrom('a'), leavingFrom('a')], jobs: [jobClaim('a', 2)] },
      'a: 2',
    ],
    [
      'stay where nobody else could use their place',
      'a3 b3',
      {
        jobs: [
          jobClaim('a', 9, { teachers: teachers('a a a b b b') }),
          jobClaim('b', 9, { slotsPerReplica: 4, needs: four }),
        ],
      },
      'a: 6; b: 0',
    ],
    [
      'leave a whole node to a pool that needs one',
      'a4 b4',
      {
        jobs: [
          jobClaim('a', 9, { teachers: teachers('a b a b a b a b') }),
          jobClaim('b', 9, { slotsPerReplica: 4, needs: four }),
        ],
      },
      'a: 4 [t7 t5 t3 t1]; b: 0→1',
    ],
    [
      'that wait for a node are the first to go, and wait no longer when there is none',
      'a2',
      { jobs: [jobClaim('a', 9, { teachers: teachers('a a ? ?') })] },
      'a: 2 [t3 t2]',
    ],
    [
      '… and are as good as new ones otherwise',
      'a4',
      { jobs: [jobClaim('a', 3, { teachers: teachers('a ? ?') })] },
      'a: 3',
    ],
  ])('%s', (_what, cluster, given, want) => {
    expect(shared(cluster, given)).toBe(want);
  });

  test('on a node that is gone are not counted on', () => {
    const jobs = [jobClaim('a', 2, { teachers: teachers('a gone') })];
    expect(shared('a2', { jobs })).toBe('a: 1→2 [t1]');
  });

  test('on a node that takes no more pods leave it, and come back elsewhere when they are gone', () => {
    const here = { gpu: 1, cpu: 1, zone: 'x' };
    const cluster = [
      { name: 'a', gpu: 4, cpu: 9, zone: 'going' },
      { name: 'b', gpu: 4, cpu: 9, zone: 'x' },
    ];
    const jobs = [jobClaim('a', 2, { needs: here, teachers: teachers('a b', here) })];
    expect(told(shareOut(shareInput(cluster, { jobs })))).toBe('a: 1→2 [t0]');
  });
});

describe('neighbours', () => {
  test.each<Row>([
    [
      'take a free slot and nothing else',
      'a2',
      { neighbours: [neighbour('n')], jobs: [jobClaim('a', 1, { teachers: teachers('a') })] },
      'a: 1',
    ],
    [
      'get the slot of a teacher, which then has none',
      'a2',
      { neighbours: [neighbour('n')], jobs: [jobClaim('a', 2, { teachers: teachers('a a') })] },
      'a: 1 [t1]',
    ],
    [
      'send away those on the node that they need, and no others',
      'a4 b2',
      { neighbours: [neighbour('n', { needs: four })], jobs: [jobClaim('a', 9, { teachers: teachers('a b b') })] },
      'a: 2 [t0]',
    ],
    [
      'wait for a teacher that is going before another has to',
      'a2',
      {
        neighbours: [neighbour('n')],
        leaving: [leavingFrom('a')],
        jobs: [jobClaim('a', 9, { teachers: teachers('a') })],
      },
      'a: 1',
    ],
    [
      'that fit nowhere hold nothing',
      'a2',
      { neighbours: [neighbour('n', { needs: four })], jobs: [jobClaim('a', 9, { teachers: teachers('a a') })] },
      'a: 2',
    ],
    [
      'come before minimums',
      'a2',
      { neighbours: [neighbour('n')], jobs: [jobClaim('a', 2, { minReplicas: 2 })] },
      'a: 1',
    ],
    [
      'make a teacher move whose job has room elsewhere: first it goes, then it comes back',
      'a4 b4',
      { neighbours: [neighbour('n', { needs: four })], jobs: [jobClaim('a', 2, { teachers: teachers('a b') })] },
      'a: 1→2 [t0]',
    ],
  ])('%s', (_what, cluster, given, want) => {
    expect(shared(cluster, given)).toBe(want);
  });

  test('the highest priority first: a small one does not take the node that a large one could have without us', () => {
    const input = shareInput(nodes('a4'), {
      neighbours: [neighbour('small', { priority: 1 }), neighbour('large', { needs: four, priority: 2 })],
      jobs: [jobClaim('a', 9, { teachers: teachers('a a a') })],
    });
    const share = shareOut(input);
    expect([...share.neighbours]).toEqual([
      ['large', 'a'],
      ['small', null],
    ]);
    expect(told(share)).toBe('a: 0 [t2 t1 t0]');
  });
});
