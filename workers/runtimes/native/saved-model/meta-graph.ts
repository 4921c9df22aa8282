/**
 * What a saved_model.pb says (tensorflow/core/protobuf/saved_model.proto): the nodes of its graph, its functions and its
 * signatures. Pure; attributes stay bytes.
 *
 * Invariant: the work and the objects that are made are bounded by the length of the file and by `maxNodes`.
 */
import type { BinaryReader } from '@bufbuild/protobuf/wire';

import type { AxisSize } from '../../../inputs/index.js';
import { eachField } from '../proto.js';
import { saveAgain, SavedModelError, shown } from './errors.js';

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  /** "node" or "node:1" of a graph, "argument" or "node:output:1" in a function, "^node" for a node that is waited for. */
  readonly inputs: readonly string[];
  /** AttrValues by name. */
  readonly attributes: ReadonlyMap<string, Uint8Array>;
}

export interface GraphFunction {
  readonly name: string;
  /** An OpDef. */
  readonly signature: Uint8Array;
  readonly arguments: readonly string[];
  /** What each result is, in the order of the results. */
  readonly results: readonly string[];
  readonly nodes: ReadonlyMap<string, GraphNode>;
  /** Entries of the field `ret`. */
  readonly returned: readonly Uint8Array[];
}

/** An input or output of a signature. */
export interface SignatureEnd {
  /** "node:0"; empty for what is no plain tensor. */
  readonly tensor: string;
  /** A TF_DataType. */
  readonly type: number;
  /** Null = unknown. */
  readonly shape: readonly AxisSize[] | null;
}

export interface Signature {
  readonly inputs: ReadonlyMap<string, SignatureEnd>;
  readonly outputs: ReadonlyMap<string, SignatureEnd>;
}

export interface MetaGraph {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly functions: ReadonlyMap<string, GraphFunction>;
  readonly signatures: ReadonlyMap<string, Signature>;
  /** The node that restores the variables; empty = none. */
  readonly restore: string;
}

/** Of a graph and its functions together. */
const maxNodes = 1_000_000;
/** The tag of graphs that answer. */
const serving = 'serve';

/** @throws SavedModelError */
export function readMetaGraph(bytes: Uint8Array): MetaGraph {
  return understood(() => {
    if (bytes.length === 0) throw notSavedModel();
    const graphs = messagesOf(bytes, 2);
    const found = graphs.find((graph) => tagsOf(graph).has(serving));
    if (found !== undefined) return metaGraphOf(found);
    const tags = graphs.map((graph) => shown([...tagsOf(graph)].join('+'))).join(', ');
    if (tags === '') throw notSavedModel();
    throw new SavedModelError({
      found: `graphs for ${tags}`,
      expected: `a graph with the tag ${serving}`,
      remedy: saveAgain,
    });
  });
}

/**
 * What `read` returns.
 * @throws SavedModelError also for bytes that are no message where one is expected: the reader throws several types
 */
export function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw cause instanceof SavedModelError ? cause : notSavedModel(cause);
  }
}

function notSavedModel(cause?: unknown): SavedModelError {
  return new SavedModelError(
    {
      found: 'a file that is cut off, or no SavedModel',
      expected: 'the saved_model.pb of a SavedModel',
      remedy: 'copy the file again, or check teacher.model.uri and format',
    },
    cause === undefined ? undefined : { cause },
  );
}

function metaGraphOf(bytes: Uint8Array): MetaGraph {
  let graph: Uint8Array = new Uint8Array();
  let saver: Uint8Array = new Uint8Array();
  const signatures = new Map<string, Signature>();
  eachField(bytes, (field, reader) => {
    if (field === 2) graph = reader.bytes();
    else if (field === 3) saver = reader.bytes();
    else if (field === 5) {
      const [name, value] = entryOf(reader.bytes());
      signatures.set(name, { inputs: endsOf(value, 1), outputs: endsOf(value, 2) });
    } else return false;
    return true;
  });
  const counter = new NodeCounter();
  const functions = messagesOf(graph, 2)
    .flatMap((library) => messagesOf(library, 1))
    .map((bytes) => functionOf(bytes, counter));
  return {
    nodes: counter.byName(messagesOf(graph, 1).map(nodeOf)),
    functions: new Map(functions.map((each) => [each.name, each])),
    signatures,
    restore: textOf(saver, 3),
  };
}

/** Names of nodes are keys of maps: twice the same would hide one from the checks. */
class NodeCounter {
  #count = 0;

  byName(nodes: readonly GraphNode[]): ReadonlyMap<string, GraphNode> {
    this.#count += nodes.length;
    if (this.#count > maxNodes) {
      const found = `a graph of more than ${String(maxNodes)} operators`;
      throw new SavedModelError({ found, expected: 'fewer', remedy: 'use a smaller model, or convert it to ONNX' });
    }
    const named = new Map(nodes.map((node) => [node.name, node]));
    if (named.size === nodes.length) return named;
    const expected = 'a name of its own for each node';
    throw new SavedModelError({ found: 'two nodes of the same name', expected, remedy: saveAgain });
  }
}

function tagsOf(metaGraph: Uint8Array): ReadonlySet<string> {
  const tags = new Set<string>();
  for (const info of messagesOf(metaGraph, 1)) {
    eachField(info, (field, reader) => {
      if (field !== 4) return false;
      tags.add(reader.string());
      return true;
    });
  }
  return tags;
}

function nodeOf(bytes: Uint8Array): GraphNode {
  let [name, op] = ['', ''];
  const inputs: string[] = [];
  const attributes = new Map<string, Uint8Array>();
  eachField(bytes, (field, reader) => {
    if (field === 1) name = reader.string();
    else if (field === 2) op = reader.string();
    else if (field === 3) inputs.push(reader.string());
    else if (field === 5) attributes.set(...entryOf(reader.bytes()));
    else return false;
    return true;
  });
  return { name, op, inputs, attributes };
}

function functionOf(bytes: Uint8Array, counter: NodeCounter): GraphFunction {
  let signature: Uint8Array = new Uint8Array();
  const nodes: GraphNode[] = [];
  const returned: Uint8Array[] = [];
  eachField(bytes, (field, reader) => {
    if (field === 1) signature = reader.bytes();
    else if (field === 3) nodes.push(nodeOf(reader.bytes()));
    else if (field === 4) returned.push(reader.bytes());
    else return false;
    return true;
  });
  const values = new Map(returned.map((entry): [string, string] => [textOf(entry, 1), textOf(entry, 2)]));
  const names = (field: number): string[] => messagesOf(signature, field).map((argument) => textOf(argument, 1));
  return {
    name: textOf(signature, 1),
    signature,
    arguments: names(2),
    results: names(3).map((name) => values.get(name) ?? ''),
    nodes: counter.byName(nodes),
    returned,
  };
}

/** A map of TensorInfos. */
function endsOf(signature: Uint8Array, field: number): ReadonlyMap<string, SignatureEnd> {
  const ends = messagesOf(signature, field).map((entry): [string, SignatureEnd] => {
    const [name, value] = entryOf(entry);
    return [name, endOf(value)];
  });
  // The file has them in any order.
  return new Map(ends.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function endOf(bytes: Uint8Array): SignatureEnd {
  let [tensor, type] = ['', 0];
  let shape: readonly AxisSize[] | null = [];
  eachField(bytes, (field, reader) => {
    if (field === 1) tensor = reader.string();
    else if (field === 2) type = reader.int32();
    else if (field === 3) shape = shapeOf(reader.bytes());
    else return false;
    return true;
  });
  return { tensor, type, shape };
}

/** A TensorShapeProto; null = of unknown rank. */
export function shapeOf(bytes: Uint8Array): readonly AxisSize[] | null {
  const axes: AxisSize[] = [];
  let isUnknown = false as boolean;
  eachField(bytes, (field, reader) => {
    if (field === 2) axes.push(sizeOf(reader.bytes()));
    else if (field === 3) isUnknown = reader.bool();
    else return false;
    return true;
  });
  return isUnknown ? null : axes;
}

function sizeOf(axis: Uint8Array): AxisSize {
  let size = 0;
  eachField(axis, (field, reader) => {
    if (field !== 1) return false;
    size = Number(reader.int64());
    return true;
  });
  return size >= 0 && Number.isSafeInteger(size) ? size : null;
}

/** The messages of one field. */
export function messagesOf(bytes: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  eachField(bytes, (field, reader) => {
    if (field !== wanted) return false;
    found.push(reader.bytes());
    return true;
  });
  return found;
}

/** The last value of a field of text; empty where there is none. */
export function textOf(bytes: Uint8Array, wanted: number): string {
  let found = '';
  eachField(bytes, (field, reader: BinaryReader) => {
    if (field !== wanted) return false;
    found = reader.string();
    return true;
  });
  return found;
}

/** Key and value of a map's entry. */
function entryOf(bytes: Uint8Array): [string, Uint8Array] {
  return [textOf(bytes, 1), messagesOf(bytes, 2).at(-1) ?? new Uint8Array()];
}
