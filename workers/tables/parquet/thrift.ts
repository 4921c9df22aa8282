/**
 * Checks bytes that should be a struct of Thrift's compact protocol before the library parses them: it believes the sizes
 * that they declare. Pure.
 */
import { Damage } from './damage.js';

const types = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  struct: 12,
} as const;
const maxDepth = 24;
const maxVarintBytes = 10;

/** Offset behind the struct that begins at `start`; null when the bytes end before it. @throws Damage for other bytes */
export function structEnd(bytes: Uint8Array, start: number): number | null {
  const walk = new Walk(bytes, start);
  try {
    walk.struct(0);
    return walk.at;
  } catch (error) {
    if (error === ended) return null;
    throw error;
  }
}

const ended = new Error('the bytes end');

class Walk {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  struct(depth: number): void {
    if (depth > maxDepth) throw new Damage('structs are nested too deep');
    for (;;) {
      const head = this.#byte();
      const type = head & 0x0f;
      if (type === 0) return;
      if (head >> 4 === 0) this.#varint();
      if (type !== types.true && type !== types.false) this.#value(type, depth);
    }
  }

  #value(type: number, depth: number): void {
    switch (type) {
      case types.true:
      case types.false:
      case types.byte: {
        this.#skip(1);
        return;
      }
      case types.i16:
      case types.i32:
      case types.i64:
        return void this.#varint();
      case types.double: {
        this.#skip(8);
        return;
      }
      case types.binary: {
        this.#skip(this.#varint());
        return;
      }
      case types.list: {
        this.#list(depth + 1);
        return;
      }
      case types.struct: {
        this.struct(depth + 1);
        return;
      }
      default:
        throw new Damage(`a value has the type ${String(type)}`);
    }
  }

  #list(depth: number): void {
    if (depth > maxDepth) throw new Damage('lists are nested too deep');
    const head = this.#byte();
    const length = head >> 4 === 15 ? this.#varint() : head >> 4;
    // Every element takes a byte at least.
    if (length > this.bytes.length - this.at) throw ended;
    for (let element = 0; element < length; element++) this.#value(head & 0x0f, depth);
  }

  #varint(): number {
    let value = 0;
    for (let count = 0; count < maxVarintBytes; count++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** (7 * count);
      if (byte < 0x80) return value;
    }
    throw new Damage('an integer has more than ten bytes');
  }

  #byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw ended;
    return byte;
  }

  #skip(count: number): void {
    this.at += count;
    if (this.at > this.bytes.length) throw ended;
  }
}
