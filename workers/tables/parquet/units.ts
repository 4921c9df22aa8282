/**
 * What is read at a time: a unit is a page, or several where a row of lists goes on from one page to the next. Pure, but for
 * the reader of pages that is passed in.
 */
import { count } from '@distillery/base';

import { BadRow, type Cell, type NumberArray } from '../table.js';
import { Damage } from './damage.js';
import { lengthPrefixed, levels, type Reader, type Stored, storedValues } from './encodings.js';
import { maxPageBytes, maxPageValues, type Page } from './pages.js';
import type { Leaf } from './schema.js';
import { bytesOf, cellAt, meant, type Meant, numbersOf } from './values.js';

/** Rows of a chunk whose pages are read together. */
export interface Unit {
  /** Among the rows of the group. */
  readonly firstRow: number;
  readonly rows: number;
  readonly pages: readonly Page[];
}

/** A dictionary as it is stored, and what it means. */
export interface Dictionary {
  readonly stored: Stored;
  readonly meant: Meant;
}

/** Cuts the data pages of a chunk into units. @param rows of the group. @throws Damage when they hold other rows */
export function unitsOf(
  pages: readonly Page[],
  leaf: Leaf,
  rows: number,
  read: (page: Page) => Uint8Array,
): readonly Unit[] {
  const units: Unit[] = [];
  let firstRow = 0;
  for (const page of pages) {
    if (page.is !== 'data' || page.values === 0) continue;
    const last = units.at(-1);
    const { starts, continues } = rowsIn(page, leaf, read);
    if (continues && last === undefined) throw new Damage('its first page continues a row');
    // A row may end on any page, so that a page that continues one belongs to the pages before it.
    if (continues && last !== undefined) units[units.length - 1] = joined(last, page, starts);
    else units.push({ firstRow, rows: starts, pages: [page] });
    firstRow += starts;
  }
  if (firstRow !== rows) throw new Damage(`its pages have ${count(firstRow, 'row')}, the row group ${String(rows)}`);
  return units;
}

function joined(unit: Unit, page: Page, starts: number): Unit {
  const pages = [...unit.pages, page];
  const sum = (of: 'bytes' | 'values'): number => pages.reduce((all, each) => all + each[of], 0);
  if (sum('bytes') > maxPageBytes || sum('values') > maxPageValues) throw new Damage('a row is too long');
  return { ...unit, rows: unit.rows + starts, pages };
}

function rowsIn(page: Page, leaf: Leaf, read: (page: Page) => Uint8Array): { starts: number; continues: boolean } {
  if (leaf.lists.length === 0) return { starts: page.values, continues: false };
  const { repetitions } = levelsOf({ bytes: read(page), at: 0 }, page, leaf);
  let starts = 0;
  for (const level of repetitions) if (level === 0) starts++;
  return { starts, continues: repetitions[0] !== 0 };
}

interface Levels {
  /** Empty without lists. */
  readonly repetitions: Uint8Array;
  /** Empty where there are no nulls. */
  readonly definitions: Uint8Array;
}

/** Reads the levels, and leaves the reader behind them. */
function levelsOf(reader: Reader, { values, levels: second, hasRunLengths }: Page, leaf: Leaf): Levels {
  const { lists, maxDefinition } = leaf;
  if (maxDefinition > 0 && !hasRunLengths) throw new Damage('its levels have an old encoding');
  const read = (most: number, length: number | null): Uint8Array => {
    const part = length === null ? lengthPrefixed(reader) : { bytes: reader.bytes, at: reader.at };
    if (length !== null) reader.at += length;
    return levels(part, 32 - Math.clz32(most), values);
  };
  const none = new Uint8Array(0);
  const repetitions = lists.length > 0 ? read(lists.length, second?.repetition ?? null) : none;
  if (second !== null) reader.at = second.repetition;
  const definitions = maxDefinition > 0 ? read(maxDefinition, second?.definition ?? null) : none;
  if (second !== null) reader.at = second.repetition + second.definition;
  return { repetitions, definitions };
}

/** A unit whose pages were read. */
export interface Decoded {
  readonly unit: Unit;
  /** Memory that it takes. */
  readonly bytes: number;
  /** The value of one row. @param row of the unit */
  cell(row: number): Cell | BadRow;
  /** The values of all rows, which are numbers without nulls. @throws Damage when they are not */
  numbers(): NumberArray;
}

/** @throws Damage, and errors of libraries, for damaged pages */
export function decoded(
  unit: Unit,
  leaf: Leaf,
  dictionary: Dictionary | null,
  read: (page: Page) => Uint8Array,
): Decoded {
  const parts = unit.pages.map((page) => partOf(page, leaf, dictionary, read(page)));
  const [first] = parts;
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  if (leaf.lists.length > 0) return { unit, bytes: 2 * bytes, numbers: noNumbers, cell: listsOf(unit, leaf, parts) };
  if (first === undefined) throw new Damage('a page is missing');
  const indexes = indexesOf(first, leaf);
  const hasNulls = indexes?.some((index) => index < 0) ?? false;
  return {
    unit,
    bytes: bytes + (indexes?.byteLength ?? 0),
    numbers: () => (hasNulls ? noNumbers() : numbersOf(first.values)),
    cell: (row) => {
      const index = indexes?.[row] ?? row;
      if (index >= 0) return cellAt(first.values, leaf.meaning, index);
      return index === isNull ? null : new BadRow('its bytes are not in the file, only a path or nothing');
    },
  };
}

function noNumbers(): never {
  throw new Damage('it has nulls, and its footer says that it has none');
}

interface Part extends Levels {
  readonly values: Meant;
  readonly bytes: number;
}

function partOf(page: Page, leaf: Leaf, dictionary: Dictionary | null, bytes: Uint8Array): Part {
  const reader = { bytes, at: 0 };
  const { repetitions, definitions } = levelsOf(reader, page, leaf);
  let present = page.values;
  for (const level of definitions) {
    if (level > leaf.maxDefinition) throw new Damage('a level is too high');
    if (level < leaf.maxDefinition) present--;
  }
  const stored = storedValues(reader, page.encoding, leaf, present, dictionary?.stored ?? null);
  const values = meant(stored, leaf.meaning, dictionary?.meant ?? null);
  return { repetitions, definitions, values, bytes: bytesOf(values) + repetitions.length + definitions.length };
}

const isNull = -1;
const isAbsent = -2;

/** Indexes of the values of rows without lists; null when each row has the value of its number. */
function indexesOf({ definitions }: Part, { maxDefinition, pair }: Leaf): Int32Array | null {
  if (definitions.every((level) => level === maxDefinition)) return null;
  let index = 0;
  // The pair of bytes and path is there, and its bytes are not.
  const missing = (level: number): number => (pair !== null && level >= pair ? isAbsent : isNull);
  return Int32Array.from(definitions, (level) => (level === maxDefinition ? index++ : missing(level)));
}

/** Rows of lists: where the levels and values of each begin, and how they become lists. */
function listsOf(unit: Unit, leaf: Leaf, parts: readonly Part[]): (row: number) => Cell | BadRow {
  const repetitions = concatenated(parts.map((part) => part.repetitions));
  const definitions = concatenated(parts.map((part) => part.definitions));
  const starts = new Int32Array(unit.rows + 1);
  const firsts = new Int32Array(unit.rows + 1);
  let row = 0;
  let index = 0;
  for (let level = 0; level < repetitions.length; level++) {
    if (repetitions[level] === 0) {
      starts[row] = level;
      firsts[row++] = index;
    }
    if (definitions[level] === leaf.maxDefinition) index++;
  }
  starts[row] = repetitions.length;
  const held = parts.map(({ definitions: own }) =>
    own.reduce((sum, each) => sum + Number(each === leaf.maxDefinition), 0),
  );
  const valueAt = (wanted: number): Cell | BadRow => {
    let left = wanted;
    for (const [at, { values }] of parts.entries()) {
      if (left < (held[at] ?? 0)) return cellAt(values, leaf.meaning, left);
      left -= held[at] ?? 0;
    }
    throw new Damage('a value is missing');
  };
  return (wanted) => {
    const [start = 0, end = 0] = starts.subarray(wanted, wanted + 2);
    return listAt(leaf, { repetitions, definitions }, start, end, firsts[wanted] ?? 0, valueAt);
  };
}

/** The cell of one row, from its levels (the record assembly of Dremel). */
function listAt(
  { lists, maxDefinition }: Leaf,
  { repetitions, definitions }: Levels,
  start: number,
  end: number,
  first: number,
  valueAt: (index: number) => Cell | BadRow,
): Cell | BadRow {
  /** open[depth] takes the elements of the list of that depth; open[0] the row itself. */
  const open: Cell[][] = [[]];
  let index = first;
  for (let level = start; level < end; level++) {
    const definition = definitions[level] ?? 0;
    let depth = repetitions[level] ?? 0;
    if (depth >= open.length && level > start) throw new Damage('a row goes on in a list that is not there');
    open.length = depth + 1;
    for (; depth < lists.length && definition >= (lists[depth] ?? 0); depth++) {
      const list: Cell[] = [];
      open[depth]?.push(list);
      open.push(list);
    }
    if (depth < lists.length) open[depth]?.push(definition === (lists[depth] ?? 0) - 1 ? [] : null);
    else if (definition < maxDefinition) open[depth]?.push(null);
    else {
      const value = valueAt(index++);
      if (value instanceof BadRow) return value;
      open[depth]?.push(value);
    }
  }
  return open[0]?.[0] ?? null;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
