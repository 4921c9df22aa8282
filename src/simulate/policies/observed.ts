/** What the operator would observe of a simulated job. */
import { logitsReaderOf, type StudentState, type TeacherState } from '@distillery/protocol';

import { checkJob, type DistillJob } from '../../api/index.js';
import type { ClusterObservation, JobObservation, ObservedTeacher, PresentStreams } from '../../domain/index.js';

import type { JobView } from './policy.js';

export const simulatedPool = 'simulated';

/** The fields of a spec that a decision on numbers reads; except for the buffer, they are the same for all jobs. */
const job = checkedJob();

function checkedJob(): DistillJob {
  const checked = checkJob({
    apiVersion: 'distillery.dev/v1alpha1',
    kind: 'DistillJob',
    metadata: { name: simulatedPool, namespace: 'default', uid: simulatedPool, generation: 1 },
    spec: {
      dataset: { uri: 'file:///data' },
      teacher: { model: { uri: 'file:///teacher.onnx' }, pools: [{ name: simulatedPool }] },
      student: { model: { uri: 'file:///student.json' } },
    },
  });
  if (!checked.ok) throw new Error(checked.problems.map(({ message }) => message).join('\n'));
  return checked.job;
}

function withBuffer(bufferTargetSeconds: number): DistillJob {
  return { ...job, spec: { ...job.spec, teacher: { ...job.spec.teacher, bufferTargetSeconds } } };
}

/** Stand-ins for pods, the same for all jobs: only their number is read. */
const needs = { requests: {}, nodeSelector: {}, requiredTerms: null, tolerations: [] };
const pods = Array.from({ length: 10_000 }, (_, index): ObservedTeacher => {
  return { name: `teacher-${index}`, node: null, terminating: false, ready: true, createdAtMs: 0 };
});

/** Telemetry is pushed, so it is as new as the observation. */
export function observationOf(view: JobView, nowSeconds: number): JobObservation {
  const nowMs = nowSeconds * 1_000;
  return {
    nowMs,
    engine: 'cluster',
    job: withBuffer(view.bufferTargetSeconds),
    cluster: clusterOf(view),
    streams: streamsOf(view, nowMs),
    deadItem: null,
  };
}

function clusterOf({ pendingTeachers, startingTeachers, readyTeachers }: JobView): ClusterObservation {
  const running = pods.slice(0, pendingTeachers + startingTeachers + readyTeachers);
  const calm = { disruptions: 0, failuresInARow: 0, lastError: null };
  return {
    pools: [{ name: simulatedPool, needs, resource: simulatedPool, pods: running, unplacedSinceMs: null, ...calm }],
    student: { phase: 'Running', starts: 1, failures: 0, disruptions: 0, lastError: null },
    remains: true,
    refusal: null,
    usage: { teacherSlotSeconds: 0, studentSlotSeconds: 0 },
  };
}

function streamsOf(view: JobView, nowMs: number): PresentStreams {
  const unfinished = Math.ceil(view.fedSteps - view.labeledSteps);
  const buffered = Math.floor(view.labeledSteps - view.trainedSteps);
  const student = view.isStudentUp ? studentOf(view, buffered, nowMs) : null;
  return {
    state: 'Present',
    missing: [],
    work: { messages: unfinished, pending: unfinished, ackPending: 0 },
    logits: { messages: buffered, bytes: 0, firstSequence: 1, lastSequence: Math.floor(view.labeledSteps) },
    dead: { messages: 0 },
    student,
    readers: [logitsReaderOf('student', student)],
    teachers: teachersOf(view, nowMs),
    reference: null,
  };
}

function studentOf(view: JobView, buffered: number, nowMs: number): StudentState {
  const samplesPerSecond = view.studentStepsPerSecond * view.batchSize;
  return {
    attempt: 1,
    pod: 'student',
    phase: 'Training',
    runtime: simulatedPool,
    step: Math.floor(view.trainedSteps),
    steps: view.steps,
    epoch: 0,
    batchSize: view.batchSize,
    samplesPerSecond,
    unstarvedSamplesPerSecond: samplesPerSecond,
    waitFraction: 0,
    loss: null,
    accuracy: null,
    buffer: { frames: buffered, bytes: 0 },
    window: view.windowSteps,
    fedSteps: Math.floor(view.fedSteps),
    shards: 1,
    firstNeededSequence: 0,
    resumedFromStep: null,
    damaged: [],
    result: null,
    updatedAtMs: nowMs,
  };
}

/** One teacher reports the mean of all. */
function teachersOf({ teacherStepsPerSecond, batchSize }: JobView, nowMs: number): TeacherState[] {
  if (teacherStepsPerSecond === null) return [];
  const samplesPerSecond = teacherStepsPerSecond * batchSize;
  return [
    {
      pod: pods[0]?.name ?? '',
      pool: simulatedPool,
      phase: 'Ready',
      runtime: simulatedPool,
      samplesPerSecond,
      capableSamplesPerSecond: samplesPerSecond,
      busyFraction: 1,
      items: 0,
      duplicates: 0,
      failures: 0,
      accuracy: null,
      updatedAtMs: nowMs,
    },
  ];
}
