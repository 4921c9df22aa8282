/** The operators of an ONNX file's main graph, and the rows of its constants; no weight is read. Pure. */
import type { Operator, OperatorGraph } from './embedding-rows.js';
import { type Field, fieldsOf, textOf, wireTypes } from './protobuf.js';

/** Numbers of the fields in onnx.proto3. */
const graphField = 7;
const graphFields = { node: 1, weight: 5 } as const;
const nodeFields = { input: 1, output: 2, operator: 4 } as const;
const tensorFields = { dims: 1, name: 8 } as const;

/**
 * @param bytes a file that onnxruntime has opened
 * @param inputs names of the model's inputs
 */
export function onnxGraph(bytes: Uint8Array, inputs: readonly string[]): OperatorGraph {
  const operators: Operator[] = [];
  const rows = new Map<string, number>();
  for (const graph of fieldsOf(bytes, 0, bytes.length)) {
    if (graph.number !== graphField) continue;
    for (const field of fieldsOf(bytes, graph.start, graph.end)) {
      if (field.number === graphFields.node) operators.push(operatorOf(bytes, field));
      if (field.number === graphFields.weight) {
        const [name, size] = rowsOf(bytes, field);
        if (size !== null) rows.set(name, size);
      }
    }
  }
  return { inputs, operators, rows };
}

function operatorOf(bytes: Uint8Array, node: Field): Operator {
  let op = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  for (const field of fieldsOf(bytes, node.start, node.end)) {
    if (field.number === nodeFields.operator) op = textOf(bytes, field);
    if (field.number === nodeFields.input) inputs.push(textOf(bytes, field));
    if (field.number === nodeFields.output) outputs.push(textOf(bytes, field));
  }
  return { op, inputs, outputs };
}

/** Name and first axis of a weight; writers pack its dimensions into one field, or give each its own. */
function rowsOf(bytes: Uint8Array, tensor: Field): readonly [string, number | null] {
  let name = '';
  let size: number | null = null;
  for (const field of fieldsOf(bytes, tensor.start, tensor.end)) {
    if (field.number === tensorFields.name) name = textOf(bytes, field);
    if (field.number === tensorFields.dims && size === null) {
      size = field.wire === wireTypes.varint ? field.value : firstVarint(bytes, field);
    }
  }
  return [name, size];
}

function firstVarint(bytes: Uint8Array, { start, end }: Field): number {
  let value = 0;
  let scale = 1;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
    scale *= 128;
  }
  return value;
}
