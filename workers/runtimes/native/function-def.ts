/** A FunctionDef as bytes (tensorflow/core/framework/function.proto): recorded ops as one function. Pure. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { kinds, type OpAttribute, types } from './addon.js';

export interface FunctionArgument {
  readonly name: string;
  /** One of `types`. */
  readonly type: number;
}

export interface FunctionNode {
  readonly name: string;
  readonly op: string;
  /** `argument`, or `node:output:index`; at the end `^node` for those that come before it. */
  readonly inputs: readonly string[];
  readonly attributes: readonly NodeAttribute[];
}

/** `encoded` is an AttrValue. */
export type NodeAttribute =
  | OpAttribute
  | { readonly name: string; readonly constant: Constant }
  | { readonly name: string; readonly encoded: Uint8Array };

export interface Constant {
  readonly type: number;
  readonly shape: readonly number[];
  /** Of all values; or of one of type float32 that is that of all. */
  readonly bytes: Uint8Array;
}

const bytesOfFloat = 4;

/** The constant in its shortest form: tfjs makes megabytes of ones to multiply with. The result shares no memory with it. */
export function shortest({ type, shape, bytes }: Constant): Constant {
  const isShort = type === types.float32 && bytes.length > bytesOfFloat && isRepeated(bytes);
  return { type, shape: [...shape], bytes: isShort ? bytes.slice(0, bytesOfFloat) : bytes.slice() };
}

/** Compared by bits, so that a zero keeps its sign. */
function isRepeated(bytes: Uint8Array): boolean {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = words.getUint32(0);
  for (let at = bytesOfFloat; at < bytes.length; at += bytesOfFloat) if (words.getUint32(at) !== first) return false;
  return true;
}

/** How many a tensor of this shape has. */
export function valuesIn(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}

/** All values of a constant of type float32. */
export function floatsOf({ shape, bytes }: Constant): Float32Array {
  const values = new Float32Array(bytes.slice().buffer);
  const length = valuesIn(shape);
  return values.length === length ? values : new Float32Array(length).fill(values[0] ?? NaN);
}

export interface FunctionDefinition {
  readonly name: string;
  readonly inputs: readonly FunctionArgument[];
  /** `value` is written as inputs of nodes are. */
  readonly outputs: readonly (FunctionArgument & { readonly value: string })[];
  readonly nodes: readonly FunctionNode[];
  /** Names of nodes that run although no output needs them. */
  readonly effects?: readonly string[];
}

/** @param type one of `types` */
export function dtypeOf(type: number): OpAttribute {
  return { name: 'dtype', type: kinds.type, value: type };
}

/** Its output is `name:output:0`. */
export function constantNode(name: string, constant: Constant): FunctionNode {
  return { name, op: 'Const', inputs: [], attributes: [dtypeOf(constant.type), { name: 'value', constant }] };
}

export function encodeFunction({ name, inputs, outputs, nodes, effects = [] }: FunctionDefinition): Uint8Array {
  const writer = new BinaryWriter();
  message(writer, 1, (signature) => {
    text(signature, 1, name);
    for (const argument of inputs) message(signature, 2, (inner) => writeArgument(inner, argument));
    for (const argument of outputs) message(signature, 3, (inner) => writeArgument(inner, argument));
    for (const node of effects) text(signature, 20, node);
  });
  for (const node of nodes) message(writer, 3, (inner) => writeNode(inner, node));
  for (const { name: key, value } of outputs) {
    message(writer, 4, (entry) => {
      text(entry, 1, key);
      text(entry, 2, value);
    });
  }
  for (const node of effects) {
    message(writer, 6, (entry) => {
      text(entry, 1, node);
      text(entry, 2, node);
    });
  }
  return writer.finish();
}

function writeArgument(writer: BinaryWriter, { name, type }: FunctionArgument): void {
  text(writer, 1, name);
  writer.tag(3, WireType.Varint).int32(type);
}

function writeNode(writer: BinaryWriter, { name, op, inputs, attributes }: FunctionNode): void {
  text(writer, 1, name);
  text(writer, 2, op);
  for (const input of inputs) text(writer, 3, input);
  for (const attribute of attributes) {
    message(writer, 5, (entry) => {
      text(entry, 1, attribute.name);
      if ('encoded' in attribute) {
        entry.tag(2, WireType.LengthDelimited).bytes(attribute.encoded);
        return;
      }
      message(entry, 2, (value) => {
        if ('constant' in attribute) message(value, 8, (tensor) => writeTensor(tensor, attribute.constant));
        else writeValue(value, attribute);
      });
    });
  }
}

/** An AttrValue. */
function writeValue(writer: BinaryWriter, { name, type, value }: OpAttribute): void {
  if (type === kinds.shape && Array.isArray(value)) {
    message(writer, 7, (shape) => writeShape(shape, value as readonly number[]));
  } else if (Array.isArray(value)) {
    message(writer, 1, (list) => {
      for (const one of value as readonly (number | boolean)[]) writeOne(list, name, type, one);
    });
  } else {
    writeOne(writer, name, type, value as string | number | boolean);
  }
}

/** The fields of an AttrValue and of its lists have the same numbers. */
function writeOne(writer: BinaryWriter, name: string, type: number, value: string | number | boolean): void {
  if (type === kinds.string) text(writer, 2, String(value));
  else if (type === kinds.int) writer.tag(3, WireType.Varint).int64(Number(value));
  else if (type === kinds.float) writer.tag(4, WireType.Bit32).float(Number(value));
  else if (type === kinds.bool) writer.tag(5, WireType.Varint).bool(Boolean(value));
  else if (type === kinds.type) writer.tag(6, WireType.Varint).int32(Number(value));
  else throw new Error(`attribute ${name}: found kind ${String(type)}, which has no place in a function`);
}

/** A TensorProto. */
function writeTensor(writer: BinaryWriter, { type, shape, bytes }: Constant): void {
  writer.tag(1, WireType.Varint).int32(type);
  message(writer, 2, (inner) => writeShape(inner, shape));
  // The last of several values is that of all that follow (`float_val`); `tensor_content` has each.
  const isShort = type === types.float32 && bytes.length < valuesIn(shape) * bytesOfFloat;
  writer.tag(isShort ? 5 : 4, WireType.LengthDelimited).bytes(bytes);
}

/** A TensorShapeProto. */
function writeShape(writer: BinaryWriter, shape: readonly number[]): void {
  for (const size of shape) message(writer, 2, (axis) => axis.tag(1, WireType.Varint).int64(size));
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function message(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  const inner = new BinaryWriter();
  write(inner);
  writer.tag(field, WireType.LengthDelimited).bytes(inner.finish());
}
