/** What a share draws on: kept up to date pod by pod, it is what would be counted from the pods that are there. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { ClusterCache, nodeView, podView } from '../../../src/cluster/kubernetes/index.js';
import type { PodView } from '../../../src/cluster/kubernetes/cache/pod-view.js';
import { FakeClock } from '../../kit/clock.js';
import { type PodMaker, rawNode, strangerPod, teacherPod } from '../../kit/kubernetes-objects.js';

const resource = 'nvidia.com/gpu';
const nodes = ['a', 'b', 'c'];
const jobs = ['u-1', 'u-2'];
const allocatable = { cpu: '16', memory: '64Gi', pods: '110', [resource]: '4' };

const stageArbitrary = fc.constantFrom('Waiting', 'Bound', 'Ready', 'Terminating', 'Ended', 'Gone');
const reportArbitrary = fc.record({
  job: fc.constantFrom(...jobs, null),
  index: fc.nat({ max: 4 }),
  node: fc.constantFrom(...nodes),
  gpus: fc.constantFrom(0, 1, 2),
  stage: stageArbitrary,
});

type Report = typeof reportArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** null = it is gone. */
function podOf({ job, index, node, gpus, stage }: Report): PodMaker | null {
  const pod = job === null ? strangerPod(`web-${String(index)}`) : teacherPod(`gpu-${String(index)}`, job);
  const asking = pod.asking({ cpu: '1', [resource]: String(gpus) });
  switch (stage) {
    case 'Waiting':
      return asking;
    case 'Bound':
      return asking.bound(node);
    case 'Ready':
      return asking.on(node).ready();
    case 'Terminating':
      return asking.on(node).ready().terminating();
    case 'Ended':
      return asking.on(node).ended({ exitCode: 1 });
    case 'Gone':
      return null;
  }
}

function cacheOf(): ClusterCache {
  const cache = new ClusterCache(new FakeClock());
  for (const name of nodes) cache.onNode(null, nodeView(rawNode(name, { allocatable })));
  return cache;
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** Everything that an allocation reads, in an order that does not depend on the order of events. */
function read(cache: ClusterCache): unknown {
  const { teachersOf, coLocatedSlots, leaving, pendingPods, supplyOf } = cache.slots();
  return {
    teachers: jobs.map((uid) => [...teachersOf(uid)].sort(byText)),
    others: nodes.map((node) => [coLocatedSlots(node, resource), coLocatedSlots(node, 'cpu')]),
    leaving: [...leaving].sort(byText),
    pendingPods: [...pendingPods].sort(byText),
    supply: [supplyOf(resource), supplyOf('cpu')],
  };
}

describe('the slots that a share draws on', () => {
  test('do not depend on what pods were before', () => {
    fc.assert(
      fc.property(fc.array(reportArbitrary, { maxLength: 40 }), (reports) => {
        const updated = cacheOf();
        const there = new Map<string, PodView>();
        for (const report of reports) {
          const uid = `${report.job ?? ''} ${String(report.index)}`;
          const before = there.get(uid) ?? null;
          const pod = podOf(report);
          const after = pod === null ? null : podView(pod.raw);
          if (after === null) there.delete(uid);
          else there.set(uid, after);
          updated.onPod(before, after);
        }
        const rebuilt = cacheOf();
        for (const pod of there.values()) rebuilt.onPod(null, pod);
        expect(read(updated)).toEqual(read(rebuilt));
      }),
      { numRuns: 500 },
    );
  });
});
