/** The teacher as an ONNX file: ids of words in, one logit a class out. Pure. */
import { encodeModel } from '../../dist/workers/models/export-onnx/encode.js';
import { Graph } from '../../dist/workers/models/export-onnx/graph.js';

import type { LinearModel } from './linear.ts';

/** Against a division by zero, for a text without a known word. */
const leastLength = 1e-6;

/**
 * Input `input_ids` int64 [N, tokens], output `logits` float32 [N, classes]. Counts the words of each text in a row of all
 * words, and weighs them as `tfIdf` does.
 * @param tokens of a text; shorter ones are filled with words that have no weight
 */
export function linearOnnx({ idf, weights, bias }: LinearModel, tokens: number): Uint8Array {
  const [words, classes] = [idf.length, bias.length];
  const graph = new Graph();
  const node = graph.node.bind(graph, 'teacher');
  const ids = graph.name('input_ids');
  const rows = node('Shape', [ids], { start: { int: 0 }, end: { int: 1 } });
  const counts = node(
    'ScatterElements',
    [
      node('Expand', [graph.float(0), node('Concat', [rows, graph.ints([words])], { axis: { int: 0 } })]),
      ids,
      node('Expand', [graph.float(1), node('Shape', [ids])]),
    ],
    { axis: { int: 1 }, reduction: { text: 'add' } },
  );
  const logarithms = node('Log', [node('Add', [counts, graph.float(1)])]);
  const weighted = node('Mul', [logarithms, graph.weight('idf', [words], () => [idf])]);
  const length = node('ReduceL2', [weighted], { axes: { ints: [1] }, keepdims: { int: 1 } });
  const vector = node('Div', [weighted, node('Max', [length, graph.float(leastLength)])]);
  const product = node('MatMul', [vector, graph.weight('weights', [words, classes], () => [weights])]);
  const logits = node('Add', [product, graph.weight('bias', [classes], () => [bias])]);
  const end = { name: 'logits', type: 'float32', shape: [classes] } as const;
  return encodeModel({
    name: 'topics',
    nodes: graph.nodesWith({ ...end, name: logits }, end.name),
    initializers: graph.initializers,
    inputs: [{ name: ids, type: 'int64', shape: [tokens] }],
    outputs: [end],
    metadata: [],
  });
}
