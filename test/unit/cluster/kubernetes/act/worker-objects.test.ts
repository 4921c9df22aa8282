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
