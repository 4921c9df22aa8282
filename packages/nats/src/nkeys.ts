/**
 * NATS keys: Ed25519 key pairs whose seeds and public keys are texts (prefix, 32 bytes, CRC-16, in base32). The
 * official library signs in plain JavaScript, 12 ms a key pair and signature, and cannot make a pair of given bytes;
 * Node's own crypto takes 0.1 ms (docs/adr/0009).
 */
import { createPrivateKey, createPublicKey, hkdfSync, sign } from 'node:crypto';

import { DistilleryError } from '@distillery/base';

/** Leading byte of a public key: the kind's letter in base32. */
const kinds = { operator: 14 << 3, account: 0 << 3, user: 20 << 3 } as const;
export type NkeyKind = keyof typeof kinds;

/** Leading bits of a seed: the letter S. */
const seedPrefix = 18 << 3;
const seedBytes = 32;
/** DER of an Ed25519 private key up to its 32 bytes. */
const privateKeyHeader = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface Nkey {
  /** Text of the seed: a secret. */
  readonly seed: string;
  readonly publicKey: string;
  sign(data: Uint8Array): Uint8Array;
}

/** Never holds the text that was refused: it may be a secret. */
export class NkeyError extends DistilleryError {
  override readonly name = 'NkeyError';
  readonly kind = 'Nkey';
  readonly retry = 'AfterSomebodyActs';
}

/** @param bytes 32 of them */
export function nkeyOf(kind: NkeyKind, bytes: Uint8Array): Nkey {
  const key = createPrivateKey({ key: Buffer.concat([privateKeyHeader, bytes]), format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const prefix = kinds[kind];
  return {
    // The kind's five bits follow the letter S across the byte border.
    seed: encoded([seedPrefix | (prefix >> 5), (prefix & 31) << 3], bytes),
    publicKey: encoded([prefix], Buffer.from(x, 'base64url')),
    sign: (data) => sign(null, data, key),
  };
}

/** 32 bytes that follow from a secret and a context, and tell nothing of the secret (HKDF-SHA256). */
export function derivedBytes(secret: Uint8Array, context: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', context, seedBytes));
}

/** The 32 bytes of a seed. @throws NkeyError */
export function bytesOfSeed(kind: NkeyKind, text: string): Uint8Array {
  const begin = { operator: 'SO', account: 'SA', user: 'SU' }[kind];
  const refused = (found: string): NkeyError =>
    new NkeyError({
      about: '',
      found,
      expected: `the seed of an ${kind} key, 58 letters and digits that begin with ${begin}`,
      remedy: '',
    });
  const raw = fromBase32(text.trim());
  if (raw?.length !== 2 + seedBytes + 2) throw refused('something else');
  const content = raw.subarray(0, -2);
  if (crc16(content) !== raw.readUInt16LE(content.length)) throw refused('a seed with a wrong checksum');
  const prefix = kinds[kind];
  const ours = content[0] === (seedPrefix | (prefix >> 5)) && content[1] === (prefix & 31) << 3;
  if (!ours) throw refused('another kind of key');
  return content.subarray(2);
}

function encoded(prefix: readonly number[], bytes: Uint8Array): string {
  const content = Buffer.concat([Buffer.from(prefix), bytes]);
  const checksum = Buffer.alloc(2);
  checksum.writeUInt16LE(crc16(content));
  return toBase32(Buffer.concat([content, checksum]));
}

const base32Letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648, without padding. */
export function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += base32Letters[(held >> (bits - 5)) & 31] ?? '';
  }
  return bits === 0 ? text : text + (base32Letters[(held << (5 - bits)) & 31] ?? '');
}

/** @returns null when a letter is none of base32 */
function fromBase32(text: string): Buffer | null {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    const value = base32Letters.indexOf(letter);
    if (value < 0) return null;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >> bits) & 0xff);
  }
  return Buffer.from(bytes);
}

/** CRC-16/XMODEM: polynomial 0x1021, from 0. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
  }
  return crc;
}
