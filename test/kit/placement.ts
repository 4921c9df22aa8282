/** A board of plain nodes for tests and benchmarks of the share: slots and cores, zones, and nothing else. */
import type { Board } from '../../src/domain/allocation/index.js';

export interface BoardNode {
  readonly name: string;
  readonly gpu: number;
  readonly cpu: number;
  readonly zone?: string;
}

export interface BoardNeeds {
  readonly gpu: number;
  readonly cpu: number;
  /** undefined = any. */
  readonly zone?: string | undefined;
}

/** The first node by name that has room. */
export function boardOf(nodes: readonly BoardNode[]): Board<BoardNeeds> {
  const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
  return draft(
    sorted,
    new Map(sorted.map(({ name }, index) => [name, index])),
    Float64Array.from(sorted, ({ gpu }) => gpu),
    Float64Array.from(sorted, ({ cpu }) => cpu),
  );
}

function draft(
  nodes: readonly BoardNode[],
  indices: ReadonlyMap<string, number>,
  gpus: Float64Array,
  cpus: Float64Array,
): Board<BoardNeeds> {
  /** Before these no node holds one more of a kind. */
  const cursors = new Map<BoardNeeds, number>();
  const holds = (index: number, { gpu, cpu, zone }: BoardNeeds): boolean =>
    (gpu === 0 || gpus[index]! >= gpu) &&
    (cpu === 0 || cpus[index]! >= cpu) &&
    (zone === undefined || zone === nodes[index]!.zone);
  const book = (node: string, { gpu, cpu }: BoardNeeds, times: 1 | -1): void => {
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
    take: (node, needs) => book(node, needs, 1),
    release(node, needs) {
      book(node, needs, -1);
      cursors.clear();
    },
    fork: () => draft(nodes, indices, gpus.slice(), cpus.slice()),
  };
}
