/** A model of ONNX as data, before it is bytes: the parts of onnx.proto3 that the export needs. */

export type ElementType = 'float32' | 'int32' | 'int64';

/** An attribute of a node; `ints` and `float` say which of ONNX's types a number has. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly texts: readonly string[] };

export interface OnnxNode {
  readonly name: string;
  readonly operator: string;
  /** An empty name leaves an optional input out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A constant of the graph. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Row-major, as many values as the shape says, in pieces: each is used before the next is asked for. */
  readonly values: () => Iterable<Float32Array | BigInt64Array>;
}

/** An input or output of the graph; its batch axis comes first and has any size. */
export interface GraphEnd {
  readonly name: string;
  readonly type: ElementType;
  /** Without the batch axis. */
  readonly shape: readonly number[];
}

export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly GraphEnd[];
  readonly outputs: readonly GraphEnd[];
  /** Key and value, in the order in which they are written. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
}
