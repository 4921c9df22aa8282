/** A placement on plain nodes, for tests and benchmarks of allocation: slots, cores and zones, and nothing else. */
import type { Placement } from '../../src/domain/index.js';

export interface TestNode {
  readonly name: string;
  readonly gpu: number;
  readonly cpu: number;
  readonly zone?: string;
}

export interface TestNeeds {
  readonly gpu: number;
  readonly cpu: number;
  /** undefined = any. */
  readonly zone?: string | undefined;
}

/** The first node by name that has room. */
export function placementOn(nodes: readonly TestNode[]): Placement<TestNeeds> {
  const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
  return open(
    sorted,
    new Map(sorted.map(({ name }, index) => [name, index])),
    Float64Array.from(sorted, ({ gpu }) => gpu),
    Float64Array.from(sorted, ({ cpu }) => cpu),
  );
}

function open(
  nodes: readonly TestNode[],
  indices: ReadonlyMap<string, number>,
  gpus: Float64Array,
  cpus: Float64Array,
): Placement<TestNeeds> {
  /** By kind: no node before this one has room. */
  const cursors = new Map<TestNeeds, number>();
  const holds = (index: number, { gpu, cpu, zone }: TestNeeds): boolean =>
    (gpu === 0 || gpus[index]! >= gpu) &&
    (cpu === 0 || cpus[index]! >= cpu) &&
    (zone === undefined || zone === nodes[index]!.zone);
  const book = (node: string, { gpu, cpu }: TestNeeds, times: 1 | -1): void => {
    const index = indices.get(node);
    if (index === undefined) return;
    gpus[index]! -= times * gpu;
    cpus[index]! -= times * cpu;
  };
  return {
    place(needs) {
      let index = cursors.get(needs) ?? 0;
      while (index < nodes.length && !holds(index, needs)) index++;
      cursors.set(needs, index);
      const node = nodes[index];
      if (node === undefined) return null;
      book(node.name, needs, 1);
      return node.name;
    },
    placeOn(node, needs) {
      const index = indices.get(node);
      if (index === undefined || !holds(index, needs)) return false;
      book(node, needs, 1);
      return true;
    },
    add: (node, needs) => book(node, needs, 1),
    remove(node, needs) {
      book(node, needs, -1);
      cursors.clear();
    },
    fork: () => open(nodes, indices, gpus.slice(), cpus.slice()),
  };
}
