/**
 * The part of a SavedModel that outputs need, checked before TensorFlow sees anything of it: every operator is on our list,
 * and nothing calls itself.
 *
 * Invariant: the library gets the nodes and functions that are returned here and no others (compose.ts).
 */
import { functionsOf } from './attributes.js';
import { saveAgain, SavedModelError, shown } from './errors.js';
import type { GraphFunction, GraphNode, MetaGraph } from './meta-graph.js';
import { savedModelOperators } from './operators.js';
import { nodeIn, nodeNameIn } from './scope.js';

export interface Reach {
  /** In an order in which each follows those it needs, as far as the graph has no loop. */
  readonly nodes: readonly GraphNode[];
  readonly functions: readonly GraphFunction[];
}

/** Of the graph: what `wanted` ("node:0") needs, without what the inputs themselves would need. */
export function nodesFor(graph: MetaGraph, wanted: readonly string[], inputs: ReadonlySet<string>): GraphNode[] {
  const found = new Map<string, GraphNode>();
  const waiting = wanted.map(nodeNameIn);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    const node = nodeIn(graph, name);
    found.set(name, node);
    if (!inputs.has(name)) waiting.push(...node.inputs.map(nodeNameIn));
  }
  // In the order of the file, so that the same model always gives the same function.
  return [...graph.nodes.values()].filter(({ name }) => found.has(name));
}

/** @param inputs nodes that values are given for @throws SavedModelError */
export function checkedReach(graph: MetaGraph, wanted: readonly string[], inputs: ReadonlySet<string>): Reach {
  const nodes = nodesFor(graph, wanted, inputs);
  const own = nodes.filter(({ name }) => !inputs.has(name));
  const missing = own.find(({ op }) => op === 'Placeholder');
  if (missing !== undefined) {
    const found = `an input ${shown(missing.name)} that the signature does not name`;
    throw new SavedModelError({ found, expected: 'a signature with all inputs', remedy: saveAgain });
  }
  const functions = functionsFor(graph, own);
  checkOperators([...own, ...functions.flatMap((each) => [...each.nodes.values()])]);
  return { nodes, functions };
}

const maxDepth = 200;

/** All functions that nodes name, and those that these name. */
function functionsFor(graph: MetaGraph, nodes: readonly GraphNode[]): readonly GraphFunction[] {
  const found = new Map<string, GraphFunction>();
  const open = new Set<string>();
  const visit = (name: string): void => {
    if (open.has(name) || open.size > maxDepth) {
      const found = open.has(name) ? `a function ${shown(name)} that calls itself` : 'functions that call without end';
      throw new SavedModelError({ found, expected: 'functions that end', remedy: saveAgain });
    }
    if (found.has(name)) return;
    const called = graph.functions.get(name);
    if (called === undefined) {
      const found = `a call of ${shown(name)}, which is not in the file`;
      throw new SavedModelError({ found, expected: 'a function of the file', remedy: saveAgain });
    }
    open.add(name);
    for (const node of called.nodes.values()) functionsOf(node).forEach(visit);
    open.delete(name);
    found.set(name, called);
  };
  for (const node of nodes) functionsOf(node).forEach(visit);
  return [...found.values()];
}

const maxNamed = 8;

function checkOperators(nodes: readonly GraphNode[]): void {
  const refused = [...new Set(nodes.map(({ op }) => op).filter((op) => !savedModelOperators.has(op)))].map(shown);
  if (refused.length === 0) return;
  const more = refused.length > maxNamed ? ` and ${String(refused.length - maxNamed)} more` : '';
  const names = `${refused.slice(0, maxNamed).join(', ')}${more}`;
  throw new SavedModelError({
    found: `${refused.length === 1 ? 'the operator' : 'operators'} ${names}`,
    expected: 'operators that compute the same answer from the same samples, and touch neither files nor programs',
    remedy: 'save a signature without them, or convert the model to ONNX with tf2onnx (teacher.model.format: onnx)',
  });
}
