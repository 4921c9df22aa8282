/** Devices of dynamic resource allocation, from the objects of the API server to the room of the ledger. */
import { describe, expect, test } from '@jest/globals';

import { ClusterCache } from '../../../../../src/cluster/kubernetes/cache/cluster-cache.js';
import {
  claimTemplateView,
  claimView,
  deviceClassView,
  type RawClaim,
  sliceView,
} from '../../../../../src/cluster/kubernetes/cache/device-views.js';
import { podView } from '../../../../../src/cluster/kubernetes/cache/pod-view.js';
import { nodeView } from '../../../../../src/cluster/kubernetes/cache/views.js';
import type { PodNeeds } from '../../../../../src/domain/index.js';
import { FakeClock } from '../../../../kit/clock.js';
import { rawNode, strangerPod, teacherPod } from '../../../../kit/kubernetes-objects.js';
import { roomOn } from '../../../../kit/ledger.js';

const driver = 'gpu.example.com';
const meta = (name: string) => ({ name, namespace: 'default', uid: `u-${name}`, resourceVersion: '1' });
const sliceOf = (node: string, devices: number, generation = 1, name = `${node}-${String(generation)}`) =>
  sliceView({
    metadata: meta(name),
    spec: {
      driver,
      nodeName: node,
      pool: { name: node, generation },
      devices: Array.from({ length: devices }, () => ({})),
    },
  });
const requests = (count: number, className = driver) => ({
  devices: { requests: [{ exactly: { deviceClassName: className, count } }] },
});
const claimOf = (name: string, node: string | null, devices: readonly string[] = []) =>
  claimView({
    metadata: meta(name),
    spec: requests(devices.length),
    status:
      node === null
        ? {}
        : { allocation: { devices: { results: devices.map((device) => ({ driver, pool: node, device })) } } },
  });
const classOf = (name: string, expression: string) =>
  deviceClassView({ metadata: meta(name), spec: { selectors: [{ cel: { expression } }] } });

const needing = (amounts: PodNeeds['requests']): PodNeeds => {
  return { nodeSelector: {}, requiredTerms: null, tolerations: [], requests: amounts };
};
const aDevice = needing({ [`dra/${driver}`]: 1_000 });
const aGpu = needing({ 'nvidia.com/gpu': 1_000 });

/** Two nodes with two devices each, and two GPUs of a device plugin beside them. */
function cluster({ listed = true } = {}) {
  const cache = new ClusterCache(new FakeClock());
  const { devices } = cache;
  for (const name of ['a', 'b']) {
    const allocatable = { cpu: '16', memory: '64Gi', pods: '110', 'nvidia.com/gpu': '2' };
    cache.onNode(null, nodeView(rawNode(name, { allocatable })));
    devices.onSlice(null, sliceOf(name, 2));
  }
  devices.onClass(null, classOf(driver, `device.driver == '${driver}'`));
  for (const count of [1, 2]) {
    devices.onTemplate(
      null,
      claimTemplateView({ metadata: meta(`of-${String(count)}`), spec: { spec: requests(count) } }),
    );
  }
  if (listed) for (const kind of ['slices', 'claims', 'classes', 'templates'] as const) devices.listed(kind);
  const room = (needs = aDevice): number => roomOn(cache.slots().placement, needs, 100);
  return { cache, devices, room };
}

describe('the devices of a node', () => {
  test('are those of its slices', () => {
    const { room } = cluster();
    expect(room()).toBe(4);
    expect(room(needing({ [`dra/${driver}`]: 2_000 }))).toBe(2);
    expect(room(needing({ [`dra/${driver}`]: 3_000 }))).toBe(0);
  });

  test('are those of the newest generation of a pool, without tainted ones', () => {
    const { devices, room } = cluster();
    devices.onSlice(null, sliceOf('a', 1, 2));
    expect(room()).toBe(3);
    devices.onSlice(sliceOf('a', 1, 2), null);
    expect(room()).toBe(4);
    const tainted = [{ taints: [{ effect: 'NoSchedule' }] }, { taints: [{ effect: 'None' }] }, {}];
    const spec = { driver, nodeName: 'b', pool: { name: 'more' }, devices: tainted };
    devices.onSlice(null, sliceView({ metadata: meta('more'), spec }));
    expect(room()).toBe(6);
  });

  test('outlive a node that comes back, and go with their slices', () => {
    const { cache, devices, room } = cluster();
    const node = nodeView(rawNode('a', { allocatable: { cpu: '16', pods: '110' } }));
    cache.onNode(node, null);
    expect(room()).toBe(2);
    cache.onNode(null, node);
    expect(room()).toBe(4);
    devices.onSlice(sliceOf('a', 2), null);
    expect(room()).toBe(2);
  });
});

describe('an allocated claim', () => {
  test('takes its devices until it is deallocated, also before its slices are known', () => {
    const { devices, room } = cluster();
    const claim = claimOf('one', 'a', ['gpu-0']);
    devices.onClaim(null, claim);
    expect(room()).toBe(3);
    devices.onSlice(sliceOf('a', 2), null);
    devices.onSlice(null, sliceOf('a', 2));
    expect(room()).toBe(3);
    devices.onClaim(claim, claimOf('one', null));
    expect(room()).toBe(4);
  });

  test('takes a device that several of its requests share once, and none by the access of an administrator', () => {
    const { devices, room } = cluster();
    devices.onClaim(null, claimOf('shared', 'a', ['gpu-0', 'gpu-0']));
    expect(room()).toBe(3);
    const raw: RawClaim = {
      metadata: meta('monitor'),
      spec: {},
      status: { allocation: { devices: { results: [{ driver, pool: 'b', device: 'gpu-0', adminAccess: true }] } } },
    };
    devices.onClaim(null, claimView(raw));
    expect(room()).toBe(3);
  });

  test('leaves the other accelerators of its node to others', () => {
    const { cache, devices, room } = cluster();
    devices.onClaim(null, claimOf('one', 'a', ['gpu-0']));
    const { raw } = strangerPod('claimant').on('a');
    cache.onPod(null, podView({ ...raw, spec: { ...raw.spec, resourceClaims: [{ resourceClaimName: 'one' }] } }));
    expect(room(aGpu)).toBe(4);
  });

  test('gives up its node where devices cannot be listed', () => {
    const { cache, room } = cluster({ listed: false });
    const { raw } = strangerPod('claimant').on('a');
    cache.onPod(null, podView({ ...raw, spec: { ...raw.spec, resourceClaims: [{ resourceClaimName: 'one' }] } }));
    expect(room(aGpu)).toBe(2);
  });
});

describe('a pod', () => {
  test('requests the devices of its claims, by template or by name', () => {
    const { devices } = cluster();
    devices.onClaim(null, claimView({ metadata: meta('mine'), spec: requests(3) }));
    const asked = (template: string | null, claim: string | null) =>
      devices.requestsOf('default', [{ template, claim }]);
    expect(asked('of-2', null)).toEqual({ [`dra/${driver}`]: 2_000 });
    expect(asked(null, 'mine')).toEqual({ [`dra/${driver}`]: 3_000 });
    expect(asked('unknown', null)).toEqual({});
    expect(devices.requestsOf('elsewhere', [{ template: 'of-2', claim: null }])).toEqual({});
  });

  test('that waits for devices counts as one that waits for slots of their driver', () => {
    const { cache } = cluster();
    const { raw } = strangerPod('urgent');
    const claims = [{ resourceClaimTemplateName: 'of-2' }];
    cache.onPod(null, podView({ ...raw, spec: { ...raw.spec, resourceClaims: claims } }));
    expect(cache.slots().pendingPods).toMatchObject([{ slots: { [`dra/${driver}`]: 2 } }]);
  });

  test('that is a teacher holds the devices of its template, whichever of them is listed first', () => {
    const { cache, devices } = cluster();
    cache.onJob({ namespace: 'default', name: 'mnist', uid: 'u-1' });
    const { raw } = teacherPod('gpu-0').on('a').ready();
    const claims = [{ resourceClaimTemplateName: 'late' }];
    cache.onPod(null, podView({ ...raw, spec: { ...raw.spec, resourceClaims: claims } }));
    const held = () => cache.slots().teachersOf('u-1')[0]?.requests[`dra/${driver}`];
    expect(held()).toBeUndefined();
    devices.onTemplate(null, claimTemplateView({ metadata: meta('late'), spec: { spec: requests(2) } }));
    expect(held()).toBe(2_000);
  });

  test('of a class that names no driver requests devices that no node has', () => {
    const { devices, room } = cluster();
    devices.onClass(null, classOf('fast', 'device.attributes["x"].speed > 3'));
    devices.onTemplate(null, claimTemplateView({ metadata: meta('fast'), spec: { spec: requests(1, 'fast') } }));
    const amounts = devices.requestsOf('default', [{ template: 'fast', claim: null }]);
    expect(amounts).toEqual({ 'dra/?fast': 1_000 });
    expect(room(needing(amounts))).toBe(0);
  });
});

describe('an extended resource that DRA serves', () => {
  const served = 'example.com/gpu';
  const asking = needing({ [served]: 1_000 });
  const mapped = () =>
    deviceClassView({
      metadata: meta(driver),
      spec: { selectors: [{ cel: { expression: `device.driver == '${driver}'` } }], extendedResourceName: served },
    });

  test('is as free as the devices of its class, whenever the class comes and goes', () => {
    const { devices, room } = cluster();
    devices.onClaim(null, claimOf('one', 'a', ['gpu-0']));
    expect(room(asking)).toBe(0);
    devices.onClass(classOf(driver, `device.driver == '${driver}'`), mapped());
    expect([room(asking), room(), room(aGpu)]).toEqual([3, 3, 4]);
    devices.onClass(mapped(), classOf(driver, `device.driver == '${driver}'`));
    expect([room(asking), room()]).toEqual([0, 3]);
  });

  test('is counted once: by the claim that the scheduler makes for the pod', () => {
    const { cache, devices, room } = cluster();
    devices.onClass(null, mapped());
    const { raw } = strangerPod('served')
      .asking({ [served]: '1' })
      .on('a');
    cache.onPod(null, podView(raw));
    expect(room(asking)).toBe(3);
    const extendedResourceClaimStatus = { requestMappings: [{ resourceName: served }] };
    cache.onPod(podView(raw), podView({ ...raw, status: { ...raw.status, extendedResourceClaimStatus } }));
    devices.onClaim(null, claimOf('made', 'a', ['gpu-0']));
    expect(room(asking)).toBe(3);
  });
});

test.each([
  [`device.driver == "${driver}"`, driver],
  [`device.driver == '${driver}' && device.attributes["${driver}"].type == "gpu"`, driver],
  [`device.attributes["a"].b == "device.driver == 'c'"`, null],
  [`device.driver == "a" || device.driver == "b"`, null],
  [`device.driver != "${driver}"`, null],
])('the driver of a class that selects by %s is known only where it must be that one', (expression, want) => {
  expect(classOf('c', expression).driver).toBe(want);
});
