/** Which operator computes each output of an ONNX model: a softmax or sigmoid at its end is recognized by it. Pure. */
import { fieldsOf, textOf } from './protobuf.js';

/** Numbers of the fields in onnx.proto3. */
const graphField = 7;
const nodeFields = { node: 1, input: 1, output: 2, operator: 4 } as const;
/** They hand on what another operator computed. */
const transparent: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Squeeze', 'Flatten', 'Reshape']);
const maxHops = 8;

/**
 * @param bytes a file that onnxruntime has opened
 * @returns the operator, by the name of the value it computes: outputs of the model are among them
 */
export function closingOperators(bytes: Uint8Array): ReadonlyMap<string, string> {
  const nodes = new Map<string, { readonly operator: string; readonly input: string | undefined }>();
  for (const graph of fieldsOf(bytes, 0, bytes.length)) {
    if (graph.number !== graphField) continue;
    for (const node of fieldsOf(bytes, graph.start, graph.end)) {
      if (node.number !== nodeFields.node) continue;
      let operator = '';
      let input: string | undefined;
      const outputs: string[] = [];
      for (const field of fieldsOf(bytes, node.start, node.end)) {
        if (field.number === nodeFields.operator) operator = textOf(bytes, field);
        if (field.number === nodeFields.input) input ??= textOf(bytes, field);
        if (field.number === nodeFields.output) outputs.push(textOf(bytes, field));
      }
      for (const output of outputs) nodes.set(output, { operator, input });
    }
  }
  const closing = (name: string, hops: number): string => {
    const node = nodes.get(name);
    if (node === undefined) return '';
    const goesOn = transparent.has(node.operator) && hops < maxHops;
    return goesOn && node.input !== undefined ? closing(node.input, hops + 1) : node.operator;
  };
  return new Map([...nodes.keys()].map((name) => [name, closing(name, 0)]));
}
