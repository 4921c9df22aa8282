/**
 * Nodes that may be passed over: a chain from each node to the next one that is still open. Walking it shortens it for
 * whoever comes next (path halving, as in disjoint sets), so that closed nodes cost nothing in the long run.
 */
export type OpenNodes = Int32Array;

/** All are open. */
export function openNodes(count: number): OpenNodes {
  return Int32Array.from({ length: count }, (_, at) => at);
}

/** The first open node at or behind this one; the count of nodes when there is none. */
export function firstOpen(nodes: OpenNodes, from: number): number {
  let at = from;
  for (let next = nodes[at]; next !== undefined && next !== at; next = nodes[at]) {
    nodes[at] = nodes[next] ?? next;
    at = next;
  }
  return at;
}

export function close(nodes: OpenNodes, at: number): void {
  nodes[at] = at + 1;
}
