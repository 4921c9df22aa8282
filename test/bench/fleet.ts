/**
 * One share as the operator makes it: from the cache of all nodes and pods, over the claims of all jobs, to who is told what.
 * Nothing of it is a double, but for the objects, which no API server told.
 */
import { randomFrom } from '@distillery/base';

import { ClusterCache, nodeView, podView } from '../../src/cluster/kubernetes/index.js';
import {
  amountsOf,
  allocationInput,
  type JobRequest,
  type PodNeeds,
  type CurrentTeacher,
  allocate,
} from '../../src/domain/index.js';
import { FakeClock } from '../kit/clock.js';
import { rawNode, strangerPod, teacherPod } from '../kit/kubernetes-objects.js';

import type { BenchTable } from './table.js';
import { timed, timesOf } from './timed.js';

const slotsPerNode = 8;
const warmUps = 3;
const repetitions = 30;
const resource = 'nvidia.com/gpu';
const requests = { cpu: '1', memory: '512Mi', [resource]: '1' };
const allocatable = { cpu: '64', memory: '512Gi', pods: '110', [resource]: String(slotsPerNode) };
/** One object for all: their pools ask alike. */
const needs: PodNeeds = { requests: amountsOf(requests), nodeSelector: {}, requiredTerms: null, tolerations: [] };

interface Case {
  readonly name: string;
  readonly jobs: number;
  readonly nodes: number;
  /** Share of the slots that teachers hold … */
  readonly teachers: number;
  /** … and that others do, one each. */
  readonly others: number;
}

const cases: readonly Case[] = [
  { name: 'full of teachers', jobs: 1_000, nodes: 5_000, teachers: 1, others: 0 },
  { name: 'half others, a quarter teachers', jobs: 1_000, nodes: 5_000, teachers: 0.25, others: 0.5 },
  { name: 'small', jobs: 10, nodes: 50, teachers: 0.5, others: 0.25 },
];

export function fleetBench(say: (line: string) => void): Promise<BenchTable> {
  const rows = cases.map((given) => {
    say(`${given.name}: ${String(given.jobs)} jobs on ${String(given.nodes)} nodes`);
    return measured(given);
  });
  return Promise.resolve({
    name: 'fleet',
    goal: 'one share under 100 ms for 1,000 jobs, 5,000 nodes, 40,000 pods',
    rows,
  });
}

function measured(given: Case): BenchTable['rows'][number] {
  const { jobs, nodes, teachers, others } = given;
  const clock = new FakeClock(0);
  const cache = new ClusterCache(clock);
  for (let index = 0; index < nodes; index++) {
    cache.onNode(null, nodeView(rawNode(nodeName(index), { allocatable })));
  }
  const slots = nodes * slotsPerNode;
  const held = Math.floor(slots * teachers);
  const strange = Math.floor(slots * others);
  // Teachers from the front, others from the back.
  for (let at = 0; at < held; at++) {
    const pod = teacherPod(`gpu-${String(at)}`, `u-${String(at % jobs)}`).asking(requests);
    cache.onPod(null, podView(pod.on(nodeName(Math.floor(at / slotsPerNode))).ready().raw));
  }
  for (let at = 0; at < strange; at++) {
    const node = nodeName(nodes - 1 - Math.floor(at / slotsPerNode));
    cache.onPod(
      null,
      podView(
        strangerPod(`web-${String(at)}`)
          .asking(requests)
          .on(node)
          .ready().raw,
      ),
    );
  }
  const random = randomFrom(6);
  const now = cache.slots();
  const claims = Array.from({ length: jobs }, (_, index) => {
    const uid = `u-${String(index)}`;
    return claimed(uid, now.teachersOf(uid), Math.ceil((4 * slots * random.unit()) / jobs), 1 + (index % 3));
  });
  let granted = 0;
  const times = timed(
    () => {
      granted = shared(cache, claims);
    },
    repetitions,
    warmUps,
  );
  return {
    case: given.name,
    jobs,
    nodes,
    pods: held + strange,
    'slots granted': granted,
    ...timesOf(times),
  };
}

/** As `Fleet` makes it. @returns slots that were granted */
function shared(cache: ClusterCache, claims: readonly JobRequest<PodNeeds>[]): number {
  const { grants } = allocate(
    allocationInput(claims, cache.slots(), { reserve: { [resource]: { percent: 1 } }, namespaceWeights: {} }),
  );
  let slots = 0;
  for (const [grant] of grants.values()) slots += grant?.slots ?? 0;
  return slots;
}

function claimed(
  uid: string,
  teachers: readonly CurrentTeacher[],
  wanted: number,
  weight: number,
): JobRequest<PodNeeds> {
  const known = teachers.map(({ name, node, ready, createdAtMs }, at) => {
    return { name, node, needs, ready, coLocatedSlots: 0, createdAtMs, samplesPerSecond: 900 + (at % 7) };
  });
  const bounds = { minReplicas: 0, keepReplicas: 0, maxReplicas: wanted, unitsPerReplica: 1 };
  const pool = { name: 'gpu', needs, resource, slotsPerReplica: 1, ...bounds, teachers: known };
  return { uid, namespace: 'default', weight, wanted, maxReplicas: wanted, pools: [pool] };
}

function nodeName(index: number): string {
  return `node-${String(index).padStart(5, '0')}`;
}
