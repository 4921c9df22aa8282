/** Tar archives written by hand, valid or with a chosen fault. */
import type { Content } from './in-folder.js';

export const block = 512;
export const end = Buffer.alloc(2 * block);

/** A member written by hand. */
export function member(
  name: Content,
  content: Content,
  type = '0',
  change: (header: Buffer) => void = () => undefined,
): Buffer {
  const header = Buffer.alloc(block);
  Buffer.from(name).copy(header);
  header.write(`${Buffer.byteLength(content).toString(8).padStart(11, '0')}\0`, 124);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  change(header);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const body = Buffer.from(content);
  return Buffer.concat([header, body, Buffer.alloc((block - (body.length % block)) % block)]);
}
export const tar = (...members: readonly Buffer[]): Buffer => Buffer.concat([...members, end]);
