/** Whether bytes are UTF-8, piece by piece. Pure. */
import { isUtf8 } from 'node:buffer';

/** Longest start of a character that may lack its end. */
const maxTail = 3;

/** Bytes of `bytes` up to the last whole character: a piece of a file may end within one. */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let tail = 1; tail <= Math.min(maxTail, bytes.length); tail++) {
    const byte = bytes[bytes.length - tail] ?? 0;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > tail ? bytes.length - tail : bytes.length;
  }
  return bytes.length;
}

/** Place of the first byte that begins no character of UTF-8; null when all are. @param bytes whole characters */
export function firstInvalid(bytes: Uint8Array): number | null {
  if (isUtf8(bytes)) return null;
  // The longest start that is valid, whose last character may be cut.
  let valid = 0;
  let invalid = bytes.length;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >>> 1;
    const start = bytes.subarray(0, middle);
    if (isUtf8(start.subarray(0, wholeCharacters(start)))) valid = middle;
    else invalid = middle;
  }
  return wholeCharacters(bytes.subarray(0, valid));
}
