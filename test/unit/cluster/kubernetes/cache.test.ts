/** What is known of the cluster: each job's objects, its lost teachers, and the slots that are free for it. */
import { describe, expect, test } from '@jest/globals';

import { ClusterCache } from '../../../../src/cluster/kubernetes/cache.js';
import {
  deploymentView,
  type DeploymentView,
  nodeView,
  podView,
  studentJobView,
} from '../../../../src/cluster/kubernetes/views.js';
import { amountsOf, type PodNeeds } from '../../../../src/domain/index.js';
import { FakeClock } from '../../../kit/clock.js';
import {
  type PodMaker,
  rawDeployment,
  rawNode,
  rawStudentJob,
  strangerPod,
  studentPod,
  teacherPod,
} from '../../../kit/kubernetes-objects.js';
import { JobMaker } from '../../../kit/snapshots.js';

const oneGpu = { cpu: '1', 'nvidia.com/gpu': '1' };
const needs: PodNeeds = { nodeSelector: {}, requiredTerms: null, tolerations: [], requests: amountsOf(oneGpu) };
const gpuNode = (name: string) =>
  nodeView(rawNode(name, { allocatable: { cpu: '16', memory: '64Gi', pods: '110', 'nvidia.com/gpu': '8' } }));

/** A cache that is told as the watches tell: each change of an object, with what it was before. */
function cluster() {
  const cache = new ClusterCache(new FakeClock());
  const pods = new Map<string, PodMaker>();
  const deployments = new Map<string, DeploymentView>();
  const at = {
    cache,
    nodes: (...names: readonly string[]) => {
      for (const name of names) cache.toldOfNode(null, gpuNode(name));
      return at;
    },
    pod: (...told: readonly PodMaker[]) => {
      for (const pod of told) {
        const { uid } = pod.raw.metadata;
        const before = pods.get(uid);
        pods.set(uid, pod);
        cache.toldOfPod(before === undefined ? null : podView(before.raw), podView(pod.raw));
      }
      return at;
    },
    gone: (...told: readonly PodMaker[]) => {
      for (const pod of told) {
        const { uid } = pod.raw.metadata;
        cache.toldOfPod(podView((pods.get(uid) ?? pod).raw), null);
        pods.delete(uid);
      }
      return at;
    },
    deployment: (pool: string, facts: Parameters<typeof rawDeployment>[1] = {}) => {
      const view = deploymentView(rawDeployment(pool, { requests: oneGpu, ...facts }));
      const key = `${view.jobUid}/${view.name}`;
      cache.deployments.told(deployments.get(key) ?? null, view);
      deployments.set(key, view);
      return at;
    },
    room: (most = 100, jobUid = 'u-1') => cache.room(jobUid, needs, most),
  };
  return at;
}

const seated = (name: string, jobUid?: string): PodMaker => teacherPod(name, jobUid).asking(oneGpu).on('a').ready();

describe('the objects of a job', () => {
  test('are its Deployments, its Job and its pods, and nobody else’s', () => {
    const { cache } = cluster()
      .deployment('cpu')
      .deployment('gpu')
      .deployment('cpu', { jobUid: 'u-2' })
      .pod(seated('cpu-0'), studentPod(), seated('cpu-0', 'u-2'), strangerPod('web'));
    cache.studentJobs.told(null, studentJobView(rawStudentJob()));
    const { deployments, student, pods } = cache.objectsOf('u-1');
    expect(deployments.map(({ pool }) => pool)).toEqual(['cpu', 'gpu']);
    expect(student?.name).toBe('mnist-student');
    expect(pods.map(({ name }) => name)).toEqual(['mnist-teacher-cpu-0', 'mnist-student-a']);
    expect(cache.objectsOf('u-3')).toEqual({ deployments: [], student: null, pods: [] });
  });

  test('say whose a pod is that changed', () => {
    const { cache } = cluster();
    const told = (pod: PodMaker): string | null => cache.toldOfPod(null, podView(pod.raw));
    expect([told(seated('cpu-0')), told(studentPod()), told(strangerPod('web'))]).toEqual(['u-1', 'u-1', null]);
    expect(cache.toldOfPod(podView(seated('cpu-0').raw), null)).toBe('u-1');
    expect(cache.objectsOf('u-1').pods).toHaveLength(1);
  });
});

describe('the slots that are free for a job', () => {
  test('are what its needs find on the nodes', () => {
    const at = cluster();
    expect(at.room()).toBe(0);
    at.nodes('a', 'b');
    expect([at.room(), at.room(5)]).toEqual([16, 5]);
    at.cache.toldOfNode(gpuNode('b'), null);
    expect(at.room()).toBe(8);
  });

  test('are less by what pods hold until they are gone, whoever’s they are', () => {
    const stranger = strangerPod('web').asking(oneGpu).on('a').ready();
    const at = cluster().nodes('a').pod(seated('cpu-0'), stranger);
    expect(at.room()).toBe(6);
    at.pod(stranger.terminating(), seated('cpu-0').terminating());
    expect(at.room()).toBe(6);
    at.gone(stranger);
    expect(at.room()).toBe(7);
  });

  test('are less by pods of ours that wait for a node, and not less by others that do', () => {
    const at = cluster().nodes('a').pod(teacherPod('gpu-0').asking(oneGpu), strangerPod('web').asking(oneGpu));
    expect(at.room()).toBe(7);
    at.pod(seated('gpu-0'));
    expect(at.room()).toBe(7);
  });

  test('are not less by what waits for a node and is going', () => {
    expect(cluster().nodes('a').pod(teacherPod('gpu-0').asking(oneGpu).terminating()).room()).toBe(8);
  });

  test('are less by what was promised to another job, until its pods are there', () => {
    const at = cluster().nodes('a').deployment('gpu', { jobUid: 'u-2', replicas: 3 });
    expect(at.room()).toBe(5);
    at.pod(teacherPod('gpu-0', 'u-2').asking(oneGpu));
    expect(at.room()).toBe(5);
    at.pod(seated('gpu-0', 'u-2'), seated('gpu-1', 'u-2'), seated('gpu-2', 'u-2'));
    expect(at.room()).toBe(5);
  });

  test('are promised again when a teacher of another job is lost: it will be made anew', () => {
    const at = cluster().nodes('a').deployment('gpu', { jobUid: 'u-2', replicas: 1 }).pod(seated('gpu-0', 'u-2'));
    expect(at.room()).toBe(7);
    at.pod(seated('gpu-0', 'u-2').terminating());
    expect(at.room()).toBe(6);
    at.gone(seated('gpu-0', 'u-2'));
    expect(at.room()).toBe(7);
  });

  test('are those that it asked for itself while its pods are still to be made: it keeps its plan', () => {
    const at = cluster().nodes('a').deployment('gpu', { replicas: 6 });
    expect([at.room(), at.room(100, 'u-2')]).toEqual([8, 2]);
  });

  test('are not promised by a Deployment that is being deleted', () => {
    const at = cluster().nodes('a').deployment('gpu', { jobUid: 'u-2', replicas: 3, deleting: true });
    expect(at.room()).toBe(8);
  });

  test('are never less than none, whatever was promised', () => {
    expect(cluster().nodes('a').deployment('gpu', { jobUid: 'u-2', replicas: 30 }).room()).toBe(0);
  });

  test('are rounded for whoever needs more at a time', () => {
    const at = cluster().nodes('a').deployment('gpu', { jobUid: 'u-2', replicas: 3 });
    const big = { ...needs, requests: amountsOf({ 'nvidia.com/gpu': '2' }) };
    expect(at.cache.room('u-1', big, 100)).toBe(2);
  });

  test('are not less by promises of what it does not need', () => {
    const at = cluster()
      .nodes('a')
      .deployment('cpu', { jobUid: 'u-2', replicas: 30, requests: { memory: '1Gi' } });
    expect(at.room()).toBe(8);
  });
});

describe('teachers that were lost', () => {
  const job = new JobMaker().pools({ name: 'cpu' }).job;
  const lost = ({ cache }: ReturnType<typeof cluster>): number => cache.tallyOf(job).lostOf('cpu', ['cpu']);
  const pool = (replicas: number) => {
    const at = cluster().nodes('a').deployment('cpu', { replicas }).pod(seated('cpu-0'), seated('cpu-1'));
    lost(at);
    return at;
  };

  test('are those of a pool that should have kept them', () => {
    const at = pool(2).pod(seated('cpu-0').terminating()).gone(seated('cpu-0'));
    expect(lost(at)).toBe(1);
    expect(lost(at.pod(seated('cpu-2')).gone(seated('cpu-1')))).toBe(2);
  });

  test('are none of a pool that was scaled down', () => {
    const at = pool(2).deployment('cpu', { replicas: 0 });
    at.pod(seated('cpu-0').terminating(), seated('cpu-1').terminating()).gone(seated('cpu-0'), seated('cpu-1'));
    expect(lost(at)).toBe(0);
  });

  test('are none beyond those that it should have kept', () => {
    const at = pool(2).deployment('cpu', { replicas: 1 });
    at.pod(seated('cpu-0').terminating());
    expect(lost(at)).toBe(0);
    at.pod(seated('cpu-1').terminating());
    expect(lost(at)).toBe(1);
  });

  test('are none of a pool whose template was changed: its Deployment replaces them', () => {
    const at = pool(2).deployment('cpu', { outdated: 2 });
    at.pod(seated('cpu-0').terminating(), seated('cpu-2')).gone(seated('cpu-0'));
    expect(lost(at)).toBe(0);
    at.deployment('cpu', {}).pod(seated('cpu-1').terminating());
    expect(lost(at)).toBe(1);
  });

  test('are none of a pool that is being deleted', () => {
    const at = pool(2).deployment('cpu', { deleting: true }).pod(seated('cpu-0').terminating());
    expect(lost(at)).toBe(0);
  });

  test('go on from what the status says, and begin with the first look at the job', () => {
    const at = cluster().deployment('cpu').pod(seated('cpu-0'), seated('cpu-1')).gone(seated('cpu-0'));
    const told = new JobMaker(job).status({ disruptions: { teacher: 5, student: 0 } }).job;
    const tally = at.cache.tallyOf(told);
    expect(tally.lostOf('cpu', ['cpu'])).toBe(5);
    at.gone(seated('cpu-1'));
    expect(tally.lostOf('cpu', ['cpu'])).toBe(6);
    // What the status says later was counted here.
    expect(at.cache.tallyOf(new JobMaker(job).status({ disruptions: { teacher: 6, student: 0 } }).job)).toBe(tally);
  });

  test('are forgotten with their job', () => {
    const at = pool(2).gone(seated('cpu-0'));
    expect(lost(at)).toBe(1);
    at.cache.forget('u-1');
    expect(lost(at)).toBe(0);
  });
});
