/** Attributes of a node: AttrValues (tensorflow/core/framework/attr_value.proto), decoded as far as the loader asks. Pure. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

import type { AxisSize } from '../../../inputs/index.js';
import { eachField } from '../proto.js';
import { type GraphNode, messagesOf, shapeOf, textOf } from './meta-graph.js';

/** Numbers of the fields of an AttrValue; those of its lists are the same. */
const fields = { list: 1, int: 3, type: 6, shape: 7, tensor: 8, function: 10, functionInList: 9 } as const;

/** 0 where there is none. */
export function integerOf(node: GraphNode, name: string): number {
  let found = 0;
  eachField(valueOf(node, name), (field, reader) => {
    if (field !== fields.int) return false;
    found = Number(reader.int64());
    return true;
  });
  return found;
}

export function shapeAttribute(node: GraphNode, name: string): readonly AxisSize[] | null {
  const [shape] = messagesOf(valueOf(node, name), fields.shape);
  return shape === undefined ? null : shapeOf(shape);
}

/** How many types a list of types has. */
export function typesIn(node: GraphNode, name: string): number {
  let count = 0;
  for (const list of messagesOf(valueOf(node, name), fields.list)) {
    eachField(list, (field, reader, wire) => {
      if (field !== fields.type) return false;
      const end = wire === (WireType.LengthDelimited as number) ? reader.uint32() + reader.pos : null;
      do {
        reader.int32();
        count++;
      } while (end !== null && reader.pos < end);
      return true;
    });
  }
  return count;
}

/** Of a tensor of texts; the last one stands for all that follow. */
export function textsIn(node: GraphNode, name: string): readonly string[] {
  return messagesOf(valueOf(node, name), fields.tensor).flatMap((tensor) =>
    messagesOf(tensor, 8).map((bytes) => Buffer.from(bytes).toString('utf8')),
  );
}

/** Names of the functions that the attributes of a node name. */
export function functionsOf({ attributes }: GraphNode): readonly string[] {
  return [...attributes.values()].flatMap((value) =>
    [
      ...messagesOf(value, fields.function),
      ...messagesOf(value, fields.list).flatMap((list) => messagesOf(list, fields.functionInList)),
    ].map((named) => textOf(named, 1)),
  );
}

/** The function that a call runs; empty = none. */
export function calledBy(node: GraphNode): string {
  return textOf(messagesOf(valueOf(node, 'f'), fields.function)[0] ?? new Uint8Array(), 1);
}

/** An AttrValue in which each function has another name. */
export function withFunctions(value: Uint8Array, renamed: (name: string) => string): Uint8Array {
  const single = messagesOf(value, fields.function);
  const lists = messagesOf(value, fields.list);
  const many = lists.flatMap((list) => messagesOf(list, fields.functionInList));
  if (single.length === 0 && many.length === 0) return value;
  const writer = new BinaryWriter();
  const write = (to: BinaryWriter, field: number, named: Uint8Array): void => {
    const inner = new BinaryWriter().tag(1, WireType.LengthDelimited).string(renamed(textOf(named, 1)));
    for (const entry of messagesOf(named, 2)) inner.tag(2, WireType.LengthDelimited).bytes(entry);
    to.tag(field, WireType.LengthDelimited).bytes(inner.finish());
  };
  const [last] = single.slice(-1);
  if (last !== undefined) write(writer, fields.function, last);
  else {
    const list = new BinaryWriter();
    for (const named of many) write(list, fields.functionInList, named);
    writer.tag(fields.list, WireType.LengthDelimited).bytes(list.finish());
  }
  return writer.finish();
}

function valueOf({ attributes }: GraphNode, name: string): Uint8Array {
  return attributes.get(name) ?? new Uint8Array();
}
