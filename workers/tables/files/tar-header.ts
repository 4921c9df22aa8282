/**
 * Headers of tar archives: POSIX ustar, GNU and v7, and the records of pax. Pure. Source: POSIX.1-2017, pax, "ustar
 * Interchange Format"; GNU tar manual, "Basic Tar Format".
 */

export const blockBytes = 512;

export interface TarHeader {
  /** One character: `0` a file, `5` a folder, `x` records of pax for the next member, `L` its long name … */
  readonly type: string;
  /** Bytes, as written. */
  readonly name: Uint8Array;
  /** Bytes of content behind the header. */
  readonly size: number;
}

/** @returns null when the checksum is wrong or a number is none */
export function readTarHeader(block: Uint8Array): TarHeader | null {
  const size = numberIn(block.subarray(124, 136));
  if (size === null || numberIn(block.subarray(148, 156)) !== checksumOf(block)) return null;
  const type = String.fromCharCode(block[156] ?? 0);
  // `ustar` and a zero: POSIX, with a prefix of the name. `ustar` and a space: GNU, which has other fields there.
  const isPosix = Buffer.from(block.subarray(257, 263)).toString('latin1') === 'ustar\0';
  const name = textIn(block.subarray(0, 100));
  const prefix = isPosix ? textIn(block.subarray(345, 500)) : new Uint8Array(0);
  return {
    // v7 wrote a zero, POSIX allows `7` for a file that lies in one piece, and a slash at the end makes a folder.
    type: type === '\0' || type === '7' ? (name.at(-1) === slash ? '5' : '0') : type,
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Uint8Array.of(slash), name]),
    size,
  };
}

const slash = 0x2f;
const space = 0x20;

/** Up to the first zero. */
export function textIn(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** Octal digits between blanks, or a binary number behind a byte with the highest bit (GNU, from 8 GiB on). */
function numberIn(field: Uint8Array): number | null {
  const [first = 0, ...rest] = field;
  if (first === 0x80) {
    const value = rest.reduce((sum, byte) => sum * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : null;
  }
  const text = Buffer.from(textIn(field)).toString('latin1').trim();
  return /^[0-7]{0,12}$/.test(text) ? Number.parseInt(text === '' ? '0' : text, 8) : null;
}

/** The sum of all bytes, the field of the checksum taken as blanks. */
function checksumOf(block: Uint8Array): number {
  return block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? space : byte), 0);
}

/**
 * Records of pax: `length key=value`, each with a line feed at its end; the length counts all of it.
 * @returns values by key, as bytes; null when they are damaged
 */
export function readPaxRecords(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> | null {
  const records = new Map<string, Uint8Array>();
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(space, at);
    const digits = Buffer.from(bytes.subarray(at, blank)).toString('latin1');
    const end = at + Number(digits);
    const equals = bytes.indexOf(0x3d, blank);
    if (blank < 0 || !/^[1-9]\d{0,9}$/.test(digits) || end > bytes.length) return null;
    if (equals < 0 || equals >= end || bytes[end - 1] !== 0x0a) return null;
    records.set(Buffer.from(bytes.subarray(blank + 1, equals)).toString(), bytes.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}
