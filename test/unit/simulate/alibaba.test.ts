/** Logs of real clusters, in the columns of cluster-trace-gpu-v2023. The rows here are made up. */
import { describe, expect, test } from '@jest/globals';

import { readLoggedCluster } from '../../../src/simulate/alibaba.js';

const nodeHeader = 'sn,cpu_milli,memory_mib,gpu,model';
const podHeader =
  'name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time';
const nodes = [nodeHeader, 'node-a,64000,262144,2,P100', 'node-b,32000,262144,0,', 'node-c,96000,786432,8,V100M32'];
const pods = [
  podHeader,
  'early,1000,1024,1,1000,,LS,Running,100,900000,100',
  'cpu,1000,1024,0,0,,LS,Running,500000,500100,500000',
  'never,1000,1024,1,1000,,BE,Pending,500000,500100,',
  'shared,1000,1024,1,460,,BE,Succeeded,500010,500110,500020',
  'picky,1000,1024,8,1000,V100M16|V100M32,LS,Failed,500060,501060,500060',
];

const read = (nodeLines: readonly string[], podLines: readonly string[], fromSeconds: number | null = null) =>
  readLoggedCluster(
    { name: 'nodes.csv', content: nodeLines.join('\n') },
    { name: 'pods.csv', content: `${podLines.join('\r\n')}\r\n` },
    { hours: 1, fromSeconds },
  );

describe('a log', () => {
  test('gives nodes with accelerators and the pods that ran on some, in the hours in which the most came', () => {
    expect(read(nodes, pods)).toEqual({
      fromSeconds: 500_010,
      leftOut: [
        { why: 'NodeWithoutAccelerator', names: ['node-b'] },
        { why: 'WithoutAccelerator', names: ['cpu'] },
        { why: 'NeverRan', names: ['never'] },
      ],
      nodes: [
        { name: 'node-a', model: 'P100', slots: 2 },
        { name: 'node-c', model: 'V100M32', slots: 8 },
      ],
      neighbors: [
        { name: 'early', arrivesAtSeconds: 0, runsSeconds: 399_990, slots: 1, milli: 1_000, models: null },
        { name: 'shared', arrivesAtSeconds: 0, runsSeconds: 90, slots: 1, milli: 460, models: null },
        {
          name: 'picky',
          arrivesAtSeconds: 50,
          runsSeconds: 1_000,
          slots: 8,
          milli: 1_000,
          models: ['V100M16', 'V100M32'],
        },
      ],
    });
  });

  test('can begin wherever a person says', () => {
    const { neighbors, fromSeconds } = read(nodes, pods, 500_050);
    expect(fromSeconds).toBe(500_050);
    expect(neighbors.map(({ name, arrivesAtSeconds, runsSeconds }) => [name, arrivesAtSeconds, runsSeconds])).toEqual([
      ['early', 0, 399_950],
      ['shared', 0, 60],
      ['picky', 10, 1_000],
    ]);
  });

  test('leaves out pods that no node can ever hold, for their models or their size, and names them', () => {
    const odd = [
      ...pods,
      'unknown,1000,1024,1,1000,None,LS,Running,500060,501060,500060',
      'large,1000,1024,9,1000,,LS,Running,500060,501060,500060',
      'large-here,1000,1024,4,1000,P100,LS,Running,500060,501060,500060',
      'fits,1000,1024,2,1000,P100 | T4,LS,Running,500060,501060,500060',
      'later,1000,1024,1,1000,,LS,Running,600000,600100,600000',
    ];
    const { leftOut, neighbors } = read(nodes, odd, 500_000);
    expect(neighbors.map(({ name }) => name)).toEqual(['early', 'shared', 'picky', 'fits']);
    expect(leftOut.slice(3)).toEqual([
      { why: 'NoNodeHoldsIt', names: ['unknown', 'large', 'large-here'] },
      { why: 'OtherHours', names: ['later'] },
    ]);
  });

  test('has every row in what is replayed or in what is left out', () => {
    const { nodes: kept, neighbors, leftOut } = read(nodes, pods);
    const rows = kept.length + neighbors.length + leftOut.reduce((sum, { names }) => sum + names.length, 0);
    expect(rows).toBe(nodes.length - 1 + pods.length - 1);
  });

  test('may have its columns in any order, and more of them', () => {
    const turned = ['model,extra,gpu,sn', 'T4,?,4,node-t'];
    expect(read(turned, pods).nodes).toEqual([{ name: 'node-t', model: 'T4', slots: 4 }]);
  });

  test.each<[string, readonly string[], readonly string[], string]>([
    [
      'a list of nodes without accelerators',
      [nodeHeader, 'a,1,1,0,'],
      pods,
      'nodes.csv:1:1: found no node with accelerators, expected at least one row with gpu above 0',
    ],
    [
      'a missing column',
      ['sn,gpu', 'a,1'],
      pods,
      'nodes.csv:1:1: found no column model, expected a header with sn,gpu,model',
    ],
    [
      'a word for a number',
      [nodeHeader, 'a,1,1,two,T4'],
      pods,
      'nodes.csv:2:7: found "two", expected gpu as a whole number from 0 to 1024',
    ],
    [
      'a missing field',
      nodes,
      [podHeader, 'a,1,1,1,1000,,LS,Running,5,9'],
      'pods.csv:2:1: found 10 fields, expected 11, as the header has',
    ],
    [
      'a pod that ended before it began',
      nodes,
      [podHeader, 'a,1,1,1,1000,,LS,Running,5,6,7'],
      'pods.csv:2:28: found "6", expected deletion_time as a whole number from 7 to 1000000000000',
    ],
    [
      'no share of a slot',
      nodes,
      [podHeader, 'a,1,1,1,,,LS,Running,5,9,7'],
      'pods.csv:2:9: found nothing, expected gpu_milli as a whole number from 1 to 1000',
    ],
  ])('names the place of %s', (_, nodeLines, podLines, message) => {
    expect(() => read(nodeLines, podLines)).toThrow(message);
  });
});
