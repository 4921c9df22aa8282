/**
 * Under which name the files of a SavedModel hold each variable. Only the graph that restores them says so: it is read and
 * never run, since it opens files. Pure.
 */
import { textsIn } from './attributes.js';
import { SavedModelError, shown } from './errors.js';
import type { GraphNode, MetaGraph } from './meta-graph.js';
import { mainScope, nodeIn, nodeNameIn, originOf, type Scope, scopeOfCall } from './scope.js';

/** @returns names of values by the nodes of their variables @throws SavedModelError */
export function storedNames(graph: MetaGraph): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  if (graph.restore === '') return names;
  const main = mainScope(graph);
  const waiting: { readonly scope: Scope; readonly node: GraphNode }[] = [];
  const seen = new Set<string>();
  const see = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    waiting.push({ scope: main, node: nodeIn(main, name) });
  };
  see(nodeNameIn(graph.restore));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { scope, node } = next;
    if (node.op === 'AssignVariableOp') note(graph, scope, node, names);
    const inner = scope === main ? scopeOfCall(graph, scope, node) : null;
    if (inner !== null) for (const each of inner.nodes.values()) waiting.push({ scope: inner, node: each });
    if (scope === main) for (const input of node.inputs) see(nodeNameIn(input));
  }
  return names;
}

function note(graph: MetaGraph, scope: Scope, { inputs: [to, from] }: GraphNode, names: Map<string, string>): void {
  if (to === undefined || from === undefined) return;
  const [variable, value] = [originOf(graph, scope, to), originOf(graph, scope, from)];
  if (variable.node.op !== 'VarHandleOp' || value.node.op !== 'RestoreV2') return;
  const texts = (input: number): readonly string[] => {
    const { node } = originOf(graph, value.scope, value.node.inputs[input] ?? '');
    return node.op === 'Const' ? textsIn(node, 'value') : [];
  };
  const [all, slices] = [texts(1), texts(2)];
  const name = all[value.output] ?? all.at(-1);
  const slice = slices[value.output] ?? slices.at(-1) ?? '';
  if (name === undefined) return;
  if (slice !== '') {
    throw new SavedModelError({
      found: `a variable ${shown(variable.node.name)} that is stored in slices`,
      expected: 'whole variables',
      remedy: 'save the model again without partitioned variables',
    });
  }
  names.set(variable.node.name, name);
}
