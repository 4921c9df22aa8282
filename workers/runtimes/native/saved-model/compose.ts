/**
 * The checked part of a SavedModel as functions of TensorFlow: one for an output of the signature, and those of the file that
 * it calls. Pure. Places of devices, settings of sessions and hints of other programs are left out.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

import { encodeFunction, type FunctionNode } from '../function-def.js';
import type { OpArgument, OpDefinition } from '../op-list.js';
import { integerOf, typesIn, withFunctions } from './attributes.js';
import { SavedModelError, shown } from './errors.js';
import { type GraphFunction, type GraphNode, messagesOf } from './meta-graph.js';
import type { Reach } from './reach.js';
import { nodeNameIn, outputIn } from './scope.js';

export interface Composed {
  readonly name: string;
  /** FunctionDefs, the output's own last: it calls the others. */
  readonly definitions: readonly Uint8Array[];
  /** Of all of them. */
  readonly names: readonly string[];
}

/** An argument of the function: a variable, or an input of the signature. */
export interface ComposedInput {
  readonly node: string;
  /** A TF_DataType. */
  readonly type: number;
}

export interface ComposedOutput {
  /** "node:0" */
  readonly tensor: string;
  readonly type: number;
}

/**
 * @param prefix of the names of all functions; no two models may share one
 * @throws SavedModelError for an operator that this TensorFlow does not have
 */
export function composed(
  { nodes, functions }: Reach,
  inputs: readonly ComposedInput[],
  output: ComposedOutput,
  definitions: ReadonlyMap<string, OpDefinition>,
  prefix: string,
): Composed {
  const given = new Map(inputs.map(({ node }, at) => [node, `a${String(at)}`]));
  const own = nodes.filter(({ name }) => !given.has(name));
  const numbers = new Map(own.map(({ name }, at) => [name, `n${String(at)}`]));
  const makers = new Map(own.map((node) => [node.name, node]));
  const named = (input: string): string => {
    const argument = given.get(nodeNameIn(input));
    if (argument !== undefined) return argument;
    const node = makers.get(nodeNameIn(input));
    if (node === undefined) throw new TypeError('compose: an operator that was not reached');
    const number = numbers.get(node.name) ?? '';
    return input.startsWith('^') ? `^${number}` : `${number}:${outputName(node, outputIn(input), definitions)}`;
  };
  const renamed = (name: string): string => prefix + name;
  const name = `${prefix}answer`;
  const main = encodeFunction({
    name,
    inputs: inputs.map(({ type }, at) => ({ name: `a${String(at)}`, type })),
    outputs: [{ name: 'r0', type: output.type, value: named(output.tensor) }],
    nodes: own.map((node): FunctionNode => {
      // What waits for an argument waits for nothing.
      const inputs = node.inputs.filter((input) => !input.startsWith('^') || !given.has(nodeNameIn(input))).map(named);
      return { name: numbers.get(node.name) ?? '', op: node.op, inputs, attributes: attributesOf(node, renamed) };
    }),
  });
  return {
    name,
    definitions: [...functions.map((each) => functionBytes(each, renamed)), main],
    names: [...functions.map((each) => renamed(each.name)), name],
  };
}

/** Hints of TensorFlow's own graphs that decide how, and not what, is computed; all others with "_" are left out. */
const keptHints: ReadonlySet<string> = new Set(['_lower_using_switch_merge', '_num_original_outputs']);
/** Settings of other sessions, in calls of functions. */
const dropped: ReadonlySet<string> = new Set(['config', 'config_proto', 'executor_type']);

function attributesOf(
  { attributes }: GraphNode,
  renamed: (name: string) => string,
): { readonly name: string; readonly encoded: Uint8Array }[] {
  return [...attributes]
    .filter(([name]) => !dropped.has(name) && (!name.startsWith('_') || keptHints.has(name)))
    .map(([name, value]) => ({ name, encoded: withFunctions(value, renamed) }));
}

/** "output:1", as functions name what graphs only count. */
function outputName(node: GraphNode, output: number, definitions: ReadonlyMap<string, OpDefinition>): string {
  let left = output;
  for (const argument of definitionOf(node, definitions).outputs) {
    const count = countOf(node, argument);
    if (left < count) return `${argument.name}:${String(left)}`;
    left -= count;
  }
  const found = `output ${String(output)} of the operator ${shown(node.name)}, which has fewer`;
  throw new SavedModelError({ found, expected: 'an output that it has', remedy: 'save the model again' });
}

function definitionOf({ op }: GraphNode, definitions: ReadonlyMap<string, OpDefinition>): OpDefinition {
  const definition = definitions.get(op);
  if (definition !== undefined) return definition;
  const remedy = 'save the model with the TensorFlow that `npm run native` has, or convert it to ONNX with tf2onnx';
  throw new SavedModelError({ found: `the operator ${op}`, expected: 'one of this TensorFlow', remedy });
}

function countOf(node: GraphNode, { numberAttribute, typeListAttribute }: OpArgument): number {
  if (typeListAttribute !== '') return typesIn(node, typeListAttribute);
  return numberAttribute === '' ? 1 : integerOf(node, numberAttribute);
}

/** A function of the file, in its own words but for the names of functions. */
function functionBytes(
  { name, signature, nodes, returned }: GraphFunction,
  renamed: (name: string) => string,
): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).bytes(signatureBytes(signature, renamed(name)));
  for (const node of nodes.values()) {
    const inner = new BinaryWriter();
    inner.tag(1, WireType.LengthDelimited).string(node.name).tag(2, WireType.LengthDelimited).string(node.op);
    for (const input of node.inputs) inner.tag(3, WireType.LengthDelimited).string(input);
    for (const { name, encoded } of attributesOf(node, renamed)) {
      const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name);
      inner.tag(5, WireType.LengthDelimited).bytes(entry.tag(2, WireType.LengthDelimited).bytes(encoded).finish());
    }
    writer.tag(3, WireType.LengthDelimited).bytes(inner.finish());
  }
  for (const entry of returned) writer.tag(4, WireType.LengthDelimited).bytes(entry);
  return writer.finish();
}

/** An OpDef with its arguments and results alone; nothing waits for what has no result. */
function signatureBytes(signature: Uint8Array, name: string): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name);
  for (const field of [2, 3]) {
    for (const argument of messagesOf(signature, field)) writer.tag(field, WireType.LengthDelimited).bytes(argument);
  }
  return writer.finish();
}
