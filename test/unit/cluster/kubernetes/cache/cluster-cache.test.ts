/** What is known of the cluster: each job's objects, its lost teachers, and its free slots. */
import { describe, expect, test } from '@jest/globals';

import { ClusterCache } from '../../../../../src/cluster/kubernetes/cache/cluster-cache.js';
import { podView } from '../../../../../src/cluster/kubernetes/cache/pod-view.js';
import {
  deploymentView,
  type DeploymentView,
  nodeView,
  studentJobView,
} from '../../../../../src/cluster/kubernetes/cache/views.js';
import { amountsOf, type PodNeeds } from '../../../../../src/domain/index.js';
import { FakeClock } from '../../../../kit/clock.js';
import {
  type PodMaker,
  rawDeployment,
  rawNode,
  rawStudentJob,
  strangerPod,
  studentPod,
  teacherPod,
} from '../../../../kit/kubernetes-objects.js';
import { roomOn } from '../../../../kit/ledger.js';
import { JobMaker } from '../../../../kit/snapshots.js';

const oneGpu = { cpu: '1', 'nvidia.com/gpu': '1' };
const needs: PodNeeds = { nodeSelector: {}, requiredTerms: null, tolerations: [], requests: amountsOf(oneGpu) };
const gpuNode = (name: string) =>
  nodeView(rawNode(name, { allocatable: { cpu: '16', memory: '64Gi', pods: '110', 'nvidia.com/gpu': '8' } }));

const jobOf = (uid: string, namespace = 'default') => ({ namespace, name: 'mnist', uid });

/** A cache that knows two jobs and gets changes as watches deliver them: each object with its previous state. */
function cluster() {
  const cache = new ClusterCache(new FakeClock());
  for (const uid of ['u-1', 'u-2']) cache.onJob(jobOf(uid));
  const pods = new Map<string, PodMaker>();
  const deployments = new Map<string, DeploymentView>();
  const at = {
    cache,
    nodes: (...names: readonly string[]) => {
      for (const name of names) cache.onNode(null, gpuNode(name));
      return at;
    },
    pod: (...makers: readonly PodMaker[]) => {
      for (const pod of makers) {
        const { uid } = pod.raw.metadata;
        const before = pods.get(uid);
        pods.set(uid, pod);
        cache.onPod(before === undefined ? null : podView(before.raw), podView(pod.raw));
      }
      return at;
    },
    gone: (...makers: readonly PodMaker[]) => {
      for (const pod of makers) {
        const { uid } = pod.raw.metadata;
        cache.onPod(podView((pods.get(uid) ?? pod).raw), null);
        pods.delete(uid);
      }
      return at;
    },
    deployment: (pool: string, facts: Parameters<typeof rawDeployment>[1] = {}) => {
      const view = deploymentView(rawDeployment(pool, facts));
      const key = `${view.jobUid}/${view.name}`;
      cache.deployments.observed(deployments.get(key) ?? null, view);
      deployments.set(key, view);
      return at;
    },
    /** How many more pods with these needs the nodes would hold, counted no further than `most`. */
    room: (most = 100) => roomOn(cache.slots().placement, needs, most),
  };
  return at;
}

const seated = (name: string, jobUid?: string): PodMaker => teacherPod(name, jobUid).asking(oneGpu).on('a').ready();

describe('the objects of a job', () => {
  test('are its own Deployments, Job and pods only', () => {
    const { cache } = cluster()
      .deployment('cpu')
      .deployment('gpu')
      .deployment('cpu', { jobUid: 'u-2' })
      .pod(seated('cpu-0'), studentPod(), seated('cpu-0', 'u-2'), strangerPod('web'));
    cache.studentJobs.observed(null, studentJobView(rawStudentJob()));
    const { deployments, student, pods } = cache.objectsOf(jobOf('u-1'));
    expect(deployments.map(({ pool }) => pool)).toEqual(['cpu', 'gpu']);
    expect(student?.name).toBe('mnist-student');
    expect(pods.map(({ name }) => name)).toEqual(['mnist-teacher-cpu-0', 'mnist-student-a']);
    expect(cache.objectsOf(jobOf('u-3'))).toEqual({ deployments: [], student: null, pods: [] });
  });

  test('give the job of a changed pod', () => {
    const { cache } = cluster();
    const ownerOf = (pod: PodMaker): string | null => cache.onPod(null, podView(pod.raw));
    expect([ownerOf(seated('cpu-0')), ownerOf(studentPod()), ownerOf(strangerPod('web'))]).toEqual([
      'u-1',
      'u-1',
      null,
    ]);
    expect(cache.onPod(podView(seated('cpu-0').raw), null)).toBe('u-1');
    expect(cache.objectsOf(jobOf('u-1')).pods).toHaveLength(1);
  });
});

describe('the slots that are free for a job', () => {
  test('are those of nodes that fit its needs', () => {
    const at = cluster();
    expect(at.room()).toBe(0);
    at.nodes('a', 'b');
    expect([at.room(), at.room(5)]).toEqual([16, 5]);
    at.cache.onNode(gpuNode('b'), null);
    expect(at.room()).toBe(8);
  });

  test('exclude what pods of any owner hold until they are gone', () => {
    const stranger = strangerPod('web').asking(oneGpu).on('a').ready();
    const at = cluster().nodes('a').pod(seated('cpu-0'), stranger);
    expect(at.room()).toBe(6);
    at.pod(stranger.terminating(), seated('cpu-0').terminating());
    expect(at.room()).toBe(6);
    at.gone(stranger);
    expect(at.room()).toBe(7);
  });

  test('include those of pods without a node: the allocation counts them', () => {
    const at = cluster().nodes('a').pod(teacherPod('gpu-0').asking(oneGpu), strangerPod('web').asking(oneGpu));
    expect(at.room()).toBe(8);
  });

  test('are counted by resource, without teachers', () => {
    const at = cluster().nodes('a', 'b').pod(seated('cpu-0'), strangerPod('web').asking(oneGpu).on('a').ready());
    const { supplyOf } = at.cache.slots();
    expect([supplyOf('nvidia.com/gpu'), supplyOf('amd.com/gpu')]).toEqual([
      { total: 16, free: 15 },
      { total: 0, free: 0 },
    ]);
  });
});

describe('those who share the slots', () => {
  test('are pods of others without a node, students included, and no teacher', () => {
    const { cache } = cluster()
      .nodes('a')
      .pod(strangerPod('web').asking(oneGpu), studentPod(), teacherPod('gpu-0').asking(oneGpu), seated('cpu-0'));
    expect(cache.slots().pendingPods.map(({ slots }) => slots)).toEqual([{ 'nvidia.com/gpu': 1 }, { cpu: 1 }]);
  });

  test('are teachers, each with the slots that others hold on its node', () => {
    const web = strangerPod('web').asking({ 'nvidia.com/gpu': '3' }).on('a').ready();
    const at = cluster().nodes('a', 'b').pod(web, seated('cpu-0'), seated('cpu-1').on('b').ready());
    const { teachersOf, coLocatedSlots } = at.cache.slots();
    expect(teachersOf('u-1')).toMatchObject([
      { name: 'mnist-teacher-cpu-0', pool: 'cpu', node: 'a' },
      { name: 'mnist-teacher-cpu-1', pool: 'cpu', node: 'b' },
    ]);
    expect(teachersOf('u-2')).toEqual([]);
    expect(['a', 'b', 'c'].map((node) => coLocatedSlots(node, 'nvidia.com/gpu'))).toEqual([3, 0, 0]);
  });

  test('are teachers; those with equal requests share one object', () => {
    const at = cluster().nodes('a').pod(seated('cpu-0'), seated('cpu-1'));
    const [one, other] = at.cache.slots().teachersOf('u-1');
    expect(one?.requests).toBe(other?.requests);
  });

  test('exclude pods that ended or are gone', () => {
    const at = cluster()
      .nodes('a')
      .pod(seated('cpu-0'), seated('cpu-1').ended({ exitCode: 0 }))
      .gone(seated('cpu-0'));
    const { teachersOf, coLocatedSlots, leaving } = at.cache.slots();
    expect([teachersOf('u-1'), coLocatedSlots('a', 'nvidia.com/gpu'), leaving]).toEqual([[], 0, []]);
  });

  test('include stopping teachers, with what they still hold', () => {
    const at = cluster().nodes('a').pod(seated('cpu-0').terminating(), seated('cpu-1'));
    expect(at.cache.slots().leaving).toMatchObject([{ node: 'a', resource: 'nvidia.com/gpu', slots: 1 }]);
    at.gone(seated('cpu-0'));
    expect(at.cache.slots().leaving).toEqual([]);
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

  test('count if the pool wanted to keep them', () => {
    const at = pool(2).pod(seated('cpu-0').terminating()).gone(seated('cpu-0'));
    expect(lost(at)).toBe(1);
    expect(lost(at.pod(seated('cpu-2')).gone(seated('cpu-1')))).toBe(2);
  });

  test('do not count in a pool that was scaled down', () => {
    const at = pool(2).deployment('cpu', { replicas: 0 });
    at.pod(seated('cpu-0').terminating(), seated('cpu-1').terminating()).gone(seated('cpu-0'), seated('cpu-1'));
    expect(lost(at)).toBe(0);
  });

  test('count only up to the number that the pool wanted to keep', () => {
    const at = pool(2).deployment('cpu', { replicas: 1 });
    at.pod(seated('cpu-0').terminating());
    expect(lost(at)).toBe(0);
    at.pod(seated('cpu-1').terminating());
    expect(lost(at)).toBe(1);
  });

  test('do not count in a pool whose template changed: its Deployment replaces them', () => {
    const at = pool(2).deployment('cpu', { outdated: 2 });
    at.pod(seated('cpu-0').terminating(), seated('cpu-2')).gone(seated('cpu-0'));
    expect(lost(at)).toBe(0);
    at.deployment('cpu', {}).pod(seated('cpu-1').terminating());
    expect(lost(at)).toBe(1);
  });

  test('do not count in a pool that is being deleted', () => {
    const at = pool(2).deployment('cpu', { deleting: true }).pod(seated('cpu-0').terminating());
    expect(lost(at)).toBe(0);
  });

  test('continue from the count in the status at the first call', () => {
    const at = cluster().deployment('cpu').pod(seated('cpu-0'), seated('cpu-1')).gone(seated('cpu-0'));
    const reported = new JobMaker(job).status({ disruptions: { teacher: 5, student: 0 } }).job;
    const tally = at.cache.tallyOf(reported);
    expect(tally.lostOf('cpu', ['cpu'])).toBe(5);
    at.gone(seated('cpu-1'));
    expect(tally.lostOf('cpu', ['cpu'])).toBe(6);
    // A later status holds what this tally has counted.
    expect(at.cache.tallyOf(new JobMaker(job).status({ disruptions: { teacher: 6, student: 0 } }).job)).toBe(tally);
  });

  test('are forgotten with their job', () => {
    const at = pool(2).gone(seated('cpu-0'));
    expect(lost(at)).toBe(1);
    at.cache.forget('u-1');
    at.cache.onJob(jobOf('u-1'));
    expect(lost(at)).toBe(0);
  });
});
