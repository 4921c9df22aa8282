/** How many teachers each job gets, next to other jobs and pending pods: design §5.4 as a table. */
import { describe, expect, test } from '@jest/globals';

import { allocate, type AllocationInput } from '../../../../src/domain/allocation/index.js';
import type { TestNeeds } from '../../../kit/placement.js';
import {
  jobRequest,
  leavingFrom,
  pendingPod,
  nodes,
  poolRequest,
  poolsRequest,
  allocationInput,
  teachers,
  briefGrants,
} from '../../../kit/allocation.js';

type Given = Partial<Omit<AllocationInput<TestNeeds>, 'placement'>>;
type Row = [what: string, cluster: string, given: Given, want: string];

const shared = (cluster: string, given: Given): string => briefGrants(allocate(allocationInput(nodes(cluster), given)));
const four: TestNeeds = { gpu: 4, cpu: 1 };
const gpus = (freeSlots: number, reserveSlots: number): NonNullable<Given['supply']> => ({
  'nvidia.com/gpu': { freeSlots, reserveSlots },
});

describe('fair numbers', () => {
  test.each<Row>([
    ['a job gets what it wants', 'a8', { jobs: [jobRequest('a', 3)] }, 'a: 3'],
    ['or all that there is', 'a4 b4', { jobs: [jobRequest('a', 20)] }, 'a: 8'],
    ['two jobs get equal shares', 'a8', { jobs: [jobRequest('a', 9), jobRequest('b', 9)] }, 'a: 4; b: 4'],
    [
      'slots that one job does not want go to the others',
      'a8',
      { jobs: [jobRequest('a', 1), jobRequest('b', 9)] },
      'a: 1; b: 7',
    ],
    ['the odd slot goes by uid', 'a7', { jobs: [jobRequest('b', 9), jobRequest('a', 9)] }, 'a: 4; b: 3'],
    ['by weight', 'a8', { jobs: [jobRequest('a', 9, { weight: 3 }), jobRequest('b', 9)] }, 'a: 6; b: 2'],
    ['rounded to the nearest', 'a5', { jobs: [jobRequest('a', 9, { weight: 10 }), jobRequest('b', 9)] }, 'a: 5; b: 0'],
    [
      'minimums first, whatever the weight',
      'a4',
      { jobs: [jobRequest('a', 9, { weight: 100 }), jobRequest('b', 9, { minReplicas: 2 })] },
      'a: 2; b: 2',
    ],
    ['a job that wants nothing keeps no minimum', 'a4', { jobs: [jobRequest('a', 0, { minReplicas: 2 })] }, 'a: 0'],
    ['never more than the pool may have', 'a8', { jobs: [jobRequest('a', 9, { maxReplicas: 2 })] }, 'a: 2'],
    [
      'slots are shared, not replicas; small teachers start when the large ones have their nodes',
      'a8 b8',
      { jobs: [jobRequest('a', 9, { slotsPerReplica: 4, needs: four }), jobRequest('b', 16)] },
      'a: 2; b: 0→8',
    ],
    [
      'namespaces share before jobs do',
      'a8',
      {
        jobs: [jobRequest('a', 9, { namespace: 'x' }), jobRequest('b', 9, { namespace: 'x' }), jobRequest('c', 9)],
      },
      'a: 2; b: 2; c: 4',
    ],
    [
      'by their weights; a namespace named like an object property has weight 1',
      'a8',
      {
        jobs: [jobRequest('a', 9, { namespace: 'x' }), jobRequest('b', 9, { namespace: 'constructor' })],
        namespaceWeights: { x: 3 },
      },
      'a: 6; b: 2',
    ],
    [
      'a minimum takes no slot from the share of another namespace',
      'a8',
      { jobs: [jobRequest('a', 9, { namespace: 'x', minReplicas: 100 }), jobRequest('b', 9)] },
      'a: 4; b: 4',
    ],
    [
      'a minimum comes before other jobs of its namespace, from what other namespaces leave',
      'a8',
      {
        jobs: [
          jobRequest('a', 9, { namespace: 'x', minReplicas: 5 }),
          jobRequest('b', 9, { namespace: 'x', weight: 100 }),
          jobRequest('c', 2),
        ],
      },
      'a: 5; b: 1; c: 2',
    ],
    [
      'a job with weight 0 gets what is left',
      'a4',
      { jobs: [jobRequest('a', 9, { weight: 0 }), jobRequest('b', 3)] },
      'a: 1; b: 3',
    ],
  ])('%s', (_what, cluster, given, want) => {
    expect(shared(cluster, given)).toBe(want);
  });

  test('neither a minimum of 10,000 nor 15 jobs of one namespace take the slots of another namespace', () => {
    const honest = jobRequest('honest', 64, { namespace: 'honest' });
    const greedy = jobRequest('greedy', 64, { namespace: 'greedy', minReplicas: 10_000, maxReplicas: 10_000 });
    expect(shared('a64', { jobs: [honest, greedy] })).toBe('greedy: 32; honest: 32');
    const many = Array.from({ length: 15 }, (_, index) => jobRequest(`z${String(index)}`, 64, { namespace: 'greedy' }));
    expect(shared('a64', { jobs: [honest, ...many] })).toMatch(/^honest: 32; z0: 3; /);
  });

  test('slots of one resource do not reduce the share of a namespace of another resource', () => {
    const cpu = { resource: 'cpu', needs: { gpu: 0, cpu: 1 } };
    const pools = (minReplicas: number) => [
      poolRequest({ name: 'gpu' }),
      poolRequest({ name: 'cpu', ...cpu, minReplicas }),
    ];
    const jobs = [
      // Its 900 cores are a minimum and do not delay its GPUs.
      { ...poolsRequest('a', 904, pools(900)), namespace: 'x' },
      { ...poolsRequest('b', 9, pools(0)), namespace: 'y' },
      { ...poolsRequest('c', 9, [poolRequest()]), namespace: 'y' },
    ];
    expect(shared('a8', { jobs })).toBe('a: 4, 100; b: 2, 7; c: 2');
  });

  test('the next pool provides what a full one cannot', () => {
    const [x, y]: TestNeeds[] = [
      { gpu: 1, cpu: 1, zone: 'x' },
      { gpu: 1, cpu: 1, zone: 'y' },
    ];
    const cluster = [
      { name: 'a', gpu: 2, cpu: 99, zone: 'x' },
      { name: 'b', gpu: 9, cpu: 99, zone: 'y' },
    ];
    const pools = [
      poolRequest({ name: 'spot', needs: x! }),
      poolRequest({ name: 'dear', needs: y!, unitsPerReplica: 2 }),
    ];
    expect(briefGrants(allocate(allocationInput(cluster, { jobs: [poolsRequest('a', 6, pools)] })))).toBe('a: 2, 2');
    const poor = [{ ...cluster[0]!, cpu: 1 }, cluster[1]!];
    expect(briefGrants(allocate(allocationInput(poor, { jobs: [poolsRequest('a', 6, pools)] })))).toBe('a: 1, 3');
  });

  test('slots of one resource do not reduce the share of a job of another resource', () => {
    const cpu = poolRequest({ name: 'cpu', resource: 'cpu', needs: { gpu: 0, cpu: 1 }, maxReplicas: 5 });
    const jobs = [poolsRequest('a', 20, [cpu, poolRequest()]), jobRequest('b', 20)];
    expect(shared('a8', { jobs })).toBe('a: 5, 4; b: 4');
  });

  test('replicas to keep come before cheaper pools grow', () => {
    const pools = [poolRequest({ name: 'cheap' }), poolRequest({ name: 'dear', keepReplicas: 2 })];
    expect(shared('a8', { jobs: [poolsRequest('a', 3, pools)] })).toBe('a: 1, 2');
  });

  test('a job has a maximum over all pools, which minimums may exceed', () => {
    const pools = [poolRequest({ name: 'cheap' }), poolRequest({ name: 'dear', minReplicas: 3 })];
    const job = poolsRequest('a', 9, pools);
    expect(shared('a8', { jobs: [{ ...job, maxReplicas: 4 }] })).toBe('a: 1, 3');
    expect(shared('a8', { jobs: [{ ...job, maxReplicas: 2 }] })).toBe('a: 0, 3');
  });
});

describe('the reserve', () => {
  test.each<Row>([
    ['stays free', 'a8', { jobs: [jobRequest('a', 16)], supply: gpus(8, 2) }, 'a: 6'],
    [
      'takes nothing from pending pods',
      'a8',
      { pendingPods: [pendingPod('n')], jobs: [jobRequest('a', 16)], supply: gpus(8, 2) },
      'a: 5',
    ],
    ['may be more than there is', 'a2', { jobs: [jobRequest('a', 1)], supply: gpus(2, 5) }, 'a: 0'],
    [
      'is kept while teachers are leaving',
      'a8',
      { leaving: [leavingFrom('a'), leavingFrom('a')], jobs: [jobRequest('a', 16)], supply: gpus(8, 2) },
      'a: 4→6',
    ],
    [
      'takes back slots when it is raised',
      'a4',
      { jobs: [jobRequest('a', 4, { teachers: teachers('a a a a') })], supply: gpus(4, 1) },
      'a: 3 [t3]',
    ],
  ])('%s', (_what, cluster, given, want) => {
    expect(shared(cluster, given)).toBe(want);
  });
});

describe('running teachers', () => {
  test.each<Row>([
    ['stay', 'a2 b2', { jobs: [jobRequest('a', 3, { teachers: teachers('b b a') })] }, 'a: 3'],
    ['leave when fewer are wanted', 'a4', { jobs: [jobRequest('a', 2, { teachers: teachers('a a a') })] }, 'a: 2 [t2]'],
    [
      'leave for the share of another job, which waits until they are gone',
      'a4',
      { jobs: [jobRequest('a', 9, { teachers: teachers('a a a a') }), jobRequest('b', 9)] },
      'a: 2 [t3 t2]; b: 0→2',
    ],
    [
      'cause no further victims while some are leaving',
      'a4',
      {
        leaving: [leavingFrom('a'), leavingFrom('a')],
        jobs: [jobRequest('a', 9, { teachers: teachers('a a') }), jobRequest('b', 9)],
      },
      'a: 2; b: 0→2',
    ],
    [
      'that are new do not wait for a slot while another is free',
      'a2 b2',
      { leaving: [leavingFrom('a'), leavingFrom('a')], jobs: [jobRequest('a', 2)] },
      'a: 2',
    ],
    [
      'stay where no other job could use their place',
      'a3 b3',
      {
        jobs: [
          jobRequest('a', 9, { teachers: teachers('a a a b b b') }),
          jobRequest('b', 9, { slotsPerReplica: 4, needs: four }),
        ],
      },
      'a: 6; b: 0',
    ],
    [
      'leave a whole node to a pool that needs one',
      'a4 b4',
      {
        jobs: [
          jobRequest('a', 9, { teachers: teachers('a b a b a b a b') }),
          jobRequest('b', 9, { slotsPerReplica: 4, needs: four }),
        ],
      },
      'a: 4 [t7 t5 t3 t1]; b: 0→1',
    ],
    [
      'that wait for a node leave first, and leave when there is no node',
      'a2',
      { jobs: [jobRequest('a', 9, { teachers: teachers('a a ? ?') })] },
      'a: 2 [t3 t2]',
    ],
    [
      'that wait for a node count as new ones',
      'a4',
      { jobs: [jobRequest('a', 3, { teachers: teachers('a ? ?') })] },
      'a: 3',
    ],
  ])('%s', (_what, cluster, given, want) => {
    expect(shared(cluster, given)).toBe(want);
  });

  test('on a node that is gone do not count', () => {
    const jobs = [jobRequest('a', 2, { teachers: teachers('a gone') })];
    expect(shared('a2', { jobs })).toBe('a: 1→2 [t1]');
  });

  test('on a node that takes no more pods leave, and start elsewhere when they are gone', () => {
    const here = { gpu: 1, cpu: 1, zone: 'x' };
    const cluster = [
      { name: 'a', gpu: 4, cpu: 9, zone: 'going' },
      { name: 'b', gpu: 4, cpu: 9, zone: 'x' },
    ];
    const jobs = [jobRequest('a', 2, { needs: here, teachers: teachers('a b', here) })];
    expect(briefGrants(allocate(allocationInput(cluster, { jobs })))).toBe('a: 1→2 [t0]');
  });
});

describe('pending pods', () => {
  test.each<Row>([
    [
      'take a free slot first',
      'a2',
      { pendingPods: [pendingPod('n')], jobs: [jobRequest('a', 1, { teachers: teachers('a') })] },
      'a: 1',
    ],
    [
      'get the slot of a teacher, which leaves',
      'a2',
      { pendingPods: [pendingPod('n')], jobs: [jobRequest('a', 2, { teachers: teachers('a a') })] },
      'a: 1 [t1]',
    ],
    [
      'evict teachers on the node that they need, and no others',
      'a4 b2',
      { pendingPods: [pendingPod('n', { needs: four })], jobs: [jobRequest('a', 9, { teachers: teachers('a b b') })] },
      'a: 2 [t0]',
    ],
    [
      'wait for a leaving teacher before another must leave',
      'a2',
      {
        pendingPods: [pendingPod('n')],
        leaving: [leavingFrom('a')],
        jobs: [jobRequest('a', 9, { teachers: teachers('a') })],
      },
      'a: 1',
    ],
    [
      'that fit nowhere hold nothing',
      'a2',
      { pendingPods: [pendingPod('n', { needs: four })], jobs: [jobRequest('a', 9, { teachers: teachers('a a') })] },
      'a: 2',
    ],
    [
      'come before minimums',
      'a2',
      { pendingPods: [pendingPod('n')], jobs: [jobRequest('a', 2, { minReplicas: 2 })] },
      'a: 1',
    ],
    [
      'make a teacher move if its job has room elsewhere: it leaves first',
      'a4 b4',
      { pendingPods: [pendingPod('n', { needs: four })], jobs: [jobRequest('a', 2, { teachers: teachers('a b') })] },
      'a: 1→2 [t0]',
    ],
  ])('%s', (_what, cluster, given, want) => {
    expect(shared(cluster, given)).toBe(want);
  });

  test('come by priority: a small pod does not take the node that a large one would have without teachers', () => {
    const input = allocationInput(nodes('a4'), {
      pendingPods: [pendingPod('small', { priority: 1 }), pendingPod('large', { needs: four, priority: 2 })],
      jobs: [jobRequest('a', 9, { teachers: teachers('a a a') })],
    });
    const share = allocate(input);
    expect([...share.nominations]).toEqual([
      ['large', 'a'],
      ['small', null],
    ]);
    expect(briefGrants(share)).toBe('a: 0 [t2 t1 t0]');
  });
});
