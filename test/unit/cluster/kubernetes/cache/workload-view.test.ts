/** Kueue's Workloads as the operator keeps them. */
import { describe, expect, test } from '@jest/globals';

import { WorkloadIndex } from '../../../../../src/cluster/kubernetes/cache/workload-index.js';
import { type RawWorkload, workloadView } from '../../../../../src/cluster/kubernetes/cache/workload-view.js';

interface Facts {
  readonly uid?: string;
  readonly owner?: string;
  readonly active?: boolean;
  readonly conditions?: readonly object[];
  readonly managers?: readonly object[];
}

/** As Kueue 0.19 writes it for a Job. */
function rawWorkload({ uid = 'w-1', owner = 'Job', active, conditions = [], managers = [] }: Facts = {}): RawWorkload {
  return {
    metadata: {
      name: 'job-mnist-student-3f1a2',
      namespace: 'default',
      uid,
      resourceVersion: '7',
      ownerReferences: [{ apiVersion: 'batch/v1', kind: owner, name: 'mnist-student', uid: 'job-1', controller: true }],
      managedFields: managers,
    },
    spec: active === undefined ? {} : { active },
    status: { conditions: conditions as never[] },
  };
}

const quota = (status: string, message: string): object => ({
  type: 'QuotaReserved',
  status,
  reason: status === 'True' ? 'QuotaReserved' : 'Pending',
  message,
});
const lacks =
  "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor kit, 1 more needed";

describe('a Workload', () => {
  test.each<[string, Facts, string]>([
    ['is new', {}, ''],
    ['lacks quota', { conditions: [quota('False', lacks)] }, lacks],
    [
      'was preempted',
      {
        conditions: [
          { type: 'Evicted', status: 'True', reason: 'Preempted', message: 'Preempted to accommodate a workload' },
          quota('False', lacks),
        ],
      },
      `Preempted to accommodate a workload; ${lacks}`,
    ],
    [
      'says the same twice',
      {
        conditions: [
          { type: 'Evicted', status: 'True', reason: 'Preempted', message: 'Preempted' },
          quota('False', 'Preempted'),
        ],
      },
      'Preempted',
    ],
    ['waits for checks', { conditions: [quota('True', '')] }, 'its quota is reserved; admission checks are pending'],
    ['runs', { conditions: [quota('True', ''), { type: 'Admitted', status: 'True', message: 'admitted' }] }, ''],
  ])('that %s', (_, facts, message) => {
    expect(workloadView(rawWorkload(facts))).toMatchObject({ ownerUid: 'job-1', active: true, message });
  });

  test('is stopped by us only if our apply owns the field', () => {
    const ours = { manager: 'distillery', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:active': {} } } };
    const view = (facts: Facts): unknown[] => {
      const found = workloadView(rawWorkload(facts));
      return [found?.active, found?.stoppedByUs];
    };
    expect(view({ active: false, managers: [ours] })).toEqual([false, true]);
    expect(view({ active: false, managers: [{ ...ours, manager: 'kueuectl' }] })).toEqual([false, false]);
    expect(view({ active: false, managers: [{ ...ours, operation: 'Update' }] })).toEqual([false, false]);
    expect(view({ active: true, managers: [{ ...ours, fieldsV1: { 'f:spec': {} } }] })).toEqual([true, false]);
    expect(view({})).toEqual([true, false]);
  });

  test('of another kind than Job and Pod is not kept', () => {
    expect(workloadView(rawWorkload({ owner: 'RayCluster' }))).toBeNull();
  });
});

describe('the index', () => {
  const view = (uid: string) => workloadView(rawWorkload({ uid }));

  test('gives what is known only while Kueue is served', () => {
    const index = new WorkloadIndex();
    index.observed(null, view('w-1'));
    expect(index.of('job-1')).toBeNull();
    expect(index.supportIs('Served')).toBe(true);
    expect(index.supportIs('Served')).toBe(false);
    expect(index.of('job-1')?.uid).toBe('w-1');
    index.supportIs('NotServed');
    expect(index.of('job-1')).toBeNull();
  });

  test('keeps the next Workload of an object when the one before is deleted late', () => {
    const index = new WorkloadIndex();
    index.supportIs('Served');
    index.observed(null, view('w-1'));
    index.observed(null, view('w-2'));
    index.observed(view('w-1'), null);
    expect(index.of('job-1')?.uid).toBe('w-2');
    index.observed(view('w-2'), null);
    expect(index.of('job-1')).toBeNull();
  });
});
