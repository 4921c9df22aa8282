/**
 * A table of sorted strings in one file, in the format of LevelDB (tensorflow/core/lib/io/table_format.txt), without compression,
 * which TensorFlow does not use for it. Pure; work is bounded by the length of the file.
 */
import { crc32c } from '@node-rs/crc32';

import { saveAgain, SavedModelError } from './errors.js';

const footerBytes = 48;
/** After each block: a kind of compression and a checksum. */
const trailerBytes = 5;
const magic = 0xdb4775248b80fb57n;

/** @param name of the file, for messages @throws SavedModelError */
export function tableEntries(name: string, bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const table = new Table(name, bytes);
  const entries = new Map<string, Uint8Array>();
  for (const [, handle] of table.block(table.index())) {
    for (const [key, value] of table.block(handle)) entries.set(Buffer.from(key).toString('utf8'), value);
  }
  return entries;
}

/** A checksum as such files hold it. */
export function isChecksum(bytes: Uint8Array, stored: number): boolean {
  const crc = crc32c(bytes);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  return masked === stored >>> 0;
}

class Table {
  readonly #bytes: Uint8Array;
  readonly #name: string;

  constructor(name: string, bytes: Uint8Array) {
    this.#name = name;
    this.#bytes = bytes;
  }

  /** The place of the block that lists the others. */
  index(): Uint8Array {
    const start = this.#bytes.length - footerBytes;
    if (start < 0) throw this.#damaged();
    const footer = this.#bytes.subarray(start);
    const view = new DataView(footer.buffer, footer.byteOffset, footer.length);
    if (view.getBigUint64(footerBytes - 8, true) !== magic) throw this.#damaged();
    const reader = new Varints(footer, () => this.#damaged());
    reader.next();
    reader.next();
    return footer.subarray(reader.at);
  }

  /** @param handle where it is: two varints */
  *block(handle: Uint8Array): Generator<readonly [Uint8Array, Uint8Array]> {
    const place = new Varints(handle, () => this.#damaged());
    const [offset, length] = [place.next(), place.next()];
    const end = offset + length;
    if (end + trailerBytes > this.#bytes.length || length < 4) throw this.#damaged();
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    if (this.#bytes[end] !== 0) throw this.#damaged();
    if (!isChecksum(this.#bytes.subarray(offset, end + 1), view.getUint32(end + 1, true))) throw this.#damaged();
    const content = end - 4 * (view.getUint32(end - 4, true) + 1);
    if (content < offset) throw this.#damaged();
    const reader = new Varints(this.#bytes.subarray(offset, content), () => this.#damaged());
    let key: Uint8Array = new Uint8Array();
    while (!reader.isAtEnd) {
      const [shared, own, size] = [reader.next(), reader.next(), reader.next()];
      if (shared > key.length) throw this.#damaged();
      key = Buffer.concat([key.subarray(0, shared), reader.take(own)]);
      yield [key, reader.take(size)];
    }
  }

  #damaged(): SavedModelError {
    return new SavedModelError({
      found: `a file ${this.#name} that is damaged or cut off`,
      expected: 'the index of the stored variables',
      remedy: `copy the folder of the model again, or ${saveAgain}`,
    });
  }
}

class Varints {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #fault: () => SavedModelError;

  constructor(bytes: Uint8Array, fault: () => SavedModelError) {
    this.#bytes = bytes;
    this.#fault = fault;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  next(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw this.#fault();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw this.#fault();
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.#bytes.length) throw this.#fault();
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }
}
