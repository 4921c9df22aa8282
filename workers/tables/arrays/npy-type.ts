/** The types of npy files: which are read, as what, and what to do about the others. Pure. */
import type { FaultOf } from '@distillery/base';

import { arrivingType, bytesOfType, type Storage, type StoredType } from './numbers.js';

/** How the values of an array are stored. */
export type NpyType =
  | ({ readonly kind: 'numbers'; readonly bytes: number } & Storage)
  /** Text of a fixed width, filled with zeros: UTF-32 (`U`) or bytes (`S`). */
  | { readonly kind: 'text'; readonly bytes: number; readonly wide: boolean; readonly bigEndian: boolean };

const numberTypes: Readonly<Record<string, StoredType>> = {
  b1: 'bool',
  u1: 'uint8',
  i1: 'int8',
  u2: 'uint16',
  i2: 'int16',
  f2: 'float16',
  u4: 'uint32',
  i4: 'int32',
  f4: 'float32',
  u8: 'uint64',
  i8: 'int64',
  f8: 'float64',
};

/** Types that numpy has and a table has not. */
const others: readonly { readonly type: RegExp; readonly found: string; readonly remedy: string }[] = [
  {
    type: /^\|O/,
    found: 'Python objects (dtype object)',
    remedy:
      'make an array of numbers of them, as with np.stack, and save it with allow_pickle=False: numpy then says what is wrong',
  },
  { type: /^[<>]c/, found: 'complex numbers', remedy: 'save x.real and x.imag as arrays of their own' },
  { type: /^[<>][mM]/, found: 'dates or durations', remedy: "save them as numbers: x.astype('int64')" },
  { type: /^[<>]f/, found: 'numbers of extended precision', remedy: "save them as x.astype('float64')" },
  { type: /^structured$/, found: 'records with fields', remedy: 'save each field as an array of its own: x["name"]' },
];

/** @param descr as in the header */
export function npyTypeOf(descr: string): NpyType | FaultOf {
  const [, order = '', code = ''] = /^([<>|=])([a-zA-Z]\d*)$/.exec(descr) ?? [];
  const bigEndian = order === '>';
  const type = numberTypes[code];
  if (type !== undefined && (order === '|') === (bytesOfType[type] === 1)) {
    return { kind: 'numbers', type, bigEndian, bytes: bytesOfType[type] };
  }
  const [, letter, digits] = /^([US])(\d{1,7})$/.exec(code) ?? [];
  if (letter !== undefined) {
    return { kind: 'text', wide: letter === 'U', bigEndian, bytes: Number(digits) * (letter === 'U' ? 4 : 1) };
  }
  const other = others.find((each) => each.type.test(descr));
  return {
    found: other?.found ?? `values of the type ${descr}`,
    expected: 'numbers or text',
    remedy: other?.remedy ?? "save them as numbers that every machine has, such as x.astype('float32')",
  };
}

/** For people and programs: "float32", "text", or the header's own word for a type that is not read. */
export function npyTypeName(descr: string): string {
  const type = npyTypeOf(descr);
  if (!('kind' in type)) return descr;
  return type.kind === 'text' ? 'text' : arrivingType(type.type);
}
