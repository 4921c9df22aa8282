/** The ServiceAccount of the job's pods: without a token and without rights. */
import { type DistillJob, sharedName } from '../api/index.js';

import { metadataOf } from './metadata.js';
import type { KubernetesObject } from './object.js';

/** @throws OwnerlessJobError */
export function serviceAccount(job: DistillJob): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadataOf(job, sharedName(job.metadata.name)),
    automountServiceAccountToken: false,
  };
}
