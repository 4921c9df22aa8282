/**
 * An ONNX model as the bytes of its file: onnx.proto3 in protobuf, weights inside. Pure; the same model gives the same
 * bytes.
 *
 * Invariant encode/E1: beside the weights it allocates the file and small pieces. The messages around the numbers are
 * encoded first; then the file is allocated once, and every tensor is written into its place.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

import { sizeOf } from '../../samples/index.js';
import { OnnxExportError } from './errors.js';
import type { Attribute, ElementType, GraphEnd, Initializer, OnnxModel, OnnxNode } from './model.js';

/** Every ONNX Runtime since 1.12 reads these two. LayerNormalization came with operator set 17. */
const irVersion = 8;
const operatorSet = 17;
/** Name of the batch axis. */
const batchAxis = 'batch';
/** Protobuf's limit of a message. */
const maxBytes = 2 ** 31 - 1;

const elementTypes = { float32: 1, int32: 6, int64: 7 } as const satisfies Record<ElementType, number>;
const elementBytes = { float32: 4, int32: 4, int64: 8 } as const satisfies Record<ElementType, number>;
const attributeTypes = { float: 1, int: 2, text: 3, floats: 6, ints: 7, texts: 8 } as const;

/** @throws OnnxExportError when the file would be larger than protobuf allows */
export function encodeModel(model: OnnxModel): Uint8Array {
  const around = new BinaryWriter();
  for (const node of model.nodes) message(around, 1, (writer) => writeNode(writer, node));
  around.tag(2, WireType.LengthDelimited).string(model.name);
  const heads = model.initializers.map((tensor) => ({ tensor, head: tensorHead(tensor), bytes: bytesOf(tensor) }));
  const ends = new BinaryWriter();
  for (const end of model.inputs) message(ends, 11, (writer) => writeEnd(writer, end));
  for (const end of model.outputs) message(ends, 12, (writer) => writeEnd(writer, end));
  const [nodes, rest] = [around.finish(), ends.finish()];
  const tensorBytes = heads.reduce((sum, { head, bytes }) => sum + sizeOfField(5, head.length + bytes), 0);
  const graphBytes = nodes.length + tensorBytes + rest.length;
  const start = modelHead(model, atMost(graphBytes));
  const file = new Filler(atMost(start.length + graphBytes));
  file.put(start);
  file.put(nodes);
  for (const { tensor, head, bytes } of heads) {
    file.put(fieldHead(5, head.length + bytes));
    file.put(head);
    const end = file.size + bytes;
    for (const piece of tensor.values()) {
      file.put(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
    }
    if (file.size !== end) throw new OnnxExportError(`weight ${tensor.name}`, 'it has another size than its shape');
  }
  file.put(rest);
  return file.bytes;
}

/** Writes one part after the other into a file of known size. */
class Filler {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  /** Bytes so far. */
  get size(): number {
    return this.#at;
  }

  put(part: Uint8Array): void {
    this.bytes.set(part, this.#at);
    this.#at += part.length;
  }
}

/** Everything of the ModelProto up to the content of its graph, which comes last. */
function modelHead({ metadata }: OnnxModel, graphBytes: number): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(irVersion);
  writer.tag(2, WireType.LengthDelimited).string('distillery');
  message(writer, 8, (inner) => inner.tag(2, WireType.Varint).int64(operatorSet));
  for (const [key, value] of metadata) {
    message(writer, 14, (inner) =>
      inner.tag(1, WireType.LengthDelimited).string(key).tag(2, WireType.LengthDelimited).string(value),
    );
  }
  return writer.tag(7, WireType.LengthDelimited).uint32(graphBytes).finish();
}

function writeNode(writer: BinaryWriter, { name, operator, inputs, outputs, attributes }: OnnxNode): void {
  for (const input of inputs) writer.tag(1, WireType.LengthDelimited).string(input);
  for (const output of outputs) writer.tag(2, WireType.LengthDelimited).string(output);
  writer.tag(3, WireType.LengthDelimited).string(name);
  writer.tag(4, WireType.LengthDelimited).string(operator);
  for (const [key, attribute] of Object.entries(attributes)) {
    message(writer, 5, (inner) => writeAttribute(inner, key, attribute));
  }
}

function writeAttribute(writer: BinaryWriter, name: string, attribute: Attribute): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  const type = (kind: keyof typeof attributeTypes): void => {
    writer.tag(20, WireType.Varint).int32(attributeTypes[kind]);
  };
  if ('int' in attribute) {
    writer.tag(3, WireType.Varint).int64(attribute.int);
    type('int');
  } else if ('float' in attribute) {
    writer.tag(2, WireType.Bit32).float(attribute.float);
    type('float');
  } else if ('text' in attribute) {
    writer.tag(4, WireType.LengthDelimited).string(attribute.text);
    type('text');
  } else if ('ints' in attribute) {
    for (const value of attribute.ints) writer.tag(8, WireType.Varint).int64(value);
    type('ints');
  } else if ('floats' in attribute) {
    for (const value of attribute.floats) writer.tag(7, WireType.Bit32).float(value);
    type('floats');
  } else {
    for (const value of attribute.texts) writer.tag(9, WireType.LengthDelimited).string(value);
    type('texts');
  }
}

function writeEnd(writer: BinaryWriter, { name, type, shape }: GraphEnd): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  message(writer, 2, (typeProto) =>
    message(typeProto, 1, (tensor) => {
      tensor.tag(1, WireType.Varint).int32(elementTypes[type]);
      message(tensor, 2, (shapeProto) => {
        message(shapeProto, 1, (axis) => axis.tag(2, WireType.LengthDelimited).string(batchAxis));
        for (const size of shape) message(shapeProto, 1, (axis) => axis.tag(1, WireType.Varint).int64(size));
      });
    }),
  );
}

/** Everything of a TensorProto up to its numbers, which come last. */
function tensorHead(tensor: Initializer): Uint8Array {
  const writer = new BinaryWriter();
  for (const size of tensor.shape) writer.tag(1, WireType.Varint).int64(size);
  writer.tag(2, WireType.Varint).int32(elementTypes[tensor.type]);
  writer.tag(8, WireType.LengthDelimited).string(tensor.name);
  return writer.tag(9, WireType.LengthDelimited).uint32(bytesOf(tensor)).finish();
}

function bytesOf({ shape, type }: Initializer): number {
  return atMost(sizeOf(shape) * elementBytes[type]);
}

/** @throws OnnxExportError for a length beyond protobuf's limit */
function atMost(bytes: number): number {
  if (bytes <= maxBytes) return bytes;
  const problem = `it would have more than ${String(bytes)} bytes, and protobuf allows ${String(maxBytes)}`;
  throw new OnnxExportError('model.onnx', problem);
}

function message(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => unknown): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function fieldHead(field: number, length: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
}

function sizeOfField(field: number, length: number): number {
  return fieldHead(field, atMost(length)).length + length;
}
