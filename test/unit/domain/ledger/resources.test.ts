/** Amounts as the scheduler counts them: quantities, and what a pod takes of its node. */
import { describe, expect, test } from '@jest/globals';

import {
  amountsOf,
  effectiveRequests,
  type PodResources,
  type PodResourcesStatus,
  thousandthsOf,
} from '../../../../src/domain/ledger/index.js';

describe('a quantity in thousandths', () => {
  test.each<[string | number, number]>([
    ['0', 0],
    ['1', 1_000],
    [2, 2_000],
    ['+3', 3_000],
    ['0.1', 100],
    ['1.1', 1_100],
    ['.5', 500],
    ['5.', 5_000],
    ['100m', 100],
    ['1500m', 1_500],
    ['0.5m', 1],
    ['1n', 1],
    ['999999n', 1],
    ['1000001n', 2],
    ['250u', 1],
    ['2000u', 2],
    ['3k', 3_000_000],
    ['1.1k', 1_100_000],
    ['2M', 2e9],
    ['2G', 2e12],
    ['2T', 2e15],
    ['1P', 1e18],
    ['1E', 1e21],
    ['1Ki', 1_024_000],
    ['64Mi', 64 * 2 ** 20 * 1_000],
    ['1.5Gi', 1.5 * 2 ** 30 * 1_000],
    ['2Ti', 2 * 2 ** 40 * 1_000],
    ['1Pi', 2 ** 50 * 1_000],
    ['1Ei', 2 ** 60 * 1_000],
    ['1e3', 1_000_000],
    ['1E3', 1_000_000],
    ['12e-4', 2],
    ['5e+2', 500_000],
    // As kubelets write the memory of their nodes.
    ['16078332Ki', 16_464_211_968_000],
    ['1056263828Ki', 1_081_614_159_872_000],
  ])('%p is %p', (quantity, want) => {
    expect(thousandthsOf(quantity)).toBe(want);
  });

  test.each(['', 'many', '1 Gi', '1gi', '1Kb', '1e', '0x10', '1.2.3', 'NaN', 'Infinity'])(
    '%p is none, and counts nothing',
    (text) => {
      expect(thousandthsOf(text)).toBe(0);
    },
  );

  test('of nothing is nothing', () => {
    expect(amountsOf(undefined)).toEqual({});
    expect(amountsOf({ cpu: '2', 'nvidia.com/gpu': '8' })).toEqual({ cpu: 2_000, 'nvidia.com/gpu': 8_000 });
  });
});

type Container = NonNullable<PodResources['containers']>[number];
const asks = (requests: Record<string, string>, limits?: Record<string, string>): Container => ({
  resources: { requests, ...(limits === undefined ? {} : { limits }) },
});
const sidecar = (requests: Record<string, string>): Container => ({ ...asks(requests), restartPolicy: 'Always' });

describe('what a pod takes of its node', () => {
  test.each<[string, PodResources, Record<string, string>]>([
    ['is nothing for one that asks for nothing', { containers: [{}] }, {}],
    [
      'is the sum of its containers',
      { containers: [asks({ cpu: '500m', memory: '1Gi' }), asks({ cpu: '250m' })] },
      { cpu: '750m', memory: '1Gi' },
    ],
    [
      'is the limit where nothing was asked for, resource by resource',
      { containers: [asks({ cpu: '500m' }, { cpu: '4', memory: '2Gi', 'nvidia.com/gpu': '1' })] },
      { cpu: '500m', memory: '2Gi', 'nvidia.com/gpu': '1' },
    ],
    [
      'is what the largest init container needs, if that is more',
      { initContainers: [asks({ cpu: '3' }), asks({ cpu: '2', memory: '1Gi' })], containers: [asks({ cpu: '1' })] },
      { cpu: '3', memory: '1Gi' },
    ],
    [
      'does not add init containers up: they run one after the other',
      { initContainers: [asks({ cpu: '1' }), asks({ cpu: '1' })], containers: [asks({ cpu: '1500m' })] },
      { cpu: '1500m' },
    ],
    [
      'adds sidecars to the containers',
      { initContainers: [sidecar({ cpu: '500m' })], containers: [asks({ cpu: '1' })] },
      { cpu: '1500m' },
    ],
    [
      'adds to an init container the sidecars that were started before it',
      {
        initContainers: [sidecar({ cpu: '1' }), asks({ cpu: '2' }), sidecar({ cpu: '500m' })],
        containers: [asks({ cpu: '1' })],
      },
      { cpu: '3' },
    ],
    [
      'does not add to it the sidecars that come after',
      { initContainers: [asks({ cpu: '2' }), sidecar({ cpu: '1' })], containers: [asks({ cpu: '500m' })] },
      { cpu: '2' },
    ],
    [
      'counts each resource by itself',
      {
        initContainers: [asks({ cpu: '4', memory: '1Gi' })],
        containers: [asks({ cpu: '1', memory: '8Gi' })],
      },
      { cpu: '4', memory: '8Gi' },
    ],
    [
      'has the overhead of its runtime on top',
      { containers: [asks({ cpu: '1' })], overhead: { cpu: '250m', memory: '120Mi' } },
      { cpu: '1250m', memory: '120Mi' },
    ],
    [
      'is what the pod as a whole asks for, whatever its containers do',
      { containers: [asks({ cpu: '3', memory: '1Gi' })], resources: { requests: { cpu: '2', memory: '4Gi' } } },
      { cpu: '2', memory: '4Gi' },
    ],
    [
      'stays its containers’ sum in what the pod as a whole does not name',
      {
        initContainers: [asks({ cpu: '9' })],
        containers: [asks({ cpu: '1', memory: '1Gi', 'nvidia.com/gpu': '1' }), asks({ memory: '1Gi' })],
        resources: { requests: { cpu: '2' } },
      },
      { cpu: '2', memory: '2Gi', 'nvidia.com/gpu': '1' },
    ],
    [
      'has overhead on top of what the pod as a whole asks for, too',
      {
        containers: [asks({ cpu: '1' })],
        resources: { requests: { cpu: '2', 'hugepages-2Mi': '4Mi' } },
        overhead: { cpu: '100m' },
      },
      { cpu: '2100m', 'hugepages-2Mi': '4Mi' },
    ],
    [
      'never has devices from the pod as a whole',
      { containers: [asks({ 'nvidia.com/gpu': '1' })], resources: { requests: { 'nvidia.com/gpu': '4' } } },
      { 'nvidia.com/gpu': '1' },
    ],
    [
      'is its limit as a whole where no container asks for any',
      { containers: [asks({ cpu: '1' })], resources: { limits: { cpu: '4', memory: '2Gi' } } },
      { cpu: '1', memory: '2Gi' },
    ],
    [
      'is its limit of huge pages as a whole in any case',
      { containers: [asks({ 'hugepages-2Mi': '4Mi' })], resources: { limits: { 'hugepages-2Mi': '8Mi' } } },
      { 'hugepages-2Mi': '8Mi' },
    ],
    [
      'is whole bytes, rounded up when all is added up',
      { containers: [asks({ memory: '1200m' }), asks({ memory: '1200m' })], overhead: { memory: '1m' } },
      { memory: '3' },
    ],
  ])('%s', (_what, spec, want) => {
    expect(effectiveRequests(spec)).toEqual(amountsOf(want));
  });
});

describe('what a pod takes while it is resized in place', () => {
  const spec: PodResources = {
    containers: [
      { name: 'main', ...asks({ cpu: '2', memory: '1Gi' }) },
      { name: 'other', ...asks({ cpu: '1' }) },
    ],
  };
  const resized = (
    resources: Record<string, string>,
    allocatedResources?: Record<string, string>,
  ): PodResourcesStatus => ({
    containerStatuses: [
      { name: 'main', resources: { requests: resources }, ...(allocatedResources ? { allocatedResources } : {}) },
    ],
  });
  const pending = (reason: string): PodResourcesStatus => ({ conditions: [{ type: 'PodResizePending', reason }] });

  test.each<[string, PodResourcesStatus, Record<string, string>]>([
    ['is what it asks for before it runs', {}, { cpu: '3', memory: '1Gi' }],
    ['is what runs while that is more', resized({ cpu: '5', memory: '512Mi' }), { cpu: '6', memory: '1Gi' }],
    [
      'is what was admitted while that is more',
      resized({ cpu: '1' }, { cpu: '4', memory: '3Gi' }),
      { cpu: '5', memory: '3Gi' },
    ],
    ['is what is requested while that is more', resized({ cpu: '1', memory: '512Mi' }), { cpu: '3', memory: '1Gi' }],
    [
      'is not what its node can never grant',
      { ...resized({ cpu: '1', memory: '1Gi' }, { cpu: '1', memory: '1Gi' }), ...pending('Infeasible') },
      { cpu: '2', memory: '1Gi' },
    ],
    [
      'is what its node will grant later',
      { ...resized({ cpu: '1', memory: '1Gi' }, { cpu: '1', memory: '1Gi' }), ...pending('Deferred') },
      { cpu: '3', memory: '1Gi' },
    ],
  ])('%s', (_what, status, want) => {
    expect(effectiveRequests(spec, status)).toEqual(amountsOf(want));
  });

  test('goes by the status of sidecars, and not by that of init containers', () => {
    const initContainers = [
      { name: 'sidecar', ...sidecar({ cpu: '1' }) },
      { name: 'init', ...asks({ cpu: '2' }) },
    ];
    const status: PodResourcesStatus = {
      initContainerStatuses: [
        { name: 'sidecar', resources: { requests: { cpu: '3' } } },
        { name: 'init', resources: { requests: { cpu: '9' } } },
      ],
    };
    expect(effectiveRequests({ initContainers, containers: [asks({ cpu: '1' })] }, status)).toEqual({ cpu: 5_000 });
  });

  test('follows the pod-level status where kubelets report it', () => {
    const whole: PodResources = { containers: [asks({ cpu: '1' })], resources: { requests: { cpu: '2' } } };
    const status: PodResourcesStatus = { resources: { requests: { cpu: '4' } }, allocatedResources: { cpu: '3' } };
    expect(effectiveRequests(whole, status)).toEqual({ cpu: 4_000 });
    expect(effectiveRequests({ containers: [asks({ cpu: '1' })] }, status)).toEqual({ cpu: 1_000 });
  });
});
