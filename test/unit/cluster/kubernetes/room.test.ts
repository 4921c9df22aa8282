/** What is free for one job, with what was promised to others taken off. */
import { describe, expect, test } from '@jest/globals';

import { ClusterCache } from '../../../../src/cluster/kubernetes/index.js';
import type { DeploymentView, PodView, WorkerView } from '../../../../src/cluster/kubernetes/views.js';
import type { Amounts } from '../../../../src/domain/index.js';
import { FakeClock } from '../../../kit/clock.js';

const gpu: Amounts = { gpu: 1_000 };
const needs = { requests: gpu, nodeSelector: {}, requiredTerms: null, tolerations: [] };

/** One node of eight GPUs. */
function cacheOfEight(): ClusterCache {
  const cache = new ClusterCache(new FakeClock(0));
  cache.toldOfNode(null, {
    name: 'node',
    labels: {},
    taints: [],
    takesPods: true,
    allocatable: { gpu: 8_000, memory: 64_000, pods: 110_000 },
  });
  return cache;
}

function deployment(jobUid: string, changes: Partial<DeploymentView> = {}): DeploymentView {
  const name = `${jobUid}-teacher-gpu`;
  return {
    uid: name,
    namespace: 'default',
    name,
    resourceVersion: '1',
    jobUid,
    deleting: false,
    generation: 1,
    applied: '',
    pool: 'gpu',
    replicas: 4,
    requests: gpu,
    failure: null,
    ...changes,
  };
}

function pod(jobUid: string, name: string, changes: Partial<PodView> = {}, worker: Partial<WorkerView> = {}): PodView {
  return {
    uid: name,
    namespace: 'default',
    name,
    node: null,
    nominated: null,
    priority: -1_000,
    requests: gpu,
    claimsDevices: false,
    ended: false,
    terminating: false,
    waits: null,
    worker: {
      jobUid,
      component: 'teacher',
      pool: 'gpu',
      createdAtMs: 0,
      startedAtMs: null,
      failed: false,
      ready: false,
      restarts: 0,
      disrupted: false,
      lastEnd: null,
      stuck: null,
      ...worker,
    },
    ...changes,
  };
}

describe('the room for a job', () => {
  test('is what no other job was promised, made or not', () => {
    const cache = cacheOfEight();
    cache.deployments.told(null, deployment('other'));
    expect(cache.room('mine', needs, 8)).toBe(4);
    cache.toldOfPod(null, pod('other', 'one'));
    expect(cache.room('mine', needs, 8)).toBe(4);
    cache.toldOfPod(null, pod('other', 'one', { node: 'node' }));
    expect(cache.room('mine', needs, 8)).toBe(4);
  });

  test('is not less for the pods that the job itself has yet to get', () => {
    const cache = cacheOfEight();
    cache.deployments.told(null, deployment('mine', { replicas: 6 }));
    expect(cache.room('mine', needs, 6)).toBe(6);
    // Once made they are seats of its own, and take their place.
    cache.toldOfPod(null, pod('mine', 'one'));
    expect(cache.room('mine', needs, 6)).toBe(6);
    cache.toldOfPod(null, pod('mine', 'two'));
    cache.toldOfPod(null, pod('mine', 'three'));
    expect(cache.room('mine', needs, 6)).toBe(5);
  });

  test('comes back when the other is told to have fewer, before the watch says so', () => {
    const cache = cacheOfEight();
    cache.deployments.told(null, deployment('other'));
    cache.deployments.answered(deployment('other', { replicas: 1, resourceVersion: '2' }));
    expect(cache.room('mine', needs, 8)).toBe(7);
    cache.deployments.told(deployment('other'), null);
  });

  test('comes back with the end of the other', () => {
    const cache = cacheOfEight();
    const waiting = pod('other', 'one');
    cache.deployments.told(null, deployment('other'));
    cache.toldOfPod(null, waiting);
    cache.deployments.told(deployment('other'), null);
    cache.toldOfPod(waiting, null);
    expect(cache.room('mine', needs, 8)).toBe(8);
  });

  test.each<[string, (cache: ClusterCache) => void]>([
    [
      'pods that no node could hold',
      (cache) => cache.toldOfPod(null, pod('other', 'big', { requests: { gpu: 9_000 } })),
    ],
    [
      'pods that want a resource which no node has',
      (cache) => cache.toldOfPod(null, pod('other', 'odd', { requests: { gpu: 1_000, fpga: 1_000 } })),
    ],
    [
      'a student that found no place',
      (cache) =>
        cache.toldOfPod(null, pod('other', 'student', {}, { component: 'student', stuck: 'no node takes it' })),
    ],
    [
      'a Deployment that cannot make its pods',
      (cache) => cache.deployments.told(null, deployment('other', { failure: 'exceeded quota' })),
    ],
    ['a Deployment that goes', (cache) => cache.deployments.told(null, deployment('other', { deleting: true }))],
    ['pods that ended', (cache) => cache.toldOfPod(null, pod('other', 'done', { ended: true }))],
  ])('is not less for %s', (_what, tell) => {
    const cache = cacheOfEight();
    tell(cache);
    expect(cache.room('mine', needs, 8)).toBe(8);
  });

  test('counts a promise as soon as a node could hold it', () => {
    const cache = cacheOfEight();
    cache.toldOfPod(null, pod('other', 'big', { requests: { gpu: 1_000, memory: 100_000 } }));
    expect(cache.room('mine', needs, 99)).toBe(8);
    const facts = { name: 'large', labels: {}, taints: [], takesPods: true };
    cache.toldOfNode(null, { ...facts, allocatable: { gpu: 8_000, memory: 128_000, pods: 110_000 } });
    expect(cache.room('mine', needs, 99)).toBe(15);
  });
});
