/** Numbers as files store them, made into typed arrays. Pure. */
import { endianness } from 'node:os';

import { numberArrays } from '../number-arrays.js';
import type { NumberArray, NumberType } from '../table.js';

/** Types of stored numbers; float16 arrives as float32, bool as uint8. */
export type StoredType = NumberType | 'float16' | 'bool';

export interface Storage {
  readonly type: StoredType;
  /** Of no meaning where a number is one byte. */
  readonly bigEndian: boolean;
}

export const bytesOfType: Readonly<Record<StoredType, number>> = {
  uint8: 1,
  int8: 1,
  bool: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  uint64: 8,
  int64: 8,
  float64: 8,
};

const machineIsBigEndian = endianness() === 'BE';

/** The type that the numbers have in a table. */
export function arrivingType(type: StoredType): NumberType {
  if (type === 'float16') return 'float32';
  return type === 'bool' ? 'uint8' : type;
}

/** The numbers in `raw`, over the same memory where their type allows it. @param raw a whole buffer, which is overwritten */
export function numbersIn(raw: Uint8Array<ArrayBuffer>, { type, bigEndian }: Storage): NumberArray {
  const bytes = Buffer.from(raw.buffer);
  if (bigEndian !== machineIsBigEndian) {
    const size = bytesOfType[type];
    if (size === 2) bytes.swap16();
    if (size === 4) bytes.swap32();
    if (size === 8) bytes.swap64();
  }
  return type === 'float16'
    ? fromHalves(new Uint16Array(raw.buffer))
    : new numberArrays[arrivingType(type)](raw.buffer);
}

function fromHalves(halves: Uint16Array): Float32Array {
  const values = halfValues();
  const floats = new Float32Array(halves.length);
  for (let at = 0; at < halves.length; at++) floats[at] = values[halves[at] ?? 0] ?? 0;
  return floats;
}

let halves: Float32Array | null = null;

/** The value of each half float (IEEE 754 binary16): sign, 5 bits of exponent, 10 bits of fraction. */
function halfValues(): Float32Array {
  if (halves !== null) return halves;
  halves = Float32Array.from({ length: 1 << 16 }, (_, bits) => {
    const sign = bits >>> 15 === 0 ? 1 : -1;
    const exponent = (bits >>> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  return halves;
}
