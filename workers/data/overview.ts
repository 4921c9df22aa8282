/**
 * What a data set holds, before anybody says what its columns mean: rows, splits, and the content of each column by rows
 * that are spread over the whole. For `distill init`; a job never uses it.
 */
import type { DatasetField } from '@distillery/protocol';

import { resolve } from '../places/index.js';
import { BadRow, type Cell, type Column, type Table } from '../tables/index.js';
import { DataError } from '../samples/index.js';
import { cellsOf, numberIn, textOfBytes } from './fields/cells.js';
import { shapeOfCell } from './fields/numbers.js';
import { decodePicture, PictureError, type PictureSize } from './fields/picture.js';
import type { DatasetFormat } from './dataset.js';
import { tableFormats } from './table-formats.js';

export type Content = 'picture' | 'bytes' | 'text' | 'whole' | 'fraction' | 'list' | 'nothing' | 'mixed';

export interface ColumnOverview {
  readonly name: string;
  readonly holds: Content;
  /** Shape of a row's numbers; [] = one value. */
  readonly shape: readonly number[];
  /** Sampled rows without a value, or that cannot be read. */
  readonly empty: number;
  /** Different values among the sampled rows. */
  readonly distinct: number;
  /** Of numbers. */
  readonly least: number | null;
  readonly most: number | null;
  /** Some different values as texts. */
  readonly values: readonly string[];
  /** Characters of the longest text. */
  readonly longest: number;
}

export interface DataOverview {
  readonly rows: number;
  /** Rows of the split that the data set itself holds out; null = it is not divided. */
  readonly heldOut: number | null;
  readonly columns: readonly ColumnOverview[];
  /** Rows that the columns were judged by. */
  readonly sampled: number;
  readonly natural: readonly DatasetField[];
  /** Size of the sampled pictures; null = they differ, or there are none. */
  readonly pictures: PictureSize | null;
}

const rowsSampled = 512;
const rowsAtOnce = 32;
const picturesSampled = 12;
const valuesShown = 64;
const longestValue = 200;
/** What a table can hold, as far as it is summarized. */
const mostColumns = 4_096;

/** @throws PlaceError, DataError, ReadError */
export async function overviewOf(format: DatasetFormat, uri: string): Promise<DataOverview> {
  const { path } = await resolve(uri);
  const kind = tableFormats[format];
  const { train, test } = await kind.parts(path);
  const table = await kind.open(train, undefined);
  try {
    if (table.length === 0) {
      throw new DataError({ about: path, found: 'no rows', expected: 'at least one', remedy: 'name other data' });
    }
    const heldOut = test === null ? null : await rowsOf(() => kind.open(test, undefined));
    const read = await columnsOf(table);
    const natural = await kind.fields(table);
    return { rows: table.length, heldOut, natural, ...read };
  } finally {
    await table.close();
  }
}

async function rowsOf(open: () => Promise<Table>): Promise<number> {
  const table = await open();
  await table.close();
  return table.length;
}

/** Rows spread over the whole table: data are often sorted by their labels. */
function spread(length: number, most: number): readonly number[] {
  const taken = Math.min(length, most);
  return Array.from({ length: taken }, (_, at) => Math.floor((at * length) / taken));
}

async function columnsOf(table: Table): Promise<Pick<DataOverview, 'columns' | 'sampled' | 'pictures'>> {
  const columns: ColumnOverview[] = [];
  let pictures: PictureSize | null = null;
  for (const column of table.columns.slice(0, mostColumns)) {
    if (column.kind === 'tensor' && column.shape.length > 0) {
      columns.push(arrayOverview(column));
      continue;
    }
    const { overview, size } = await cellsOverview(table, column.name);
    columns.push(overview);
    pictures ??= size;
  }
  return { columns, sampled: Math.min(rowsSampled, table.length), pictures };
}

function arrayOverview({ name, dtype, shape }: Extract<Column, { kind: 'tensor' }>): ColumnOverview {
  const holds = dtype.startsWith('float') ? 'fraction' : 'whole';
  return { name, holds, shape, empty: 0, distinct: 0, least: null, most: null, values: [], longest: 0 };
}

/** What the cells of a column have in common, gathered cell by cell: no more than a few rows are in memory. */
class Cells {
  readonly #kinds = new Set<Content>();
  readonly #values = new Set<string>();
  #shape: readonly number[] = [];
  #least = Infinity;
  #most = -Infinity;
  #longest = 0;
  #empty = 0;

  see(cell: Cell | BadRow): void {
    const content = contentOf(cell);
    if (content === 'nothing' || cell instanceof BadRow) {
      this.#empty += 1;
      return;
    }
    this.#kinds.add(content);
    if (content === 'list') this.#shape = shapeOfCell(cell) ?? this.#shape;
    const number = content === 'whole' || content === 'fraction' ? numberIn(cell) : null;
    if (number !== null) {
      this.#least = Math.min(this.#least, number);
      this.#most = Math.max(this.#most, number);
    }
    const text = textOf(cell);
    if (text === null) return;
    this.#longest = Math.max(this.#longest, text.length);
    this.#values.add(text.slice(0, longestValue));
  }

  get holds(): Content {
    return together(this.#kinds);
  }

  overview(name: string): ColumnOverview {
    return {
      name,
      holds: this.holds,
      shape: this.#shape,
      empty: this.#empty,
      distinct: this.#values.size,
      least: Number.isFinite(this.#least) ? this.#least : null,
      most: Number.isFinite(this.#most) ? this.#most : null,
      values: [...this.#values].slice(0, valuesShown),
      longest: this.#longest,
    };
  }
}

/** Pictures are read whole and decoded, so fewer of them are sampled. */
async function cellsOverview(
  table: Table,
  name: string,
): Promise<{ readonly overview: ColumnOverview; readonly size: PictureSize | null }> {
  const first = new Cells();
  const sizes: PictureSize[] = [];
  for (const row of spread(table.length, picturesSampled)) {
    for (const cell of cellsOf(await table.read([row], [name]), name)) {
      first.see(cell);
      const size = cell instanceof Uint8Array && isPicture(cell) ? await sizeOf(cell) : null;
      if (size !== null) sizes.push(size);
    }
  }
  if (first.holds === 'picture') return { overview: first.overview(name), size: common(sizes) };
  const all = new Cells();
  const rows = spread(table.length, rowsSampled);
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    for (const cell of cellsOf(await table.read(rows.slice(at, at + rowsAtOnce), [name]), name)) all.see(cell);
  }
  return { overview: all.overview(name), size: null };
}

/** One content for all rows: whole numbers among fractions are fractions, numbers among texts are texts. */
function together(kinds: ReadonlySet<Content>): Content {
  const [only, another] = kinds;
  if (only === undefined) return 'nothing';
  if (another === undefined) return only;
  const all = [...kinds];
  if (all.every((kind) => kind === 'whole' || kind === 'fraction')) return 'fraction';
  if (all.every((kind) => kind === 'whole' || kind === 'fraction' || kind === 'text')) return 'text';
  return all.every((kind) => kind === 'picture' || kind === 'bytes' || kind === 'text') ? 'bytes' : 'mixed';
}

function contentOf(cell: Cell | BadRow): Content {
  if (cell === null || cell === '' || cell instanceof BadRow) return 'nothing';
  if (Array.isArray(cell)) return 'list';
  const number = numberIn(cell);
  if (number !== null) return Number.isInteger(number) ? 'whole' : 'fraction';
  if (cell instanceof Uint8Array) return isPicture(cell) ? 'picture' : textOfBytes(cell) === null ? 'bytes' : 'text';
  return typeof cell === 'string' ? 'text' : 'mixed';
}

function textOf(cell: Cell): string | null {
  if (cell instanceof Uint8Array) return cell.length > longestValue * 4 ? null : textOfBytes(cell);
  return typeof cell === 'object' ? null : String(cell);
}

/** PNG, JPEG or WebP by the first bytes. */
function isPicture(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 12)).toString('latin1');
  return (
    head.startsWith('\x89PNG') || head.startsWith('\xff\xd8\xff') || (head.startsWith('RIFF') && head.endsWith('WEBP'))
  );
}

/** null = they differ, or there are none. */
function common([first, ...others]: readonly PictureSize[]): PictureSize | null {
  if (first === undefined) return null;
  return others.every(({ height, width }) => height === first.height && width === first.width) ? first : null;
}

async function sizeOf(bytes: Uint8Array): Promise<PictureSize | null> {
  try {
    const { height, width } = await decodePicture(bytes, {});
    return { height, width };
  } catch (error) {
    if (error instanceof PictureError) return null;
    throw error;
  }
}
