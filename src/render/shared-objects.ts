/** What all pods of a job share: the ConfigMap, the Secret and the ServiceAccount. */
import { accessToSecret, type NatsAccess, type WorkerRole } from '@distillery/protocol';

import { type DistillJob, inputsName, sharedName } from '../api/index.js';

import { manifestOf } from './manifest.js';
import { metadataOf, uidOf } from './metadata.js';
import type { KubernetesObject } from './object.js';
import { manifestKey } from './pod.js';

/** The job's manifest, which its pods mount. @throws OwnerlessJobError, ZodError as `manifestOf` */
export function configMap(job: DistillJob): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadataOf(job, inputsName(job.metadata.name, uidOf(job))),
    data: { [manifestKey]: `${JSON.stringify(manifestOf(job, uidOf(job)), null, 2)}\n` },
  };
}

/** The credentials for the job's streams, one set per role; a pod mounts only its own. @throws OwnerlessJobError */
export function secret(job: DistillJob, access: Readonly<Record<WorkerRole, NatsAccess>>): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadataOf(job, inputsName(job.metadata.name, uidOf(job))),
    type: 'Opaque',
    // Not stringData: server-side apply would never remove a key.
    data: Object.fromEntries(Object.entries(accessToSecret(access)).map(([key, text]) => [key, base64(text)])),
  };
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** Of the job's pods: without a token and without rights. @throws OwnerlessJobError */
export function serviceAccount(job: DistillJob): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadataOf(job, sharedName(job.metadata.name)),
    automountServiceAccountToken: false,
  };
}
