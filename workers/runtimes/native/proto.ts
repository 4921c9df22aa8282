/** Reading protobuf messages of TensorFlow field by field: only what is asked for is decoded, and no bytes are copied. */
import { BinaryReader } from '@bufbuild/protobuf/wire';

/** @param read reads the field and returns true, or returns false to have it left out */
export function eachField(
  bytes: Uint8Array,
  read: (field: number, reader: BinaryReader, wire: number) => boolean,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (!read(field, reader, wire)) reader.skip(wire);
  }
}
