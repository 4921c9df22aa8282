/** What every object of a job carries: its namespace, its labels, and the job as its one owner. */
import { DistilleryError } from '@distillery/base';

import { apiVersion, appName, type DistillJob, kind, labels, type PodRole } from '../api/index.js';

import type { KubernetesObject, OwnerReference } from './object.js';

/** A job that no API server gave an identity: nothing could belong to it. */
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

/** Of one fleet of a job's pods, or of the job as a whole. */
export interface Fleet {
  readonly role: PodRole;
  /** Of teachers. */
  readonly pool?: string;
}

/** What picks the pods of a job, or of one of its fleets, and no others. It is part of selectors, which never change. */
export function selectorOf(job: DistillJob, fleet?: Fleet): Readonly<Record<string, string>> {
  return {
    [labels.jobUid]: uidOf(job),
    ...(fleet === undefined ? {} : { [labels.component]: fleet.role }),
    ...(fleet?.pool === undefined ? {} : { [labels.pool]: fleet.pool }),
  };
}

export function labelsOf(job: DistillJob, fleet?: Fleet): Readonly<Record<string, string>> {
  return {
    [labels.managedBy]: appName,
    [labels.name]: appName,
    [labels.job]: job.metadata.name,
    ...selectorOf(job, fleet),
  };
}

export function metadataOf(job: DistillJob, name: string, fleet?: Fleet): KubernetesObject['metadata'] {
  return {
    name,
    namespace: namespaceOf(job),
    labels: labelsOf(job, fleet),
    ownerReferences: [ownerReference(job)],
  };
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
