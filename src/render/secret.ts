/** The keys to the job's streams, one a role; a pod mounts its own alone. */
import { type DistillJob, sharedName } from '../api/index.js';
import type { NatsAccess, WorkerRole } from '../protocol/index.js';
import { workerRoles } from '../protocol/index.js';

import { metadataOf } from './metadata.js';
import type { KubernetesObject } from './object.js';
import { keysOf } from './pod.js';

/** @throws OwnerlessJobError */
export function secret(job: DistillJob, access: Readonly<Record<WorkerRole, NatsAccess>>): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadataOf(job, sharedName(job.metadata.name)),
    type: 'Opaque',
    // Not stringData: server-side apply would never take a key out again.
    data: Object.fromEntries(workerRoles.map((role) => entryOf(role, access[role]))),
  };
}

function entryOf(role: WorkerRole, access: NatsAccess): readonly [key: string, base64: string] {
  const { creds, password } = keysOf(role);
  return access.kind === 'creds' ? [creds, base64(access.creds)] : [password, base64(access.password)];
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
