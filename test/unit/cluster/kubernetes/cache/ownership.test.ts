/** Which job an object belongs to: its controller, namespace and name decide, and labels alone do not. */
import { describe, expect, test } from '@jest/globals';

import { isTeacherName, labels, teacherName } from '../../../../../src/api/index.js';
import { ClusterCache } from '../../../../../src/cluster/kubernetes/cache/cluster-cache.js';
import { podView } from '../../../../../src/cluster/kubernetes/cache/pod-view.js';
import {
  deploymentView,
  nodeView,
  ownedView,
  type RawObject,
  studentJobView,
} from '../../../../../src/cluster/kubernetes/cache/views.js';
import { FakeClock } from '../../../../kit/clock.js';
import {
  type PodMaker,
  rawDeployment,
  rawNode,
  rawStudentJob,
  studentPod,
  teacherPod,
} from '../../../../kit/kubernetes-objects.js';

const job = { namespace: 'default', name: 'mnist', uid: 'u-1' };
const gpu = { cpu: '1', 'nvidia.com/gpu': '1' };

function withOwner<T extends RawObject>(raw: T, changes: object | null): T {
  const [owner] = raw.metadata.ownerReferences ?? [];
  const ownerReferences = changes === null ? [] : [{ ...owner!, ...changes }];
  return { ...raw, metadata: { ...raw.metadata, ownerReferences } };
}

function renamed<T extends RawObject>(raw: T, name: string): T {
  return { ...raw, metadata: { ...raw.metadata, name } };
}

describe('an object with all our labels', () => {
  test('belongs to the job that controls it', () => {
    expect(deploymentView(rawDeployment('cpu'))).toMatchObject({ jobUid: 'u-1', jobName: 'mnist', pool: 'cpu' });
    expect(studentJobView(rawStudentJob())).toMatchObject({ jobUid: 'u-1', jobName: 'mnist' });
    const shared = renamed(rawStudentJob(), 'mnist-distill');
    expect(ownedView(shared)).toMatchObject({ jobUid: 'u-1' });
  });

  test.each<[string, object | null]>([
    ['nothing', null],
    ['another kind', { kind: 'Deployment' }],
    ['a DistillJob of another group', { apiVersion: 'example.com/v1' }],
    ['a group that only begins as ours', { apiVersion: 'distillery.dev.example.com/v1' }],
    ['an owner that is no controller', { controller: false }],
    ['a job of another name', { name: 'other' }],
  ])('belongs to no job when its controller is %s', (_what, owner) => {
    expect(deploymentView(withOwner(rawDeployment('cpu'), owner)).jobUid).toBe('');
    expect(studentJobView(withOwner(rawStudentJob(), owner)).jobUid).toBe('');
    expect(ownedView(withOwner(renamed(rawStudentJob(), 'mnist-distill'), owner)).jobUid).toBe('');
  });

  test('belongs to no job under another name, as a copy has', () => {
    expect(deploymentView(renamed(rawDeployment('cpu'), 'mnist-teacher-cpu-copy')).jobUid).toBe('');
    expect(studentJobView(renamed(rawStudentJob(), 'mnist-student-2')).jobUid).toBe('');
    expect(ownedView(renamed(rawStudentJob(), 'mnist-distillery')).jobUid).toBe('');
  });
});

describe('a pod with all our labels', () => {
  const claimed = (pod: PodMaker): string => podView(pod.raw).worker?.jobUid ?? '';

  test.each<[string, PodMaker]>([
    ['nothing', studentPod().controlledBy(null)],
    ['a Job of another name', studentPod().controlledBy({ name: 'other-student' })],
    ['something that is no Job', studentPod().controlledBy({ kind: 'Runner', apiVersion: 'example.com/v1' })],
    ['a ReplicaSet, as a student', studentPod().controlledBy({ kind: 'ReplicaSet', apiVersion: 'apps/v1' })],
    ['no ReplicaSet, as a teacher', teacherPod('cpu-0').controlledBy(null)],
    ['a ReplicaSet of another Deployment', teacherPod('cpu-0').controlledBy({ name: 'web-5d9c7b8f6d' })],
    ['a ReplicaSet of another pool', teacherPod('cpu-0').controlledBy({ name: 'mnist-teacher-gpu-5d9c7b8f6d' })],
    ['a Job, as a teacher', teacherPod('cpu-0').controlledBy({ kind: 'Job', apiVersion: 'batch/v1' })],
  ])('belongs to no job when its controller is %s', (_what, pod) => {
    expect(claimed(pod)).toBe('');
  });

  test('is the job’s by its controllers', () => {
    expect([claimed(studentPod()), claimed(teacherPod('cpu-0'))]).toEqual(['u-1', 'u-1']);
  });
});

/** What is known where a job runs with a student and a teacher. */
function cluster(): ClusterCache {
  const cache = new ClusterCache(new FakeClock());
  cache.onJob(job);
  cache.onNode(null, nodeView(rawNode('a', { allocatable: { cpu: '16', pods: '110', 'nvidia.com/gpu': '8' } })));
  cache.deployments.observed(null, deploymentView(rawDeployment('cpu')));
  cache.studentJobs.observed(null, studentJobView(rawStudentJob()));
  return cache;
}

describe('what counts for a job', () => {
  const podsOf = (cache: ClusterCache): string[] => cache.objectsOf(job).pods.map(({ uid }) => uid);

  test('is no pod of another namespace, whatever it says of itself', () => {
    const cache = cluster();
    for (const pod of [studentPod(), teacherPod('cpu-0').asking(gpu).on('a').ready()]) {
      const forged = podView(pod.within('elsewhere').uid('uid-forged').raw);
      expect(cache.onPod(null, forged)).toBeNull();
      expect(podsOf(cache)).toEqual([]);
      const { teachersOf, coLocatedSlots, supplyOf } = cache.slots();
      expect(teachersOf('u-1')).toEqual([]);
      // It holds what it holds, as any pod of others does.
      const holds = forged.worker?.component === 'teacher' ? 1 : 0;
      expect([coLocatedSlots('a', 'nvidia.com/gpu'), supplyOf('nvidia.com/gpu').free]).toEqual([holds, 8 - holds]);
      expect(cache.onPod(forged, null)).toBeNull();
    }
  });

  test('is no object of another namespace that names its uid', () => {
    const cache = cluster();
    const forged = studentJobView(
      rawStudentJob({ namespace: 'elsewhere', uid: 'uid-forged', conditions: ['Complete'] }),
    );
    cache.studentJobs.observed(null, forged);
    cache.deployments.observed(null, deploymentView(rawDeployment('gpu', { namespace: 'elsewhere' })));
    expect(cache.objectsOf(job)).toMatchObject({
      student: { uid: 'uid-mnist-student', ended: null },
      deployments: [{ pool: 'cpu' }],
    });
  });

  test('is no pod of a Job that only has the name of the student’s', () => {
    const cache = cluster();
    cache.onPod(null, podView(studentPod().controlledBy({ uid: 'uid-of-another' }).ended({ exitCode: 65 }).raw));
    expect(podsOf(cache)).toEqual([]);
    cache.onPod(null, podView(studentPod('student-b').running().raw));
    expect(podsOf(cache)).toEqual(['uid-student-b']);
  });

  test('is no longer a pod whose labels were taken off', () => {
    const cache = cluster();
    const pod = teacherPod('cpu-0').asking(gpu).on('a').ready();
    cache.onPod(null, podView(pod.raw));
    expect([podsOf(cache), cache.slots().teachersOf('u-1').length]).toEqual([['uid-u-1-cpu-0'], 1]);
    const released = { ...podView(pod.raw), worker: null };
    expect(cache.onPod(podView(pod.raw), released)).toBe('u-1');
    expect([podsOf(cache), cache.slots().teachersOf('u-1')]).toEqual([[], []]);
    expect(cache.slots().coLocatedSlots('a', 'nvidia.com/gpu')).toBe(1);
  });

  test('is a pod that was seen before its job, from when the job is known', () => {
    const cache = new ClusterCache(new FakeClock());
    const pod = podView(teacherPod('cpu-0').asking(gpu).on('a').ready().raw);
    const waiting = podView(teacherPod('cpu-1').asking(gpu).raw);
    for (const one of [pod, waiting]) expect(cache.onPod(null, one)).toBeNull();
    expect(cache.slots()).toMatchObject({ pendingPods: [{}], leaving: [] });
    cache.onJob(job);
    expect(cache.slots().teachersOf('u-1')).toHaveLength(2);
    expect(cache.slots().pendingPods).toEqual([]);
    expect(cache.onPod(pod, pod)).toBe('u-1');
    cache.forget('u-1');
    expect(cache.slots().teachersOf('u-1')).toEqual([]);
  });
});

describe('the names of teachers', () => {
  test('are distinguished where a name could be split into job and pool in two ways', () => {
    expect(teacherName('a', 'b-teacher-c')).not.toBe(teacherName('a-teacher-b', 'c'));
    expect(teacherName('a', 'teacher-b')).not.toBe(teacherName('a-teacher', 'b'));
  });

  test('are the plain ones everywhere else, as they always were', () => {
    expect(teacherName('mnist', 'spot-t4')).toBe('mnist-teacher-spot-t4');
    expect(teacherName('teacher', 'teacher')).toBe('teacher-teacher-teacher');
    expect(teacherName('my-teachers', 'teacher')).toBe('my-teachers-teacher-teacher');
  });

  test('are known by what an earlier version gave: what it made is not made a second time', () => {
    const former = 'a-teacher-b-teacher-c';
    expect(isTeacherName(former, 'a', 'b-teacher-c')).toBe(true);
    expect(isTeacherName(former, 'a-teacher-b', 'c')).toBe(true);
    const raw = rawDeployment('b-teacher-c');
    const stored = withOwner(renamed(raw, former), { name: 'a' });
    expect(deploymentView(stored)).toMatchObject({ jobUid: 'u-1', name: former });
    // Which of the two jobs made it, its owner says.
    expect(raw.metadata.labels?.[labels.pool]).toBe('b-teacher-c');
    expect(deploymentView(withOwner(renamed(raw, former), { name: 'a-teacher-b' })).jobUid).toBe('');
  });
});
