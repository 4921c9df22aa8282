/** From the objects of one job at the API server to the observation that a decision sees. */
import { describe, expect, test } from '@jest/globals';

import type { DistillJobStatus } from '../../../../../src/api/index.js';
import { type JobObjects, observationOf } from '../../../../../src/cluster/kubernetes/cache/job-observation.js';
import { podView } from '../../../../../src/cluster/kubernetes/cache/pod-view.js';
import { deploymentView, studentJobView } from '../../../../../src/cluster/kubernetes/cache/views.js';
import type { WorkloadView } from '../../../../../src/cluster/kubernetes/cache/workload-view.js';
import type { ClusterObservation, PodNeeds } from '../../../../../src/domain/index.js';
import { JobMaker, noonMs } from '../../../../kit/snapshots.js';
import {
  type PodMaker,
  rawDeployment,
  rawStudentJob,
  strangerPod,
  studentPod,
  teacherPod,
  timeAt,
} from '../../../../kit/kubernetes-objects.js';

interface Seen {
  readonly pods?: readonly PodMaker[];
  readonly student?: Parameters<typeof rawStudentJob>[0] | null;
  readonly deployments?: readonly Parameters<typeof rawDeployment>[];
  readonly status?: DistillJobStatus;
  readonly job?: (job: JobMaker) => JobMaker;
  readonly nowMs?: number;
  readonly refusal?: string;
  readonly workloads?: readonly WorkloadView[];
}

function observed(seen: Seen): ClusterObservation {
  const { pods = [], student = null, deployments = [], status, nowMs = noonMs } = seen;
  const maker = new JobMaker().status(status);
  const objects: JobObjects = {
    deployments: deployments.map((facts) => deploymentView(rawDeployment(...facts))),
    student: student === null ? null : studentJobView(rawStudentJob(student)),
    pods: pods.map(({ raw }) => podView(raw)),
  };
  return observationOf({
    job: (seen.job?.(maker) ?? maker).job,
    objects,
    needsOf: () => needs,
    disruptions: (pool) => (pool === 'cpu' ? 2 : 0),
    autoscalersOf: () => [],
    refusal: seen.refusal ?? null,
    kueue: 'Served',
    workloadOf: (uid) => seen.workloads?.find(({ ownerUid }) => ownerUid === uid) ?? null,
    nowMs,
  });
}

const needs: PodNeeds = { requests: {}, nodeSelector: {}, requiredTerms: null, tolerations: [] };
const outOfMemory = 'OOMKilled: it exceeded its memory limit; raise resources.limits.memory in its template';
const oom = { exitCode: 137, reason: 'OOMKilled', at: -5 } as const;
const unschedulable = '0/3 nodes are available: 3 Insufficient cpu.';

describe('the student', () => {
  const runs: Seen['student'] = {};
  /** `BackingOff after 1 failure: 1 no such file` */
  const said = (seen: Seen): string => {
    const { phase, failures, lastError } = observed(seen).student;
    const error = lastError === null ? '' : `: ${String(lastError.exitCode)} ${lastError.message}`;
    return `${phase}${failures === 0 ? '' : ` after ${String(failures)}`}${error}`;
  };

  test.each<[string, Seen, string]>([
    ['is Absent before it has a Job', {}, 'Absent'],
    ['is Absent while its Job is suspended', { student: { suspend: true } }, 'Absent'],
    [
      'is Absent while its Job is suspended and its pod still ends',
      { student: { suspend: true }, pods: [studentPod().running().terminating()] },
      'Absent',
    ],
    [
      'is Absent while its Job is being deleted',
      { student: { deleting: true }, pods: [studentPod().running()] },
      'Absent',
    ],
    [
      'backs off when its Job makes no pod for long',
      { student: runs, nowMs: noonMs + 1_000 },
      'BackingOff: null Job mnist-student could not create a pod: a quota, a webhook or its template may be preventing it; see kubectl describe job mnist-student',
    ],
    ['is awaited while its Job has yet to make a pod', { student: runs }, 'BackingOff'],
    ['runs in a pod that was just made', { student: runs, pods: [studentPod()] }, 'Running'],
    ['runs', { student: runs, pods: [studentPod().running()] }, 'Running'],
    ['runs while its node drains it', { student: runs, pods: [studentPod().running().terminating()] }, 'Running'],
    [
      'cannot start without a node',
      { student: runs, pods: [studentPod().unschedulable(unschedulable)] },
      `BackingOff: null no node takes it: ${unschedulable}`,
    ],
    [
      'cannot start without its image',
      { student: runs, pods: [studentPod().waiting('ErrImagePull', 'not found')] },
      'BackingOff: null ErrImagePull: not found',
    ],
    [
      'backs off after an error, with its last sentence',
      { student: { failed: 1 }, pods: [studentPod().ended({ exitCode: 1, message: 'no such file', at: -5 })] },
      'BackingOff after 1: 1 no such file',
    ],
    [
      'backs off after an error without a message',
      { student: { failed: 1 }, pods: [studentPod().ended({ exitCode: 134, at: -5 })] },
      'BackingOff after 1: 134 exited with code 134 (Error) and no termination message',
    ],
    [
      'says what it needs after it ran out of memory, which is not charged',
      { student: runs, pods: [studentPod().ended(oom)] },
      `BackingOff: 137 ${outOfMemory}`,
    ],
    [
      'says nothing of an end that came from outside',
      { student: runs, pods: [studentPod().ended({ exitCode: 137, at: -5 })] },
      'BackingOff',
    ],
    [
      'says nothing of a stop that it was asked for',
      { student: runs, pods: [studentPod().ended({ exitCode: 143, message: 'stopped by SIGTERM', at: -5 })] },
      'BackingOff',
    ],
    ['says nothing of an eviction', { student: runs, pods: [studentPod().evicted()] }, 'BackingOff'],
    [
      'says nothing of an error in the middle of a disruption',
      {
        student: runs,
        pods: [
          studentPod()
            .disrupted('EvictionByEvictionAPI')
            .ended({ exitCode: 1, message: 'the connection was cut', at: -5 }),
        ],
      },
      'BackingOff',
    ],
    [
      'reports the newest of several errors',
      {
        student: { failed: 2 },
        pods: [
          studentPod('student-b').ended({ exitCode: 1, message: 'the second', at: -5 }),
          studentPod('student-a').ended({ exitCode: 1, message: 'the first', at: -50 }),
        ],
      },
      'BackingOff after 2: 1 the second',
    ],
    [
      'remembers the last error while it runs again',
      {
        student: { failed: 1 },
        pods: [
          studentPod('student-a').ended({ exitCode: 1, message: 'no such file', at: -50 }),
          studentPod('student-b').running(),
        ],
      },
      'Running after 1: 1 no such file',
    ],
    [
      'has succeeded',
      { student: { conditions: ['Complete'] }, pods: [studentPod().ended({ exitCode: 0, at: -5 })] },
      'Succeeded',
    ],
    [
      'has failed with its last error',
      {
        student: { failed: 7, conditions: ['Failed'] },
        pods: [studentPod().ended({ exitCode: 1, message: 'no such file', at: -5 })],
      },
      'Failed after 7: 1 no such file',
    ],
    [
      'has failed by bad input, whatever happened to its pod meanwhile',
      {
        student: { failed: 1, conditions: ['Failed'] },
        pods: [studentPod().disrupted('EvictionByEvictionAPI').ended({ exitCode: 65, message: 'NaN logits', at: -5 })],
      },
      'Failed after 1: 65 NaN logits',
    ],
    ['has failed without a pod to ask', { student: { failed: 7, conditions: ['Failed'] } }, 'Failed after 7'],
  ])('%s', (_what, seen, want) => {
    expect(said(seen)).toBe(want);
  });

  test('has failed as often as its Job counts, and as the status says while there is none', () => {
    const status = { failures: 2 };
    const failures = (student: Seen['student']): number =>
      observed({ status, student: student ?? null }).student.failures;
    expect([failures({ failed: 3 }), failures({}), failures(null)]).toEqual([3, 0, 2]);
  });

  test('was started once for each of its pods; its disruptions follow from its attempts', () => {
    const pods = [studentPod('student-a').evicted(), studentPod('student-b').running()];
    expect(observed({ student: {}, pods }).student).toMatchObject({ starts: 2, disruptions: null });
  });
});

describe('a pool of teachers', () => {
  const pool = (seen: Seen): ClusterObservation['pools'][number] => observed(seen).pools[0]!;

  test('has its existing teachers, stopping ones included, and no ended ones', () => {
    const pods = [
      teacherPod('cpu-0').ready(),
      teacherPod('cpu-1'),
      teacherPod('cpu-2').ready().terminating(),
      teacherPod('cpu-3').evicted(),
      teacherPod('gpu-0').ready(),
      studentPod().running(),
      strangerPod('web'),
    ];
    expect(pool({ pods })).toEqual({
      name: 'cpu',
      needs,
      resource: 'cpu',
      unplacedSinceMs: null,
      pods: [
        expect.objectContaining({ name: 'mnist-teacher-cpu-0', node: 'node-1', terminating: false, ready: true }),
        expect.objectContaining({ name: 'mnist-teacher-cpu-1', node: null, terminating: false, ready: false }),
        expect.objectContaining({ name: 'mnist-teacher-cpu-2', node: 'node-1', terminating: true, ready: true }),
      ],
      disruptions: 2,
      failuresInARow: 0,
      lastError: null,
      queue: null,
    });
  });

  test('is reported for every pool of the job, in order', () => {
    const job = (maker: JobMaker): JobMaker => maker.pools({ name: 'spot' }, { name: 'cpu' });
    const pods = [teacherPod('cpu-0').ready(), teacherPod('spot-0').ready(), teacherPod('gone-0').ready()];
    expect(
      observed({ job, pods }).pools.map(({ name, pods: found }) => [name, found.map(({ name: pod }) => pod)]),
    ).toEqual([
      ['spot', ['mnist-teacher-spot-0']],
      ['cpu', ['mnist-teacher-cpu-0']],
    ]);
  });

  test.each<[string, Seen['pods'], number | null]>([
    ['never while no teacher waits', [teacherPod('cpu-0').ready()], null],
    ['never while the scheduler has yet to try', [teacherPod('cpu-0').since(-30)], null],
    [
      'since the oldest',
      [
        teacherPod('cpu-0').since(-7).unschedulable(unschedulable),
        teacherPod('cpu-1').since(-9).unschedulable(unschedulable),
      ],
      -9,
    ],
    [
      'never for a teacher that is ending',
      [teacherPod('cpu-0').since(-7).unschedulable(unschedulable).terminating()],
      null,
    ],
    ['never for a teacher of another pool', [teacherPod('gpu-0').since(-7).unschedulable(unschedulable)], null],
    [
      'never for a teacher on a node whose image is missing',
      [teacherPod('cpu-0').since(-30).waiting('ImagePullBackOff')],
      null,
    ],
  ])('has a teacher without a node %s', (_title, pods = [], wantSeconds) => {
    const want = wantSeconds === null ? null : noonMs + wantSeconds * 1_000;
    expect(pool({ pods }).unplacedSinceMs).toBe(want);
  });

  const replicaFailure = 'exceeded quota: team';
  test.each<[string, Seen, number | null]>([
    ['may not be created', { deployments: [['cpu', { replicaFailure }]] }, -60],
    [
      'may not be created, beside one without a node',
      {
        pods: [teacherPod('cpu-0').since(-7).unschedulable(unschedulable)],
        deployments: [['cpu', { replicaFailure }]],
      },
      -60,
    ],
    [
      'could not be created at first',
      { pods: [teacherPod('cpu-0'), teacherPod('cpu-1')], deployments: [['cpu', { replicaFailure }]] },
      null,
    ],
    [
      'may not take the place of one that is ending',
      { pods: [teacherPod('cpu-0'), teacherPod('cpu-1').terminating()], deployments: [['cpu', { replicaFailure }]] },
      -60,
    ],
    ['of another pool may not be created', { deployments: [['gpu', { replicaFailure }]] }, null],
  ])('whose teacher %s is without a place since then', (_title, seen, wantSeconds) => {
    expect(pool(seen).unplacedSinceMs).toBe(wantSeconds === null ? null : noonMs + wantSeconds * 1_000);
  });

  const error = { exitCode: 1, message: 'no memory on device 0', at: -5 };
  test.each<[string, Seen, object | null, number]>([
    ['starts', { pods: [teacherPod('cpu-0').running()] }, null, 0],
    ['fails', { pods: [teacherPod('cpu-0').crashed(error, 3)] }, { exitCode: 1, message: 'no memory on device 0' }, 3],
    [
      'fails, and is just started again',
      { pods: [teacherPod('cpu-0').restarted(error, 4)] },
      { exitCode: 1, message: 'no memory on device 0' },
      4,
    ],
    ['is ready again and forgiven', { pods: [teacherPod('cpu-0').restarted(error, 4).ready()] }, null, 0],
    ['fails on its way out, which is forgiven', { pods: [teacherPod('cpu-0').crashed(error).terminating()] }, null, 0],
    ['was killed from outside', { pods: [teacherPod('cpu-0').crashed({ exitCode: 137, at: -5 })] }, null, 0],
    ['runs out of memory', { pods: [teacherPod('cpu-0').crashed(oom, 2)] }, { exitCode: 137, message: outOfMemory }, 2],
    [
      'reports the newest of several errors',
      {
        pods: [
          teacherPod('cpu-0').crashed({ ...error, at: -50 }, 1),
          teacherPod('cpu-1').crashed({ exitCode: 65, message: 'not an ONNX file', at: -5 }, 5),
        ],
      },
      { exitCode: 65, message: 'not an ONNX file' },
      5,
    ],
    [
      'finds no node',
      { pods: [teacherPod('cpu-0').unschedulable(unschedulable)] },
      { exitCode: null, message: `no node takes it: ${unschedulable}` },
      0,
    ],
    [
      'finds no image',
      { pods: [teacherPod('cpu-0').waiting('ImagePullBackOff', 'back-off')] },
      { exitCode: null, message: 'ImagePullBackOff: back-off' },
      0,
    ],
    [
      'may not be made at all',
      { deployments: [['cpu', { replicaFailure: 'exceeded quota: team' }]] },
      { exitCode: null, message: 'exceeded quota: team' },
      0,
    ],
    ['may be made', { deployments: [['cpu', {}]] }, null, 0],
    ['of another pool may not', { deployments: [['gpu', { replicaFailure: 'exceeded quota: team' }]] }, null, 0],
  ])('whose teacher %s', (_what, seen, lastError, failuresInARow) => {
    expect(pool(seen)).toMatchObject({ lastError, failuresInARow });
  });
});

describe('something of a job remains', () => {
  test.each<[string, Seen, boolean]>([
    ['not when there is nothing', {}, false],
    ['while a Deployment could make pods', { deployments: [['cpu', { replicas: 0, deleting: true }]] }, true],
    ['while there is the Job of its student', { student: { deleting: true } }, true],
    ['while a teacher runs', { pods: [teacherPod('cpu-0').ready()] }, true],
    ['while a teacher is ending', { pods: [teacherPod('cpu-0').ready().terminating()] }, true],
    ['while a student is', { pods: [studentPod().running().terminating()] }, true],
    [
      'not for pods that have ended',
      { pods: [studentPod().ended({ exitCode: 0 }), teacherPod('cpu-0').evicted()] },
      false,
    ],
    ['not for the pods of others', { pods: [strangerPod('web').ready()] }, false],
  ])('%s', (_what, seen, want) => {
    expect(observed(seen).remains).toBe(want);
  });
});

test('a refusal of the cluster is passed on', () => {
  expect([observed({}).refusal, observed({ refusal: 'is invalid' }).refusal]).toEqual([null, 'is invalid']);
});

describe('slot seconds', () => {
  const used = (seen: Seen): string => {
    const { teacherSlotSeconds, studentSlotSeconds } = observed(seen).usage;
    return `teachers ${String(teacherSlotSeconds)}, student ${String(studentSlotSeconds)}`;
  };
  const before: DistillJobStatus = {
    usage: { teacherSlotSeconds: 100, studentSlotSeconds: 50, accountedUntil: timeAt(-20) },
  };

  test.each<[string, Seen, string]>([
    ['are none before anything runs', {}, 'teachers 0, student 0'],
    [
      'are what pods have lived since their kubelets took them',
      {
        pods: [
          teacherPod('cpu-0').ready().since(-40),
          teacherPod('cpu-1').since(-10).ready(),
          studentPod().since(-30).running(),
        ],
      },
      'teachers 50, student 30',
    ],
    [
      'continue from the status, plus the lifetime since',
      { status: before, pods: [teacherPod('cpu-0').ready()] },
      'teachers 120, student 50',
    ],
    [
      'count a pod that came since from its own start',
      { status: before, pods: [teacherPod('cpu-0').since(-5).ready()] },
      'teachers 105, student 50',
    ],
    [
      'count a pod that ended since until its end',
      { status: before, pods: [studentPod().ended({ exitCode: 1, at: -12 })] },
      'teachers 100, student 58',
    ],
    [
      'do not count again what ended before',
      { status: before, pods: [studentPod().ended({ exitCode: 1, at: -30 })] },
      'teachers 100, student 50',
    ],
    [
      'count a pod while it ends: it holds its slot',
      { status: before, pods: [teacherPod('cpu-0').ready().terminating()] },
      'teachers 120, student 50',
    ],
    [
      'do not count pods that no kubelet has taken',
      { pods: [teacherPod('cpu-0'), teacherPod('cpu-1').bound(), studentPod().unschedulable(unschedulable)] },
      'teachers 0, student 0',
    ],
    [
      'count each slot of a teacher that holds several',
      {
        job: (job) => job.pools({ name: 'gpu', resource: 'nvidia.com/gpu', slotsPerReplica: 4 }),
        pods: [teacherPod('gpu-0').since(-10).ready()],
      },
      'teachers 40, student 0',
    ],
    ['stay when nothing is left', { status: before }, 'teachers 100, student 50'],
  ])('%s', (_what, seen, want) => {
    expect(used(seen)).toBe(want);
  });

  test('do not depend on how often, and by which operator, they were written', () => {
    const pods = [teacherPod('cpu-0').since(0).ready(), studentPod().since(0).running()];
    const written = (everyMs: number): string => {
      let usage: DistillJobStatus['usage'];
      for (let nowMs = noonMs; nowMs <= noonMs + 60_000; nowMs += everyMs) {
        const status = usage === undefined ? {} : { usage };
        const accountedUntil = new Date(Math.floor(nowMs / 1_000) * 1_000).toISOString();
        usage = { ...observed({ pods, nowMs, status }).usage, accountedUntil };
      }
      return `${String(usage?.teacherSlotSeconds)} ${String(usage?.studentSlotSeconds)}`;
    };
    expect([60_000, 5_000, 1_200, 250].map(written)).toEqual(Array<string>(4).fill('60 60'));
  });
});
