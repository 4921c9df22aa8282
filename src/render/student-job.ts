/** The student as a batch/v1 Job: at most one pod at a time, started again until it is done or cannot continue. */
import { failureCodes } from '@distillery/protocol';

import { type DistillJob, kueue, safeToEvictAnnotation, studentName, workerContainer } from '../api/index.js';

import { metadataOf, withLabels, type WorkerSet } from './metadata.js';
import type { Fields, KubernetesObject, WorkerSettings } from './object.js';
import { podTemplate } from './pod.js';
import { studentResources } from './resources.js';

/** @throws OwnerlessJobError */
export function studentJob(job: DistillJob, suspended: boolean, settings: WorkerSettings): KubernetesObject {
  const workers: WorkerSet = { role: 'student' };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: withLabels(metadataOf(job, studentName(job.metadata.name), workers), queueLabels(job)),
    spec: {
      suspend: suspended,
      completions: 1,
      parallelism: 1,
      backoffLimit: job.spec.backoffLimit,
      // Start the next attempt only after the last one has ended; fencing covers what Kubernetes cannot see.
      podReplacementPolicy: 'Failed',
      podFailurePolicy: { rules: failureRules() },
      template: podTemplate(
        job,
        {
          workers,
          // An evicted student resumes from its checkpoint, but loses more steps than an autoscaler saves.
          annotations: { [safeToEvictAnnotation]: 'false' },
          resources: studentResources(job),
          variables: {},
          // podFailurePolicy requires Never; it handles each exit.
          restartPolicy: 'Never',
          template: job.spec.student.template,
        },
        settings,
      ),
    },
  };
}

function queueLabels({ spec: { queueName, priorityClass } }: DistillJob): Readonly<Record<string, string>> {
  return {
    ...(queueName === undefined ? {} : { [kueue.queueLabel]: queueName }),
    ...(priorityClass === undefined ? {} : { [kueue.priorityLabel]: priorityClass }),
  };
}

/** The part of a student's Job that stays ours while Kueue holds and starts it. */
export function queuedStudentJob({ apiVersion, kind, metadata, spec }: KubernetesObject): KubernetesObject {
  const { backoffLimit } = spec as Fields;
  return { apiVersion, kind, metadata, spec: { backoffLimit } };
}

/**
 * The first rule that matches decides; an exit that no rule matches counts toward backoffLimit. Bad input comes first: an
 * evicted student that reports it would report the same again.
 */
function failureRules(): readonly Fields[] {
  const onExitCodes = (values: readonly number[]): Fields => ({
    containerName: workerContainer,
    operator: 'In',
    values,
  });
  return [
    { action: 'FailJob', onExitCodes: onExitCodes(failureCodes('fatal')) },
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    { action: 'Ignore', onExitCodes: onExitCodes(failureCodes('blameless')) },
  ];
}
