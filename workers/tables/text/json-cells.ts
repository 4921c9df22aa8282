/** From a JSON text to the cells of a row. Pure. */
import { isJsonObject } from '@distillery/base';

import { BadRow, type Cell } from '../table.js';
import { firstFault } from './json-fault.js';

const maxDepth = 32;
/** Only a text with such a number can lose digits as a float64. */
const longNumber = /\d{16}/;
const integer = /^-?\d{16,20}$/;

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** Integers beyond 2^53 arrive as bigint, up to 20 digits. Of keys that come twice, the last one counts. */
export function parseJson(text: string): unknown {
  // The third parameter is in every Node that this project runs with, and not yet in TypeScript's library.
  return longNumber.test(text)
    ? JSON.parse(text, exactly as (key: string, value: unknown) => unknown)
    : JSON.parse(text);
}

const exactly: Reviver = (_key, value, { source = '' }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && integer.test(source) ? BigInt(source) : value;

/** The object of a JSON text, or why it is none. */
export function objectOf(text: string): Readonly<Record<string, unknown>> | BadRow {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return new BadRow(`it is no JSON from character ${String(firstFault(text) + 1)} on`);
  }
  return isJsonObject(value) ? value : new BadRow(`it is ${kindOf(value)}, and no JSON object`);
}

/** The value of a key as a cell; null when the key is not there. */
export function cellOf(object: Readonly<Record<string, unknown>>, name: string): Cell | BadRow {
  // hasOwn: a key may be named __proto__ or toString.
  const value = Object.hasOwn(object, name) ? object[name] : null;
  const cell = asCell(value, 0);
  if (cell !== undefined) return cell;
  return new BadRow(`its ${name} holds an object, or lists more than ${String(maxDepth)} deep`);
}

/** @returns undefined for what no cell holds */
function asCell(value: unknown, depth: number): Cell | undefined {
  if (!Array.isArray(value)) return isJsonObject(value) ? undefined : (value as Cell);
  if (depth === maxDepth) return undefined;
  const cells: Cell[] = [];
  for (const each of value) {
    const cell = asCell(each, depth + 1);
    if (cell === undefined) return undefined;
    cells.push(cell);
  }
  return cells;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'bigint' || typeof value === 'number' ? 'a number' : `a ${typeof value}`;
}
