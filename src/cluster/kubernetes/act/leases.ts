/**
 * The Leases port over one coordination.k8s.io/v1 Lease at the API server. Renewed by merge patch: unlike a PUT it keeps
 * metadata that others wrote, and never creates a Lease that was deleted.
 */
import type { LeaseRecord, Leases, LeaseWrite, StoredLease } from '../../../controller/index.js';

import { type ApiClient, ApiError, type ApiErrorReason, apiVersionOf, type StoredObject } from '../api/index.js';
import { kinds } from '../cache/index.js';

/** Name of the operator's Lease; the chart creates it and grants rights on it by this name. */
export const leaseName = 'distillery-operator';

export interface LeaseKey {
  readonly namespace: string;
  readonly name: string;
}

export function leasesAt({ namespace, name }: LeaseKey, client: Pick<ApiClient, 'get' | 'create' | 'patch'>): Leases {
  return {
    get: async (signal) => {
      const found = await client.get(kinds.leases, namespace, name, signal);
      return found === null ? null : leaseOf(found);
    },
    create: (spec, signal) => {
      const { kind } = kinds.leases;
      const lease = { apiVersion: apiVersionOf(kinds.leases), kind, metadata: { namespace, name }, spec };
      return written(client.create(lease, signal));
    },
    replace: ({ resourceVersion, ...spec }, signal) =>
      written(client.patch(kinds.leases, namespace, name, { metadata: { resourceVersion }, spec }, { signal })),
  };
}

/**
 * The uid of the Lease, which stays the same for an installation of the operator; null when there is no Lease.
 * @throws ApiError
 */
export async function leaseUid(
  { namespace, name }: LeaseKey,
  client: Pick<ApiClient, 'get'>,
  signal?: AbortSignal,
): Promise<string | null> {
  return (await client.get(kinds.leases, namespace, name, signal))?.metadata.uid ?? null;
}

const refusals: ReadonlySet<ApiErrorReason> = new Set<ApiErrorReason>(['conflict', 'alreadyExists', 'notFound']);

async function written(answer: Promise<StoredObject>): Promise<LeaseWrite> {
  try {
    return { kind: 'written', lease: leaseOf(await answer) };
  } catch (error) {
    if (error instanceof ApiError && refusals.has(error.reason)) return { kind: 'refused' };
    throw error;
  }
}

/** Every field of a Lease's spec is optional. */
function leaseOf({ metadata, spec }: StoredObject): StoredLease {
  const {
    holderIdentity = '',
    leaseDurationSeconds = 0,
    acquireTime = '',
    renewTime = '',
    leaseTransitions = 0,
  } = (spec ?? {}) as Partial<LeaseRecord>;
  const { resourceVersion } = metadata;
  return { holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions, resourceVersion };
}
