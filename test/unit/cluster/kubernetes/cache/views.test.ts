/** What is kept of the API server's objects: the few facts that decisions need, whatever else they carry. */
import { describe, expect, test } from '@jest/globals';

import { podView, type RawPod } from '../../../../../src/cluster/kubernetes/cache/pod-view.js';
import {
  deploymentView,
  nodeView,
  ownedView,
  studentJobView,
} from '../../../../../src/cluster/kubernetes/cache/views.js';
import { amountsOf } from '../../../../../src/domain/index.js';
import { noonMs } from '../../../../kit/snapshots.js';
import {
  rawDeployment,
  rawNode,
  rawStudentJob,
  strangerPod,
  studentPod,
  teacherPod,
  timeAt,
} from '../../../../kit/kubernetes-objects.js';

describe('a pod', () => {
  test('of a working teacher has its job, its pool and its times', () => {
    expect(podView(teacherPod('cpu-0').on('node-3').ready().raw)).toEqual({
      uid: 'uid-u-1-cpu-0',
      namespace: 'default',
      name: 'mnist-teacher-cpu-0',
      node: 'node-3',
      nominated: null,
      priority: 0,
      requests: amountsOf({ cpu: '1', memory: '1Gi' }),
      claims: [],
      served: [],
      claimsDevices: false,
      ended: false,
      terminating: false,
      waits: null,
      worker: {
        jobUid: 'u-1',
        jobName: 'mnist',
        controllerUid: 'uid-of-replicas-cpu',
        component: 'teacher',
        pool: 'cpu',
        createdAtMs: noonMs - 60_000,
        startedAtMs: noonMs - 60_000,
        failed: false,
        ready: true,
        restarts: 0,
        disrupted: false,
        lastEnd: null,
        stuck: null,
        deletionCost: null,
        gated: false,
      },
    });
  });

  test('that was just created has no node and no kubelet', () => {
    const view = podView(studentPod().raw);
    expect(view).toMatchObject({
      node: null,
      ended: false,
      worker: { component: 'student', pool: '', startedAtMs: null },
    });
    expect(podView(studentPod().bound().raw)).toMatchObject({ node: 'node-1', worker: { startedAtMs: null } });
  });

  test('of others counts for what it holds, whatever its labels say', () => {
    const view = podView(strangerPod('web-1').asking({ cpu: '2', 'nvidia.com/gpu': '1' }).ready().raw);
    expect(view).toMatchObject({
      worker: null,
      node: 'node-1',
      requests: amountsOf({ cpu: '2', 'nvidia.com/gpu': '1' }),
    });
  });

  test('without a node has its constraints, its priority and the time since when it waits', () => {
    const { spec, ...rest } = strangerPod('web-1').raw;
    const terms = [{ matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }];
    const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } };
    const { nodeName, ...unbound } = spec;
    const placed = { ...unbound, priority: 1_000, nodeSelector: { zone: 'a' }, affinity: { nodeAffinity: required } };
    expect(nodeName ?? null).toBeNull();
    expect(podView({ ...rest, spec: placed })).toMatchObject({
      node: null,
      priority: 1_000,
      nominated: null,
      waits: {
        sinceMs: noonMs - 60_000,
        constraints: { nodeSelector: { zone: 'a' }, requiredTerms: terms, tolerations: spec.tolerations },
      },
    });
    expect(podView({ ...rest, spec: { ...placed, schedulingGates: [{ name: 'queue' }] } }).waits).toBeNull();
    expect(podView({ ...rest, spec: { ...placed, nodeName: 'node-1' } }).waits).toBeNull();
  });

  test('waits for room until the scheduler reports another reason', () => {
    const noVolume = 'pod has unbound immediate PersistentVolumeClaims';
    const said = (message: string) => strangerPod('web-1').unschedulable(`0/2 nodes are available: ${message}.`).raw;
    const isForRoom = (raw: RawPod) => podView(raw).waits?.evictionHelps;
    const { spec, ...rest } = said(noVolume);
    expect([isForRoom(said('2 Insufficient nvidia.com/gpu')), isForRoom(said(noVolume))]).toEqual([true, false]);
    expect(isForRoom(strangerPod('web-1').raw)).toBe(true);
    // What another scheduler means is not known.
    expect(isForRoom({ ...rest, spec: { ...spec, schedulerName: 'batch' } })).toBe(true);
  });

  test('with a nominated node has it until it is bound', () => {
    const { spec, status, ...rest } = strangerPod('web-1').raw;
    const withNomination = { ...status, nominatedNodeName: 'node-3' };
    expect(podView({ ...rest, spec, status: withNomination })).toMatchObject({ node: null, nominated: 'node-3' });
    const bound = { ...spec, nodeName: 'node-4' };
    expect(podView({ ...rest, spec: bound, status: withNomination })).toMatchObject({
      node: 'node-4',
      nominated: null,
    });
  });

  test('with ResourceClaims, its own or made for it, claims devices', () => {
    const { spec, status, ...rest } = strangerPod('web-1').raw;
    const claims = (raw: Partial<RawPod>): boolean => podView({ ...rest, spec, ...raw }).claimsDevices;
    expect(claims({})).toBe(false);
    expect(claims({ spec: { ...spec, resourceClaims: [] } })).toBe(false);
    expect(claims({ spec: { ...spec, resourceClaims: [{ resourceClaimTemplateName: 'one' }] } })).toBe(true);
    expect(claims({ status: { ...status, extendedResourceClaimStatus: { requestMappings: [] } } })).toBe(true);
  });

  test('that has no status yet is pending', () => {
    const { status, ...rest } = studentPod().raw;
    expect(status).toBeDefined();
    expect(podView(rest)).toMatchObject({ ended: false, worker: { failed: false, ready: false, lastEnd: null } });
  });

  test.each<[string, RawPod, { ended: boolean; terminating: boolean; failed: boolean; disrupted: boolean }]>([
    ['runs', studentPod().running().raw, { ended: false, terminating: false, failed: false, disrupted: false }],
    [
      'is terminating until it is gone',
      studentPod().running().terminating().raw,
      { ended: false, terminating: true, failed: false, disrupted: false },
    ],
    [
      'has ended well',
      studentPod().ended({ exitCode: 0 }).raw,
      { ended: true, terminating: false, failed: false, disrupted: false },
    ],
    [
      'has failed',
      studentPod().ended({ exitCode: 1 }).raw,
      { ended: true, terminating: false, failed: true, disrupted: false },
    ],
    [
      'was evicted by its kubelet',
      studentPod().evicted().raw,
      { ended: true, terminating: false, failed: true, disrupted: true },
    ],
    [
      'is drained from its node',
      studentPod().running().disrupted('EvictionByEvictionAPI').terminating().raw,
      { ended: false, terminating: true, failed: false, disrupted: true },
    ],
  ])('%s', (_what, raw, { ended, terminating, failed, disrupted }) => {
    expect(podView(raw)).toMatchObject({ ended, terminating, worker: { failed, disrupted } });
  });

  test('that was not disrupted after all is not', () => {
    const raw = studentPod().running().raw;
    const condition = { type: 'DisruptionTarget', status: 'False', reason: 'EvictionByEvictionAPI' };
    const status = { ...raw.status, conditions: [condition] };
    expect(podView({ ...raw, status }).worker?.disrupted).toBe(false);
  });
});

describe('the last end of a worker', () => {
  const message = 'out of memory on device 0';

  test.each<[string, RawPod, object | null]>([
    ['is none while its first container runs', teacherPod('cpu-0').ready().raw, null],
    [
      'is what it left when it waits to be started again',
      teacherPod('cpu-0').crashed({ exitCode: 1, message, at: -5 }).raw,
      { exitCode: 1, reason: 'Error', message, finishedAtMs: noonMs - 5_000 },
    ],
    [
      'is still that when it runs again',
      teacherPod('cpu-0').restarted({ exitCode: 65, message, at: -5 }).raw,
      { exitCode: 65, reason: 'Error', message, finishedAtMs: noonMs - 5_000 },
    ],
    [
      'is the end of a pod that is never restarted',
      studentPod().ended({ exitCode: 137, reason: 'OOMKilled', at: 0 }).raw,
      { exitCode: 137, reason: 'OOMKilled', message: '', finishedAtMs: noonMs },
    ],
    [
      'has no time when the kubelet never saw it end',
      studentPod().ended({ exitCode: 137, reason: 'ContainerStatusUnknown' }).raw,
      { exitCode: 137, reason: 'ContainerStatusUnknown', message: '', finishedAtMs: 0 },
    ],
    [
      'is cut at its maximum length',
      studentPod().ended({ exitCode: 1, message: 'x'.repeat(4_096), at: 0 }).raw,
      { exitCode: 1, reason: 'Error', message: 'x'.repeat(1_000), finishedAtMs: noonMs },
    ],
  ])('%s', (_what, raw, want) => {
    expect(podView(raw).worker?.lastEnd).toEqual(want);
  });

  test('is the end of our container, whatever containers admission has added', () => {
    const crashed = teacherPod('cpu-0')
      .with('istio-proxy')
      .with('zz-agent')
      .crashed({ exitCode: 1, message, at: 0 }, 3);
    expect(podView(crashed.raw).worker).toMatchObject({ ready: false, restarts: 3, lastEnd: { message } });
  });
});

describe('a pod that does not start says why', () => {
  const unschedulable = '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.';
  const pulling = 'Back-off pulling image "registry.example/distillery/worker:1"';

  test.each<[string, RawPod, string | null]>([
    ['not while it starts', teacherPod('cpu-0').waiting('ContainerCreating').raw, null],
    ['not while it waits to be started again', teacherPod('cpu-0').crashed({ exitCode: 1 }).raw, null],
    ['no node', teacherPod('cpu-0').unschedulable(unschedulable).raw, `no node takes it: ${unschedulable}`],
    ['no image', teacherPod('cpu-0').waiting('ImagePullBackOff', pulling).raw, `ImagePullBackOff: ${pulling}`],
    [
      'no such key of a ConfigMap',
      teacherPod('cpu-0').waiting('CreateContainerConfigError', 'configmap "mnist-distill" not found').raw,
      'CreateContainerConfigError: configmap "mnist-distill" not found',
    ],
    ['a reason alone', teacherPod('cpu-0').waiting('ErrImageNeverPull').raw, 'ErrImageNeverPull'],
    [
      'a long story, cut',
      teacherPod('cpu-0').unschedulable('x'.repeat(4_000)).raw,
      `no node takes it: ${'x'.repeat(982)}`,
    ],
  ])('%s', (_what, raw, want) => {
    expect(podView(raw).worker?.stuck).toBe(want);
  });
});

describe('a node', () => {
  test('has its labels, its taints and its allocatable resources', () => {
    const taints = [{ key: 'spot', value: 'yes', effect: 'NoSchedule' }];
    expect(
      nodeView(rawNode('gpu-7', { taints, labels: { zone: 'a' }, allocatable: { cpu: '15900m', pods: '110' } })),
    ).toEqual({
      name: 'gpu-7',
      labels: { 'kubernetes.io/hostname': 'gpu-7', 'kubernetes.io/arch': 'amd64', zone: 'a' },
      taints,
      takesPods: true,
      allocatable: { cpu: 15_900, pods: 110_000 },
    });
  });

  test.each<[string, Parameters<typeof rawNode>[1], boolean]>([
    ['that is ready accepts pods', {}, true],
    ['that is cordoned accepts none', { unschedulable: true }, false],
    ['that was uncordoned does', { unschedulable: false }, true],
    ['that is not ready accepts none', { ready: 'False' }, false],
    ['whose kubelet is silent accepts none', { ready: 'Unknown' }, false],
    ['that is being deleted accepts none', { deleting: true }, false],
    [
      'that its autoscaler is about to remove takes none',
      { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] },
      false,
    ],
    [
      'whose host is worked on takes none',
      { labels: { 'cloud.google.com/active-node-maintenance': 'ONGOING' } },
      false,
    ],
  ])('%s', (_what, facts, want) => {
    expect(nodeView(rawNode('node-1', facts)).takesPods).toBe(want);
  });

  test('that has just registered offers nothing', () => {
    const { metadata } = rawNode('node-1');
    expect(nodeView({ metadata })).toMatchObject({ takesPods: false, allocatable: {}, taints: [] });
  });
});

describe('an object of ours', () => {
  test('has the hash of what was applied, and its job', () => {
    const raw = rawDeployment('cpu', { resourceVersion: '77', generation: 3 });
    expect(ownedView(raw, 'Deployment')).toEqual({
      uid: 'uid-mnist-teacher-cpu',
      namespace: 'default',
      name: 'mnist-teacher-cpu',
      resourceVersion: '77',
      jobUid: 'u-1',
      jobName: 'mnist',
      deleting: false,
      generation: 3,
      applied: 'hash-1',
    });
  });

  test('without its annotation, or being deleted, shows it', () => {
    expect(ownedView(rawDeployment('cpu', { applied: null, deleting: true }))).toMatchObject({
      applied: '',
      deleting: true,
    });
  });
});

describe('a Deployment', () => {
  test('is a pool with its replicas', () => {
    const view = deploymentView(rawDeployment('spot-t4', { replicas: 3 }));
    expect(view).toMatchObject({
      pool: 'spot-t4',
      replicas: 3,
      rolling: false,
      failure: null,
    });
  });

  test('says why it cannot create pods', () => {
    const replicaFailure = 'pods "mnist-teacher-cpu-5d9c7b8f6d-" is forbidden: exceeded quota: team, requested: cpu=1';
    const since = { message: replicaFailure, sinceMs: noonMs - 60_000 };
    expect(deploymentView(rawDeployment('cpu', { replicaFailure })).failure).toEqual(since);
  });
});

describe('the Job of a student', () => {
  test.each<[string, Parameters<typeof rawStudentJob>[0], object]>([
    ['runs', {}, { suspended: false, failures: 0, ended: null, template: 'template-1' }],
    ['is suspended', { suspend: true }, { suspended: true, ended: null }],
    ['counts what was charged', { failed: 2 }, { failures: 2, ended: null }],
    ['has succeeded', { conditions: ['SuccessCriteriaMet', 'Complete'] }, { ended: 'Succeeded' }],
    ['has failed', { failed: 7, conditions: ['FailureTarget', 'Failed'] }, { ended: 'Failed', failures: 7 }],
    ['has not failed before its last pod is gone', { failed: 7, conditions: ['FailureTarget'] }, { ended: null }],
    ['has not succeeded before it', { conditions: ['SuccessCriteriaMet'] }, { ended: null }],
  ])('%s', (_what, facts, want) => {
    expect(studentJobView(rawStudentJob(facts))).toMatchObject(want);
  });

  test('that was just created has no failures', () => {
    const { metadata, spec } = rawStudentJob();
    expect(studentJobView({ metadata, spec })).toMatchObject({ failures: 0, ended: null });
  });
});

test('times are read as the API server writes them', () => {
  expect(timeAt(5)).toBe('2026-11-24T12:00:05Z');
});
