/** The ConfigMap with the job's manifest, which its pods mount. */
import { type DistillJob, inputsName } from '../api/index.js';

import { manifestOf } from './manifest.js';
import { metadataOf, uidOf } from './metadata.js';
import type { KubernetesObject } from './object.js';
import { manifestKey } from './pod.js';

/** @throws OwnerlessJobError, ZodError as `manifestOf` */
export function configMap(job: DistillJob): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadataOf(job, inputsName(job.metadata.name, uidOf(job))),
    data: { [manifestKey]: `${JSON.stringify(manifestOf(job, uidOf(job)), null, 2)}\n` },
  };
}
