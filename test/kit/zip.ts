/** Zip archives for tests, of deflated members. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipMember {
  readonly name: string;
  readonly content: Uint8Array;
  /** The length that the archive says it has; absent = the true one. */
  readonly says?: number;
}

const signed = (hex: string, ...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.from(hex, 'hex'), ...parts]);

export function zipOf(members: readonly ZipMember[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const { name, content, says = content.length } of members) {
    const body = deflateRawSync(content);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(8, 4);
    shared.writeUInt32LE(crc32(content), 10);
    shared.writeUInt32LE(body.length, 14);
    shared.writeUInt32LE(says, 18);
    shared.writeUInt16LE(Buffer.byteLength(name), 22);
    const placed = Buffer.alloc(14);
    placed.writeUInt32LE(offset, 10);
    const local = signed('504b0304', shared, Buffer.from(name), body);
    locals.push(local);
    centrals.push(signed('504b0102', Buffer.from('1400', 'hex'), shared, placed, Buffer.from(name)));
    offset += local.length;
  }
  const central = Buffer.concat(centrals);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, central, signed('504b0506', end)]);
}
