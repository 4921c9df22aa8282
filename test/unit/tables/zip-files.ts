/** Makes zip archives, npy files and what belongs into them. */
import { crc32, deflateRawSync } from 'node:zlib';

/** An npy file, row-major. @param descr numpy's word for the type */
export function npy(descr: string, shape: readonly number[], body: Uint8Array): Buffer {
  const sizes = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const head = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${sizes}, }`.padEnd(117, ' ');
  return Buffer.concat([Buffer.from(`\x93NUMPY\x01\0\x76\0${head}\n`, 'latin1'), body]);
}

/** A zip archive of some files, by their names. */
export function zip(files: Readonly<Record<string, Uint8Array>>, how: 'stored' | 'deflated' = 'stored'): Buffer {
  const [locals, centrals]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const [text, content] of Object.entries(files)) {
    const name = Buffer.from(text);
    const body = how === 'stored' ? content : deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(how === 'stored' ? 0 : 8, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(body.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    locals.push(Buffer.from('PK\x03\x04'), common, name, Buffer.from(body));
    centrals.push(Buffer.from('PK\x01\x02\x14\0'), common, place, name);
    offset += 4 + common.length + name.length + body.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(18);
  const count = Object.keys(files).length;
  end.writeUInt16LE(count, 4);
  end.writeUInt16LE(count, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end]);
}
