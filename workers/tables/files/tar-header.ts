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

/** @returns null when the checksum is wrong or a number is invalid */
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
const zero = 0x30;

/** Up to the first zero. */
export function textIn(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** Octal digits between blanks, or a binary number behind a byte with the highest bit (GNU, from 8 GiB on). */
function numberIn(field: Uint8Array): number | null {
  let value = 0;
  if (field[0] === 0x80) {
    for (let at = 1; at < field.length; at++) value = value * 256 + (field[at] ?? 0);
    return Number.isSafeInteger(value) ? value : null;
  }
  let at = 0;
  while (field[at] === space) at++;
  for (let digit = (field[at] ?? 0) - zero; digit >= 0 && digit < 8; digit = (field[at] ?? 0) - zero) {
    value = value * 8 + digit;
    at++;
  }
  // Blanks and zeros end a number, and nothing else.
  const isEnd = at === field.length || field[at] === space || field[at] === 0;
  return isEnd ? value : null;
}

/** The sum of all bytes, the field of the checksum taken as blanks. */
function checksumOf(block: Uint8Array): number {
  let sum = 8 * space;
  for (let at = 0; at < blockBytes; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return sum;
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
