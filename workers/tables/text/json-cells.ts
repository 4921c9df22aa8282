/** From a JSON text to the cells of a row. Pure. */
import { isJsonObject, parseJson, type Reviver } from '@distillery/base';

import { BadRow, type Cell } from '../table.js';
import { firstFault } from './json-fault.js';
import { putBad } from './text-table.js';

const maxDepth = 32;
const integer = /^-?\d{16,20}$/;

const exactly: Reviver = (_key, value, { source = '' }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && integer.test(source) ? BigInt(source) : value;

/** As JSON.parse; integers beyond 2^53 arrive as bigint, up to 20 digits. */
export function parseExactly(text: string): unknown {
  return parseJson(text, exactly);
}

/** A key that is read from many objects. */
export interface Key {
  readonly name: string;
  /** Whether every object has it from the language, such as toString and __proto__. */
  readonly isInherited: boolean;
}

export function keyOf(name: string): Key {
  return { name, isInherited: name in Object.prototype };
}

/**
 * Puts the values of some keys of a JSON object at index `at` of their columns, or why its text is no object. Of keys that
 * come twice, the last counts.
 */
export function putCells(text: string, keys: readonly Key[], columns: readonly (Cell | BadRow)[][], at: number): void {
  const object = objectOf(text);
  if (object instanceof BadRow) {
    putBad(columns, at, object);
    return;
  }
  // Slower by far, so only for rows that need it.
  if (!putValues(object, keys, columns, at)) return;
  try {
    putValues(parseExactly(text) as JsonObject, keys, columns, at);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    putBad(columns, at, new BadRow('it has integers beyond 2^53 and is nested too deep to read them exactly'));
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

/** @returns whether a value may be rounded */
function putValues(
  object: JsonObject,
  keys: readonly Key[],
  columns: readonly (Cell | BadRow)[][],
  at: number,
): boolean {
  let isRounded = false;
  for (let nth = 0; nth < keys.length; nth++) {
    const [key, column] = [keys[nth], columns[nth]];
    if (key === undefined || column === undefined) continue;
    const cell = cellOf(object, key);
    column[at] = cell;
    if (mayBeRounded(cell)) isRounded = true;
  }
  return isRounded;
}

function mayBeRounded(cell: Cell | BadRow): boolean {
  if (typeof cell === 'number') return Math.abs(cell) > Number.MAX_SAFE_INTEGER;
  return Array.isArray(cell) && (cell as readonly Cell[]).some(mayBeRounded);
}

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

/** The value of a key as a cell, not a copy of it; null when the key is not there. */
export function cellOf(object: Readonly<Record<string, unknown>>, { name, isInherited }: Key): Cell | BadRow {
  const value = isInherited && !Object.hasOwn(object, name) ? null : (object[name] ?? null);
  if (isCell(value, 0)) return value;
  return new BadRow(`its ${name} holds an object, or lists more than ${String(maxDepth)} deep`);
}

function isCell(value: unknown, depth: number): value is Cell {
  if (typeof value !== 'object' || value === null) return true;
  if (!Array.isArray(value)) return false;
  return depth < maxDepth && value.every((each) => isCell(each, depth + 1));
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'bigint' || typeof value === 'number' ? 'a number' : `a ${typeof value}`;
}
