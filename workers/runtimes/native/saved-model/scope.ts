/**
 * Where a value of a graph comes from, through the calls of functions: a variable is a node of the graph, and what reads it is
 * in a function of a function. Pure.
 */
import { calledBy } from './attributes.js';
import { saveAgain, SavedModelError, shown } from './errors.js';
import type { GraphNode, MetaGraph } from './meta-graph.js';

/** The graph, or one call of a function. */
export interface Scope {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  /** What the arguments of the function are, in the scope of the call. */
  readonly given: ReadonlyMap<string, { readonly scope: Scope; readonly input: string }>;
  readonly depth: number;
}

export interface Origin {
  readonly scope: Scope;
  readonly node: GraphNode;
  /** Of the node's outputs. */
  readonly output: number;
}

/** Calls inside calls; those of a SavedModel are 2 or 3 deep. */
const maxDepth = 64;
const maxHops = 10_000;
const calls: ReadonlySet<string> = new Set(['PartitionedCall', 'StatefulPartitionedCall']);
/** It hands on the value of its first input. */
export const passing: ReadonlySet<string> = new Set(['Identity']);

export function mainScope({ nodes }: MetaGraph): Scope {
  return { nodes, given: new Map(), depth: 0 };
}

/** "node" of "node", "node:1", "node:output:1" and "^node". */
export function nodeNameIn(input: string): string {
  return (input.startsWith('^') ? input.slice(1) : input).split(':')[0] ?? '';
}

/** Number of the output: that of a call, or of a list of outputs. */
export function outputIn(input: string): number {
  const parts = input.split(':');
  return parts.length === 1 ? 0 : Number(parts.at(-1));
}

export function nodeIn({ nodes }: Pick<Scope, 'nodes'>, name: string): GraphNode {
  const node = nodes.get(name);
  if (node !== undefined) return node;
  const found = `an operator whose input ${shown(name)} is none`;
  throw new SavedModelError({ found, expected: 'an operator of the graph', remedy: saveAgain });
}

/** The scope inside a call; null where a node calls no function. */
export function scopeOfCall(graph: MetaGraph, scope: Scope, node: GraphNode): Scope | null {
  if (!calls.has(node.op)) return null;
  const called = graph.functions.get(calledBy(node));
  if (called === undefined) return null;
  if (scope.depth >= maxDepth) {
    const found = `calls of functions more than ${String(maxDepth)} deep`;
    throw new SavedModelError({ found, expected: 'fewer', remedy: saveAgain });
  }
  const data = node.inputs.filter((input) => !input.startsWith('^'));
  const given = called.arguments.map((name, at) => [name, { scope, input: data[at] ?? '' }] as const);
  return { nodes: called.nodes, given: new Map(given), depth: scope.depth + 1 };
}

/**
 * @param through operators that hand on the value of their first input
 * @throws SavedModelError
 */
export function originOf(graph: MetaGraph, from: Scope, input: string, through: ReadonlySet<string> = passing): Origin {
  let [scope, at] = [from, input];
  for (let hops = 0; hops < maxHops; hops++) {
    const name = nodeNameIn(at);
    const argument = scope.given.get(name);
    if (argument !== undefined) {
      [scope, at] = [argument.scope, argument.input];
      continue;
    }
    const node = nodeIn(scope, name);
    const [first] = node.inputs;
    const inner = scopeOfCall(graph, scope, node);
    const result = inner === null ? undefined : graph.functions.get(calledBy(node))?.results[outputIn(at)];
    if (inner !== null && result !== undefined) [scope, at] = [inner, result];
    else if (through.has(node.op) && first !== undefined) at = first;
    else return { scope, node, output: outputIn(at) };
  }
  throw new SavedModelError({ found: 'a graph whose values have no end', expected: 'a graph', remedy: saveAgain });
}
