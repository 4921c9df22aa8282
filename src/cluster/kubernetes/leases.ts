/** One coordination.k8s.io/v1 Lease at the API server, for leader election. */
import type { LeaseRecord, Leases, LeaseWrite, StoredLease } from '../lease.js';

import type { ApiClient } from './client.js';
import { ApiError } from './errors.js';
import { apiVersionOf, kinds } from './kinds.js';
import type { StoredObject } from './object.js';

export interface LeasePlace {
  readonly namespace: string;
  readonly name: string;
}

export function leasesAt(
  { namespace, name }: LeasePlace,
  client: Pick<ApiClient, 'get' | 'create' | 'replace'>,
): Leases {
  const object = (spec: LeaseRecord, resourceVersion?: string) => ({
    apiVersion: apiVersionOf(kinds.leases),
    kind: kinds.leases.kind,
    metadata: { namespace, name, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    spec,
  });
  return {
    get: async (signal) => {
      const found = await client.get(kinds.leases, namespace, name, signal);
      return found === null ? null : leaseOf(found);
    },
    create: (record, signal) => written(client.create(object(record), signal)),
    replace: ({ resourceVersion, ...record }, signal) =>
      written(client.replace(object(record, resourceVersion), signal)),
  };
}

async function written(answer: Promise<StoredObject>): Promise<LeaseWrite> {
  try {
    return { kind: 'written', lease: leaseOf(await answer) };
  } catch (error) {
    const refused = ['conflict', 'alreadyExists', 'notFound'];
    if (error instanceof ApiError && refused.includes(error.kind)) return { kind: 'refused' };
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
