/** The Leases port over our client: what of the API server's answers decides, and what is left open. */
import { describe, expect, test } from '@jest/globals';

import type { LeaseRecord } from '../../../../../src/controller/index.js';
import { ApiError, leasesAt, type StoredObject } from '../../../../../src/cluster/kubernetes/index.js';
import { type ApiErrorReason } from '../../../../../src/cluster/kubernetes/api/index.js';

const record: LeaseRecord = {
  holderIdentity: 'operator_1',
  leaseDurationSeconds: 15,
  acquireTime: '2026-01-02T03:04:05.678000Z',
  renewTime: '2026-01-02T03:04:07.678000Z',
  leaseTransitions: 2,
};
const { signal } = new AbortController();

function stored(spec?: Partial<LeaseRecord>): StoredObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace: 'ops', name: 'leader', uid: 'u', resourceVersion: '7' },
    ...(spec === undefined ? {} : { spec }),
  };
}

/** A port whose every request has the same answer, and what was asked. */
function over(answer: StoredObject | null | ApiErrorReason) {
  const asked: unknown[][] = [];
  const ask = (...what: unknown[]): Promise<StoredObject> => {
    asked.push(what);
    return typeof answer === 'string'
      ? Promise.reject(new ApiError(answer, { doing: 'lease', fault: { about: 'lease', problem: answer, remedy: '' } }))
      : Promise.resolve(answer!);
  };
  const leases = leasesAt({ namespace: 'ops', name: 'leader' }, { get: ask, create: ask, patch: ask });
  return { leases, asked };
}

describe('a lease', () => {
  test('is read whole', async () => {
    expect(await over(stored(record)).leases.get(signal)).toEqual({ ...record, resourceVersion: '7' });
  });

  test('without a spec was never held', async () => {
    expect(await over(stored()).leases.get(signal)).toEqual({
      holderIdentity: '',
      leaseDurationSeconds: 0,
      acquireTime: '',
      renewTime: '',
      leaseTransitions: 0,
      resourceVersion: '7',
    });
  });

  test('may be missing', async () => {
    expect(await over(null).leases.get(signal)).toBeNull();
  });

  test('is replaced in the version that was read, its metadata left alone', async () => {
    const { leases, asked } = over(stored(record));
    const written = await leases.replace({ ...record, resourceVersion: '6' }, signal);
    expect(written).toEqual({ kind: 'written', lease: { ...record, resourceVersion: '7' } });
    expect(asked).toEqual([
      [
        expect.objectContaining({ kind: 'Lease' }),
        'ops',
        'leader',
        { metadata: { resourceVersion: '6' }, spec: record },
        { signal },
      ],
    ]);
  });

  test.each<ApiErrorReason>(['conflict', 'notFound', 'alreadyExists'])('%s is a refusal', async (reason) => {
    const { leases } = over(reason);
    expect(await leases.create(record, signal)).toEqual({ kind: 'refused' });
    expect(await leases.replace({ ...record, resourceVersion: '6' }, signal)).toEqual({ kind: 'refused' });
  });

  test.each<ApiErrorReason>(['unreachable', 'timeout', 'internal', 'forbidden', 'malformed', 'aborted'])(
    '%s leaves open what happened',
    async (reason) => {
      const { leases } = over(reason);
      await expect(leases.get(signal)).rejects.toMatchObject({ reason });
      await expect(leases.create(record, signal)).rejects.toMatchObject({ reason });
      await expect(leases.replace({ ...record, resourceVersion: '6' }, signal)).rejects.toMatchObject({ reason });
    },
  );
});
