/** The credentials for the job's streams, one set per role; a pod mounts only its own. */
import { accessToSecret, type NatsAccess, type WorkerRole } from '@distillery/protocol';

import { type DistillJob, inputsName } from '../api/index.js';

import { metadataOf, uidOf } from './metadata.js';
import type { KubernetesObject } from './object.js';

/** @throws OwnerlessJobError */
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
