/** Metadata of every object of a job: its namespace, its labels, and the job as its only owner. */
import { DistilleryError } from '@distillery/base';

import { apiVersion, appName, type DistillJob, kind, labels, type PodRole } from '../api/index.js';

import type { KubernetesObject, OwnerReference } from './object.js';

/** The job has no uid from an API server, so it cannot own objects. */
export class OwnerlessJobError extends DistilleryError {
  override readonly name = 'OwnerlessJobError';
  readonly kind = 'OwnerlessJob';
  readonly retry = 'Never';

  constructor(job: string) {
    super({
      about: `job ${job}`,
      problem: 'it has no metadata.uid',
      remedy: 'render jobs only as the API server gives them',
    });
  }
}

/** @throws OwnerlessJobError */
export function uidOf({ metadata }: DistillJob): string {
  if (metadata.uid === undefined) throw new OwnerlessJobError(metadata.name);
  return metadata.uid;
}

export function namespaceOf({ metadata }: DistillJob): string {
  return metadata.namespace ?? 'default';
}

/** The workers that one object starts: the student, or the teachers of one pool. Absent = the job as a whole. */
export interface WorkerSet {
  readonly role: PodRole;
  /** Pool of teachers. */
  readonly pool?: string;
}

/**
 * Labels that select the pods of a job, or of one set of its workers, and no others. Selectors are immutable, so these never
 * change.
 */
export function selectorOf(job: DistillJob, workers?: WorkerSet): Readonly<Record<string, string>> {
  return {
    [labels.jobUid]: uidOf(job),
    ...(workers === undefined ? {} : { [labels.component]: workers.role }),
    ...(workers?.pool === undefined ? {} : { [labels.pool]: workers.pool }),
  };
}

export function labelsOf(job: DistillJob, workers?: WorkerSet): Readonly<Record<string, string>> {
  return {
    [labels.managedBy]: appName,
    [labels.name]: appName,
    [labels.job]: job.metadata.name,
    ...selectorOf(job, workers),
  };
}

export function metadataOf(job: DistillJob, name: string, workers?: WorkerSet): KubernetesObject['metadata'] {
  return {
    name,
    namespace: namespaceOf(job),
    labels: labelsOf(job, workers),
    ownerReferences: [ownerReference(job)],
  };
}

export function withLabels(
  metadata: KubernetesObject['metadata'],
  added: Readonly<Record<string, string>>,
): KubernetesObject['metadata'] {
  return { ...metadata, labels: { ...metadata.labels, ...added } };
}

function ownerReference(job: DistillJob): OwnerReference {
  return {
    apiVersion,
    kind,
    name: job.metadata.name,
    uid: uidOf(job),
    controller: true,
    blockOwnerDeletion: true,
  };
}
