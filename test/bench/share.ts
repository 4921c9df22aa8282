/**
 * Time of one share over all jobs on a placement of plain nodes: the algorithm alone. The ledger bench measures the
 * ledger's own placement.
 */
import { randomFrom } from '@distillery/base';

import { type JobRequest, allocate, type AllocationInput, type Teacher } from '../../src/domain/allocation/index.js';
import { type TestNeeds, type TestNode, placementOn } from '../kit/placement.js';
import { jobRequest, pendingPod, oneGpu } from '../kit/allocation.js';

import type { BenchTable } from './table.js';
import { timed, timesOf } from './timed.js';

const slotsPerNode = 8;
const warmUps = 5;
const repetitions = 50;

interface Case {
  readonly name: string;
  readonly jobs: number;
  readonly nodes: number;
  /** Share of the slots that teachers already hold. */
  readonly held: number;
  readonly neighbors: number;
  /** The teachers of different jobs have different requests. */
  readonly kinds: number;
  readonly namespaces: number;
}

const cases: readonly Case[] = [
  { name: 'empty cluster', jobs: 1_000, nodes: 5_000, held: 0, neighbors: 0, kinds: 1, namespaces: 1 },
  { name: 'full, at rest', jobs: 1_000, nodes: 5_000, held: 1, neighbors: 0, kinds: 1, namespaces: 1 },
  { name: 'full, 500 neighbors', jobs: 1_000, nodes: 5_000, held: 1, neighbors: 500, kinds: 1, namespaces: 1 },
  { name: 'empty, 50 kinds of teachers', jobs: 1_000, nodes: 5_000, held: 0, neighbors: 0, kinds: 50, namespaces: 1 },
  {
    name: 'half full, 50 kinds, 500 neighbors',
    jobs: 1_000,
    nodes: 5_000,
    held: 0.5,
    neighbors: 500,
    kinds: 50,
    namespaces: 1,
  },
  { name: 'full, 100 namespaces', jobs: 1_000, nodes: 5_000, held: 1, neighbors: 0, kinds: 1, namespaces: 100 },
  { name: 'small', jobs: 10, nodes: 50, held: 0.5, neighbors: 2, kinds: 1, namespaces: 1 },
];

export function shareBench(say: (line: string) => void): Promise<BenchTable> {
  const rows = cases.map((given) => {
    say(`${given.name}: ${String(given.jobs)} jobs on ${String(given.nodes)} nodes`);
    return measured(given);
  });
  return Promise.resolve({
    name: 'share',
    goal: 'well under 100 ms for 1,000 jobs on 5,000 nodes',
    better: { 'median cpu ms': 'less' },
    rows,
  });
}

function measured(given: Case): BenchTable['rows'][number] {
  const input = inputOf(given);
  let teachers = 0;
  const times = timed(
    () => {
      const { grants } = allocate(input);
      teachers = [...grants.values()].flat().reduce((sum, { due }) => sum + due, 0);
    },
    repetitions,
    warmUps,
  );
  return {
    case: given.name,
    jobs: given.jobs,
    nodes: given.nodes,
    slots: given.nodes * slotsPerNode,
    neighbors: given.neighbors,
    teachers,
    ...timesOf(times),
  };
}

/** Demands and weights differ; the demands add up to twice the slots. */
function inputOf({ jobs, nodes, held, neighbors, kinds, namespaces }: Case): AllocationInput<TestNeeds> {
  const random = randomFrom(6);
  const cluster = Array.from({ length: nodes }, (_, index): TestNode => ({
    name: `n${String(index).padStart(5, '0')}`,
    gpu: slotsPerNode,
    cpu: 64,
  }));
  const placement = placementOn(cluster);
  const needs = Array.from({ length: kinds }, (_, index): TestNeeds => ({ ...oneGpu, cpu: 1 + index / 100 }));
  const fair = Math.floor((nodes * slotsPerNode * held) / jobs);
  const claims = Array.from({ length: jobs }, (_, index): JobRequest<TestNeeds> => {
    const kind = needs[index % kinds] ?? oneGpu;
    const teachers = Array.from({ length: fair }, (_, number): Teacher<TestNeeds> => ({
      name: `j${String(index)}-${String(number)}`,
      node: placement.place(kind),
      needs: kind,
      ready: true,
      coLocatedSlots: 0,
      samplesPerSecond: 100 + 50 * random.unit(),
      createdAtMs: number,
    }));
    const wanted = Math.ceil((4 * nodes * slotsPerNode * random.unit()) / jobs);
    const weight = 1 + Math.floor(3 * random.unit());
    return jobRequest(`j${String(index).padStart(4, '0')}`, wanted, {
      namespace: `team-${String(index % namespaces)}`,
      weight,
      teachers,
      needs: kind,
      maxReplicas: wanted,
    });
  });
  return {
    jobs: claims,
    pendingPods: Array.from({ length: neighbors }, (_, index) => pendingPod(`w${String(index)}`)),
    leaving: [],
    supply: { 'nvidia.com/gpu': { freeSlots: nodes * slotsPerNode, reserveSlots: Math.floor(nodes / 10) } },
    placement,
  };
}
