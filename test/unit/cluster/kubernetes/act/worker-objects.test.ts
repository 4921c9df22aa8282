/** What has to be written for a job: a function of its plan and of what is known of its objects. */
import { describe, expect, test } from '@jest/globals';

import { templateAnnotation } from '../../../../../src/api/index.js';
import {
  type FoundObjects,
  inputsAreDue,
  type WorkerObjects,
  workerObjects,
} from '../../../../../src/cluster/kubernetes/act/worker-objects.js';
import { podView } from '../../../../../src/cluster/kubernetes/cache/pod-view.js';
import { deploymentView, studentJobView } from '../../../../../src/cluster/kubernetes/cache/views.js';
import type { WorkersPlan } from '../../../../../src/controller/index.js';
import {
  type PodMaker,
  rawDeployment,
  rawStudentJob,
  studentPod,
  teacherPod,
} from '../../../../kit/kubernetes-objects.js';
import { JobMaker, noonMs } from '../../../../kit/snapshots.js';
import { rendered, settings } from '../../../render/jobs.js';

const { job, access } = rendered(new JobMaker());
const nothing: FoundObjects = {
  deployments: [],
  student: null,
  pods: [],
  account: null,
  policy: null,
  kueue: 'NotServed',
  workload: null,
};
const hash = (text: string): string => String(text.length);
const plan = (student: 'Run' | 'Stop', replicas: number, ...leave: string[]): WorkersPlan => ({
  student,
  pools: [{ name: 'cpu', replicas, leave }],
});
const objectsOf = (wanted: WorkersPlan, found: Partial<FoundObjects> = {}): WorkerObjects =>
  workerObjects(job, wanted, access, { ...nothing, ...found }, settings, hash);
const namesOf = ({ workloads }: WorkerObjects): string[] =>
  workloads.map(({ object }) => `${object.kind} ${object.metadata.name}`);
const pods = (...makers: readonly PodMaker[]): FoundObjects['pods'] => makers.map(({ raw }) => podView(raw));

/** The template hash that a Job of today's template has. */
const currentTemplate = ((): string => {
  const annotations = objectsOf(plan('Run', 0)).workloads[0]?.object.metadata.annotations ?? {};
  return annotations[templateAnnotation] ?? '';
})();

describe('the objects of a job', () => {
  test('are none while nothing runs and nothing has run', () => {
    const { inputs, shared, workloads, deletions } = objectsOf(plan('Stop', 0));
    expect([inputs, shared, workloads, deletions]).toEqual([[], [], [], []]);
  });

  test('are its inputs, its account and policy, its pools and its student', () => {
    const objects = objectsOf(plan('Run', 2));
    expect(objects.inputs.map(({ kind }) => kind)).toEqual(['ConfigMap', 'Secret']);
    expect(objects.shared.map(({ object }) => object.kind)).toEqual(['ServiceAccount', 'NetworkPolicy']);
    expect(namesOf(objects)).toEqual(['Deployment mnist-teacher-cpu', 'Job mnist-student']);
  });

  test('keep the Deployment of a pool without replicas, and delete those of pools that the job no longer has', () => {
    const deployments = ['cpu', 'gone'].map((pool) => deploymentView(rawDeployment(pool)));
    const objects = objectsOf(plan('Stop', 0), { deployments });
    expect(namesOf(objects)).toEqual(['Deployment mnist-teacher-cpu']);
    expect(objects.deletions.map(({ found }) => found.name)).toEqual(['mnist-teacher-gone']);
  });

  test('mark only the pods that leave', () => {
    const { costs } = objectsOf(plan('Run', 1, 'mnist-teacher-cpu-1'), {
      pods: pods(teacherPod('cpu-0').ready(), teacherPod('cpu-1').ready(), studentPod().running()),
    });
    expect(costs).toMatchObject([
      {
        metadata: { name: 'mnist-teacher-cpu-1', annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-1' } },
      },
    ]);
  });
});

describe("the student's Job", () => {
  test.each<[string, 'Run' | 'Stop', Parameters<typeof rawStudentJob>[0] | null, readonly PodMaker[], string]>([
    ['is created when it is wanted', 'Run', null, [], 'write'],
    ['is not created to be suspended', 'Stop', null, [], 'nothing'],
    ['is written while its template is current', 'Run', { template: currentTemplate }, [], 'write'],
    ['is not touched after its end', 'Run', { template: 'old', conditions: ['Complete'] }, [], 'nothing'],
    ['is not touched while it is being deleted', 'Run', { template: 'old', deleting: true }, [], 'nothing'],
    ['keeps an old template while its student runs', 'Run', { template: 'old' }, [studentPod().running()], 'nothing'],
    ['is deleted for a new template when no student runs', 'Run', { template: 'old' }, [], 'delete'],
    [
      'is deleted for a new template when it has to stop',
      'Stop',
      { template: 'old' },
      [studentPod().running()],
      'delete',
    ],
  ])('%s', (_title, wanted, raw, makers, want) => {
    const student = raw === null ? null : studentJobView(rawStudentJob(raw));
    const { workloads, deletions } = objectsOf(plan(wanted, 0), { student, pods: pods(...makers) });
    expect([workloads.length, deletions.length]).toEqual({ write: [1, 0], delete: [0, 1], nothing: [0, 0] }[want]);
  });
});

describe('the inputs', () => {
  const waiting = pods(studentPod().bound().since(-21));
  test.each([
    ['are written first', null, pods(), true],
    ['are written after a change', { hash: 'old', atMs: noonMs }, pods(), true],
    ['are not written again', { hash: 'now', atMs: 0 }, pods(studentPod().ready()), false],
    ['are written again when a pod cannot start for 20 s', { hash: 'now', atMs: noonMs - 20_001 }, waiting, true],
    ['are not written again sooner than after 20 s', { hash: 'now', atMs: noonMs - 20_000 }, waiting, false],
  ])('%s', (_title, known, found, want) => {
    expect(inputsAreDue('now', known, found, noonMs)).toBe(want);
  });
});

describe('a student in a queue', () => {
  const queuedJob = rendered(
    new JobMaker().change(({ spec }) => {
      spec.queueName = 'team';
      spec.priorityClass = 'important';
    }),
  );
  const objects = (wanted: WorkersPlan, found: Partial<FoundObjects> = {}): WorkerObjects =>
    workerObjects(queuedJob.job, wanted, queuedJob.access, { ...nothing, kueue: 'Served', ...found }, settings, hash);
  const view = (suspend: boolean, template = currentTemplate): NonNullable<FoundObjects['student']> => ({
    ...studentJobView(rawStudentJob({ suspend, template })),
    queue: 'team',
  });
  const workload = (stoppedByUs: boolean): NonNullable<FoundObjects['workload']> => ({
    uid: 'w-1',
    namespace: 'default',
    name: 'job-mnist-student-1',
    ownerUid: 'student',
    ownerName: 'mnist-student',
    active: !stoppedByUs,
    stoppedByUs,
    message: '',
  });

  test('is created suspended, with the labels of Kueue', () => {
    const [wanted] = objects(plan('Run', 0)).workloads;
    expect(wanted?.created).toMatchObject({
      metadata: { labels: { 'kueue.x-k8s.io/queue-name': 'team', 'kueue.x-k8s.io/priority-class': 'important' } },
      spec: { suspend: true, template: {} },
    });
  });

  test('is applied without the fields that Kueue owns, whether it runs or not', () => {
    for (const [student, suspend] of [
      ['Run', true],
      ['Run', false],
      ['Stop', false],
    ] as const) {
      const [wanted] = objects(plan(student, 0), { student: view(suspend) }).workloads;
      expect(Object.keys(wanted?.object.spec as object)).toEqual(['backoffLimit']);
    }
  });

  test('is the same object whether it is to run or to stop: nothing is written for it', () => {
    const [run] = objects(plan('Run', 0), { student: view(true) }).workloads;
    const [stop] = objects(plan('Stop', 0), { student: view(true) }).workloads;
    const [fresh] = objects(plan('Run', 0)).workloads;
    expect([stop?.applied, fresh?.applied]).toEqual([run?.applied, run?.applied]);
  });

  test('stops and goes on by its Workload', () => {
    const change = (wanted: 'Run' | 'Stop', found: Partial<FoundObjects>): unknown =>
      objects(plan(wanted, 0), { student: view(false), ...found }).workload?.spec;
    expect(change('Stop', { workload: workload(false) })).toEqual({ active: false });
    expect(change('Run', { workload: workload(true) })).toEqual({});
    expect(change('Stop', { workload: workload(true) })).toBeUndefined();
    expect(change('Run', { workload: workload(false) })).toBeUndefined();
    expect(change('Stop', {})).toBeUndefined();
  });

  test('is suspended by itself only where there is no Kueue', () => {
    const suspended = (kueue: FoundObjects['kueue'], student = view(false)): string | undefined =>
      objects(plan('Stop', 0), { kueue, student }).suspend?.name;
    expect(suspended('NotServed')).toBe('mnist-student');
    expect(suspended('NotServed', view(true))).toBeUndefined();
    expect(suspended('Served')).toBeUndefined();
    expect(suspended('Unknown')).toBeUndefined();
  });

  test('that the LocalQueue default took is treated alike', () => {
    const [wanted] = objectsOf(plan('Run', 0), { student: view(false) }).workloads;
    expect(Object.keys(wanted?.object.spec as object)).toEqual(['backoffLimit']);
  });
});

describe('the annotation against topology accounting', () => {
  const key = 'kueue.x-k8s.io/podset-unconstrained-topology';
  const annotated = (queueName: string | undefined, queue: string | null): boolean => {
    const { job: given, access: with_ } = rendered(
      new JobMaker().change(({ spec }) => {
        if (queueName !== undefined) spec.teacher.queueName = queueName;
      }),
    );
    const deployments = queue === null ? [] : [{ ...deploymentView(rawDeployment('cpu')), queue }];
    const { workloads } = workerObjects(given, plan('Stop', 1), with_, { ...nothing, deployments }, settings, hash);
    const { template } = workloads[0]?.object.spec as { template: { metadata: { annotations: object } } };
    return key in template.metadata.annotations;
  };

  test('is on teachers outside of quota, and on no others', () => {
    expect(annotated(undefined, null)).toBe(true);
    expect(annotated('spare', null)).toBe(false);
    expect(annotated('spare', 'spare')).toBe(false);
    expect(annotated(undefined, 'default')).toBe(false);
  });
});
