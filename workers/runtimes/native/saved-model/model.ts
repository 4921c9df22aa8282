/** What a saved_model.pb says of the signature that a job means. Pure. */
import { checkedReach, nodesFor, type Reach } from './reach.js';
import { type MetaGraph, readMetaGraph, understood } from './meta-graph.js';
import { idsOf, inputsOf, outputsOf, signatureOf, type SignatureInput, type SignatureOutput } from './signature.js';
import { storedNames } from './stored-names.js';

export interface SavedModelFile {
  readonly graph: MetaGraph;
  readonly inputs: readonly SignatureInput[];
  readonly outputs: readonly SignatureOutput[];
  /** Nodes of the variables that the outputs read, with the names of their values in `variables/`. */
  readonly variables: ReadonlyMap<string, string>;
}

/** @param wanted the signature; absent = serving_default, or the only one @throws SavedModelError */
export function readSavedModel(bytes: Uint8Array, wanted: string | undefined): SavedModelFile {
  const graph = readMetaGraph(bytes);
  return understood(() => {
    const signature = signatureOf(graph, wanted);
    const inputs = inputsOf(graph, signature);
    const outputs = outputsOf(graph, signature);
    const nodes = new Set(inputs.map(({ node }) => node));
    const tensors = outputs.filter(({ isFloat }) => isFloat).map(({ tensor }) => tensor);
    const variables = nodesFor(graph, tensors, nodes).filter(({ op }) => op === 'VarHandleOp');
    const names = variables.length === 0 ? new Map<string, string>() : storedNames(graph);
    const ids = idsOf(graph, tensors, nodes);
    return {
      graph,
      inputs: inputs.map((input) => {
        const known = ids.get(input.node);
        return known === undefined ? input : { ...input, ids: known };
      }),
      outputs,
      // A variable that nothing restores has no value of this name, either.
      variables: new Map(variables.map(({ name }) => [name, names.get(name) ?? name])),
    };
  });
}

/** What one output needs, its operators checked. @throws SavedModelError */
export function reachOf({ graph, inputs, variables }: SavedModelFile, { tensor }: SignatureOutput): Reach {
  const given = new Set([...variables.keys(), ...inputs.map(({ node }) => node)]);
  return understood(() => checkedReach(graph, [tensor], given));
}
