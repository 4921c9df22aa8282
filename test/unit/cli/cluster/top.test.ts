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

test('shows devices, and whose claims hold them', async () => {
  const driver = 'gpu.example.com';
  const apiVersion = 'resource.k8s.io/v1';
  const meta = (name: string, namespace = 'default') => ({ name, namespace, uid: `u-${name}`, resourceVersion: '1' });
  const ask = { devices: { requests: [{ exactly: { deviceClassName: driver, count: 2 } }] } };
  const claim = (name: string, devices: readonly string[], pod: string) => ({
    apiVersion,
    kind: 'ResourceClaim',
    metadata: meta(name),
    spec: ask,
    status: {
      allocation: { devices: { results: devices.map((device) => ({ driver, pool: 'a', device })) } },
      reservedFor: [{ resource: 'pods', name: pod, uid: pod }],
    },
  });
  const teacher = teacherPod('gpu-0').on('a').ready().raw;
  const other = strangerPod('web').on('a').raw;
  const template = { spec: { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'two' }] } };
  const text = await said({
    jobs: [new JobMaker().pools({ name: 'gpu', maxReplicas: 4, template }).job],
    pods: [teacher, other],
    nodes: [rawNode('a', { allocatable: { cpu: '16', memory: '64Gi', pods: '110' } })],
    devices: new Map([
      [
        'slices',
        [
          {
            apiVersion,
            kind: 'ResourceSlice',
            metadata: meta('a', ''),
            spec: {
              driver,
              nodeName: 'a',
              pool: { name: 'a', generation: 1 },
              devices: Array.from({ length: 8 }, (_, at) => ({ name: `gpu-${String(at)}` })),
            },
          },
        ],
      ],
      [
        'classes',
        [
          {
            apiVersion,
            kind: 'DeviceClass',
            metadata: meta(driver, ''),
            spec: { selectors: [{ cel: { expression: `device.driver == "${driver}"` } }] },
          },
        ],
      ],
      ['templates', [{ apiVersion, kind: 'ResourceClaimTemplate', metadata: meta('two'), spec: { spec: ask } }]],
      [
        'claims',
        [
          claim('of-teacher', ['gpu-0', 'gpu-1'], teacher.metadata.uid),
          claim('of-web', ['gpu-2', 'gpu-3', 'gpu-4'], other.metadata.uid),
          // Its pod is gone, and it is not deallocated yet.
          claim('left', ['gpu-5'], 'gone'),
        ],
      ],
    ]),
  });
  expect(text).toBe(
    [
      'Job            Pool  Resource             Slots each  Ready  Teachers  Wants  Slots',
      '---            ----  --------             ----------  -----  --------  -----  -----',
      'default/mnist  gpu   dra/gpu.example.com           2      1         1      0      2',
      '',
      'Node  Resource             All  Teachers  Students  Others  Free',
      '----  --------             ---  --------  --------  ------  ----',
      'a     dra/gpu.example.com    8         2         0       4     2',
    ].join('\n'),
  );
});
