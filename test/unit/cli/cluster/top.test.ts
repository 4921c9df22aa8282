/** `distill top`: slots by job and pool, and by node. */
import { expect, test } from '@jest/globals';

import { top } from '../../../../src/cli/cluster/top.js';
import { fakeClusterReader, type SeenObjects } from '../../../kit/cluster-reader.js';
import { rawNode, strangerPod, studentPod, teacherPod } from '../../../kit/kubernetes-objects.js';
import { JobMaker, noonMs } from '../../../kit/snapshots.js';

const gpu = { cpu: '1', 'nvidia.com/gpu': '2' };
const seen: SeenObjects = {
  jobs: [new JobMaker().pools({ name: 'gpu', resource: 'nvidia.com/gpu', slotsPerReplica: 2, maxReplicas: 20 }).job],
  pods: [
    teacherPod('gpu-0').asking(gpu).on('a').ready().raw,
    teacherPod('gpu-1').asking(gpu).raw,
    studentPod().asking({ cpu: '1', 'nvidia.com/gpu': '1' }).on('a').ready().raw,
    strangerPod('web').asking({ cpu: '1', 'nvidia.com/gpu': '3' }).on('a').ready().raw,
  ],
  nodes: [rawNode('a', { allocatable: { cpu: '16', memory: '64Gi', pods: '110', 'nvidia.com/gpu': '8' } })],
};

async function said(objects: SeenObjects, namespace?: string): Promise<string> {
  const lines: string[] = [];
  await top(
    { json: false, ...(namespace === undefined ? {} : { namespace }) },
    { cluster: fakeClusterReader(objects), say: (line) => lines.push(line), nowMs: noonMs },
  );
  return lines.join('\n');
}

test('says who holds which slots', async () => {
  expect(await said(seen)).toBe(
    [
      'Job            Pool  Resource        Slots each  Ready  Teachers  Wants  Slots',
      '---            ----  --------        ----------  -----  --------  -----  -----',
      'default/mnist  gpu   nvidia.com/gpu           2      1         2      0      2',
      '',
      'Node  Resource        All  Teachers  Students  Others  Free',
      '----  --------        ---  --------  --------  ------  ----',
      'a     nvidia.com/gpu    8         2         1       3     2',
    ].join('\n'),
  );
});

test('shows the jobs to a person who may not list nodes', async () => {
  const text = await said({ ...seen, forbidden: ['nodes'] }, 'default');
  expect(text).toMatch(/^default\/mnist +gpu/m);
  expect(text).toContain('cannot list resource "nodes"');
});
