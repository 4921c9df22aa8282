/**
 * Reads the fields of protobuf messages, as far as an ONNX file needs them: no message is copied, and work is bounded by
 * the length of the file. Pure. A library that builds objects of the whole file would copy all of its weights.
 */
import { DistilleryError } from '@distillery/base';

/** Why a file is not an ONNX model, or cannot be loaded. */
export class OnnxFileError extends DistilleryError {
  override readonly name = 'OnnxFileError';
  readonly kind = 'OnnxFile';
  readonly retry = 'Never';

  constructor(readonly found: string) {
    super({
      about: 'ONNX file',
      found,
      expected: 'a model that can be loaded',
      remedy: 'export the model again',
    });
  }
}

export function textOf(bytes: Uint8Array, field: Field): string {
  if (field.wire !== wireTypes.bytes) throw malformed();
  return Buffer.from(bytes.buffer, bytes.byteOffset + field.start, field.end - field.start).toString('utf8');
}

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

export interface Field {
  readonly number: number;
  readonly wire: number;
  /** Of a varint; 0 for others. */
  readonly value: number;
  /** Content of a field of bytes. */
  readonly start: number;
  readonly end: number;
}

/** Fields of the message in [from, to). @throws OnnxFileError where it is cut off or no protobuf */
export function* fieldsOf(bytes: Uint8Array, from: number, to: number): Generator<Field> {
  let at = from;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (let taken = 0; taken < 10; taken++) {
      if (at >= to) throw malformed();
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw malformed();
  };
  while (at < to) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wire = key % 8;
    if (number === 0 || number > 0x1fff_ffff) throw malformed();
    let value = 0;
    let start = at;
    if (wire === wireTypes.varint) value = varint();
    else if (wire === wireTypes.bytes) {
      const length = varint();
      start = at;
      at += length;
    } else if (wire === wireTypes.fixed64) at += 8;
    else if (wire === wireTypes.fixed32) at += 4;
    else throw malformed();
    if (at > to) throw new OnnxFileError('a file that is cut off, or no ONNX model');
    yield { number, wire, value, start, end: at };
  }
}

export function malformed(): OnnxFileError {
  return new OnnxFileError('a file that is not the protobuf of an ONNX model');
}
