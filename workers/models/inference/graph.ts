/**
 * Checks the topology of a tfjs graph model before tfjs reads it, and reads what the executor does not say: types and shapes
 * of inputs and outputs, and the operator that ends each output. Pure.
 *
 * Invariants of what passes:
 *  graph/G1 Every node has a name of its own, and every input of a node is a node of the same graph: the executor would
 *     stop at the first one that is not, without a sentence.
 *  graph/G2 The executor computes every operator, and every constant has a weight.
 */
import { isJsonObject } from '@distillery/base';
import { z } from 'zod';

import type { AxisSize } from '../../inputs/index.js';
import { embeddingRows } from './embedding-rows.js';
import { dynamicOperators, graphOperators } from './graph-operators.js';
import type { ModelJson } from './tfjs-files.js';

/** What is wrong with a graph; the caller knows the file. */
export interface GraphFault {
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
}

/** One input or output of the signature. */
export interface GraphEnd {
  /** As TensorFlow writes it: "DT_FLOAT"; "" = the model does not say. */
  readonly dtype: string;
  /** null = the model does not say. */
  readonly shape: readonly AxisSize[] | null;
  /** Of what the graph captured itself, such as a table of words. */
  readonly isResource: boolean;
}

export interface Graph {
  readonly inputs: ReadonlyMap<string, GraphEnd>;
  readonly outputs: ReadonlyMap<string, GraphEnd & { readonly operator: string | null }>;
  /** How many ids each input knows that selects from a table, by the name in the signature or of the node. */
  readonly ids: ReadonlyMap<string, number>;
  /** Whether the executor finds its way while it computes. */
  readonly isDynamic: boolean;
}

const maxNodes = 100_000;

const nodeSchema = z.looseObject({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()).optional(),
  attr: z.record(z.string(), z.unknown()).nullish(),
});
type Node = z.infer<typeof nodeSchema>;
const functionSchema = z.looseObject({
  signature: z.looseObject({
    name: z.string(),
    inputArg: z.array(z.looseObject({ name: z.string() })).optional(),
    outputArg: z.array(z.looseObject({ name: z.string() })).optional(),
  }),
  nodeDef: z.array(nodeSchema).max(maxNodes).optional(),
});
const topologySchema = z.looseObject({
  node: z.array(nodeSchema).min(1).max(maxNodes),
  library: z.looseObject({ function: z.array(functionSchema).optional() }).nullish(),
});
const endSchema = z.looseObject({
  name: z.string(),
  dtype: z.union([z.string(), z.number()]).optional(),
  tensorShape: z
    .looseObject({
      dim: z.array(z.looseObject({ size: z.union([z.string(), z.number()]).optional() })).optional(),
      unknownRank: z.boolean().optional(),
    })
    .optional(),
  resourceId: z.unknown().optional(),
});
const signatureSchema = z.looseObject({
  inputs: z.record(z.string(), endSchema).optional(),
  outputs: z.record(z.string(), endSchema).optional(),
});

/** @returns the graph, or what is wrong with it */
export function readGraph(json: ModelJson): Graph | GraphFault {
  const parsed = topologySchema.safeParse(json.modelTopology);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      found: `modelTopology.${issue?.path.join('.') ?? ''} that is wrong (${issue?.message ?? 'unknown reason'})`,
      expected: 'the nodes of a graph',
      remedy: 'convert the model again',
    };
  }
  const { node: nodes, library } = parsed.data;
  const functions = library?.function ?? [];
  const fault =
    faultOfNodes(nodes, new Set()) ??
    functions
      .map(({ nodeDef = [], signature }) => faultOfNodes(nodeDef, new Set(signature.inputArg?.map(({ name }) => name))))
      .find((found) => found !== null) ??
    faultOfOperators([...nodes, ...functions.flatMap(({ nodeDef = [] }) => nodeDef)]) ??
    faultOfConstants(nodes, json);
  if (fault !== null) return fault;
  return endsOf(nodes, json, [...nodes, ...functions.flatMap(({ nodeDef = [] }) => nodeDef)]);
}

/** graph/G1. @param given names that are not nodes: the arguments of a function */
function faultOfNodes(nodes: readonly Node[], given: ReadonlySet<string>): GraphFault | null {
  const names = new Set(given);
  for (const { name } of nodes) {
    if (names.has(name) || name in {}) {
      return {
        found: `${names.has(name) ? 'two nodes' : 'a node'} of the name ${shown(name)}`,
        expected: 'a name of its own for each node',
        remedy: 'convert the model again',
      };
    }
    names.add(name);
  }
  for (const { name, input = [] } of nodes) {
    const stray = input.map(nodeNameOf).find((wanted) => !names.has(wanted));
    if (stray === undefined) continue;
    return {
      found: `a node ${shown(name)} whose input ${shown(stray)} is no node`,
      expected: 'a node of the graph',
      remedy: 'convert the model again',
    };
  }
  return null;
}

const maxNamed = 8;

/** graph/G2 */
function faultOfOperators(nodes: readonly Node[]): GraphFault | null {
  const unknown = [...new Set(nodes.map(({ op }) => op).filter((op) => !graphOperators.has(op)))].map(shown);
  if (unknown.length === 0) return null;
  const [some, more] = [unknown.slice(0, maxNamed).join(', '), unknown.length - maxNamed];
  return {
    found: `${unknown.length === 1 ? 'the operator' : 'operators'} ${some}${more > 0 ? ` and ${String(more)} more` : ''}`,
    expected: 'operators that tfjs computes',
    remedy: 'convert the original to ONNX with tf2onnx (teacher.model.format: onnx)',
  };
}

/** graph/G2 */
function faultOfConstants(nodes: readonly Node[], json: ModelJson): GraphFault | null {
  const weights = new Set(json.weightsManifest.flatMap((group) => group.weights.map(({ name }) => name)));
  const missing = nodes.find(({ op, name }) => op === 'Const' && !weights.has(name));
  if (missing === undefined) return null;
  return {
    found: `no weight for the constant ${shown(missing.name)}`,
    expected: 'a weight for each constant',
    remedy: 'copy the model.json again: it is cut off, or belongs to other weights',
  };
}

function endsOf(nodes: readonly Node[], json: ModelJson, all: readonly Node[]): Graph | GraphFault {
  const metadata = isJsonObject(json.userDefinedMetadata) ? json.userDefinedMetadata : {};
  const signature = signatureSchema.safeParse(metadata.signature ?? json.signature ?? {});
  if (!signature.success) {
    return {
      found: 'a signature that is wrong',
      expected: 'inputs and outputs with their names',
      remedy: 'convert the model again',
    };
  }
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const { inputs = {}, outputs = {} } = signature.data;
  const stray = Object.entries({ ...inputs, ...outputs }).find(([, { name }]) => !byName.has(nodeNameOf(name)));
  if (stray !== undefined) {
    return {
      found: `an input or output ${shown(stray[0])} of the signature that is no node`,
      expected: 'a node of the graph',
      remedy: 'convert the model again',
    };
  }
  return {
    inputs: new Map(Object.entries(inputs).map(([name, end]) => [name, endOf(end)])),
    outputs: new Map(
      Object.entries(outputs).map(([name, end]) => [
        name,
        { ...endOf(end), operator: closing(byName, nodeNameOf(end.name)) },
      ]),
    ),
    ids: idsOf(nodes, inputs, json),
    isDynamic: all.some(({ op }) => dynamicOperators.has(op)),
  };
}

function idsOf(
  nodes: readonly Node[],
  inputs: Readonly<Record<string, { readonly name: string }>>,
  { weightsManifest }: ModelJson,
): ReadonlyMap<string, number> {
  const placeholders = nodes.filter(({ op }) => op.startsWith('Placeholder')).map(({ name }) => name);
  const rows = embeddingRows({
    inputs: placeholders,
    operators: nodes.map(({ op, name, input = [] }) => ({ op, inputs: input.map(nodeNameOf), outputs: [name] })),
    rows: new Map(
      weightsManifest.flatMap(({ weights }) => weights.map(({ name, shape: [size = 0] }) => [name, size] as const)),
    ),
  });
  const keys = new Map(Object.entries(inputs).map(([key, { name }]) => [nodeNameOf(name), key]));
  return new Map([...rows].map(([name, size]) => [keys.get(name) ?? name, size]));
}

function endOf({ dtype, tensorShape, resourceId }: z.infer<typeof endSchema>): GraphEnd {
  const dims = tensorShape === undefined || tensorShape.unknownRank === true ? null : (tensorShape.dim ?? []);
  return {
    dtype: dtype === undefined ? '' : String(dtype),
    shape: dims?.map(({ size }) => sizeOf(size)) ?? null,
    isResource: resourceId !== undefined && resourceId !== null,
  };
}

function sizeOf(size: string | number | undefined): AxisSize {
  const value = Number(size ?? -1);
  return Number.isSafeInteger(value) && value > 0 ? value : null;
}

/** They hand on what another operator computed. */
const transparent: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Squeeze', 'Reshape', 'StopGradient']);
const maxHops = 8;

/** The operator that computes a node, as ONNX names it. */
function closing(nodes: ReadonlyMap<string, Node>, name: string, hops = 0): string | null {
  const node = nodes.get(name);
  if (node === undefined) return null;
  const [first] = node.input ?? [];
  if (transparent.has(node.op) && first !== undefined && hops < maxHops) {
    return closing(nodes, nodeNameOf(first), hops + 1);
  }
  // A sigmoid may be fused with the product before it: its name is in the last of the fused operators.
  return lastFused(node) ?? node.op;
}

function lastFused({ attr }: Node): string | null {
  const fused = attr?.fused_ops;
  const list = isJsonObject(fused) && isJsonObject(fused.list) ? fused.list.s : undefined;
  const last: unknown = Array.isArray(list) ? list.at(-1) : undefined;
  return typeof last === 'string' ? Buffer.from(last, 'base64').toString('latin1') : null;
}

/** "^node" waits for a node, "node:1" and "node:output:1" are one of its outputs. */
function nodeNameOf(input: string): string {
  return (input.startsWith('^') ? input.slice(1) : input).split(':')[0] ?? '';
}

/** A name out of the file, safe to print. */
function shown(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}"]/gu, ' ').slice(0, 80);
}
