/** A table over text files whose rows have been indexed: reads blocks of rows and lets the format cut them into cells. */
import { checkRow, indexOfColumn } from '../asked.js';
import type { SourceFiles } from '../source-files.js';
import type { BadRow, Cell, Column, Table, Values } from '../table.js';
import type { Block, BlockIndex } from './block-index.js';
import { type Cutter, maxRows, type RowRule, tooManyRows } from './scan.js';

/** What a text format is, beyond its rows. */
export interface TextFormat {
  readonly rule: RowRule;
  readonly names: readonly string[];
  /** Where they are written, for people; absent = the rows name them. */
  readonly head?: string;
  /** A reader of some columns. @param columns indexes in `names` */
  reader(columns: readonly number[]): RowReader;
}

/** Puts the cells of one row at index `at` of its columns, from the text of the row. */
export type RowReader = (text: string, columns: readonly (Cell | BadRow)[][], at: number) => void;

/** Makes index `at` of all columns a bad row. */
export function putBad(columns: readonly (Cell | BadRow)[][], at: number, bad: BadRow): void {
  for (const column of columns) column[at] = bad;
}

/** Bytes that are read at once while rows are read in order. */
const bytesAhead = 65_536;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** A block that was read, and the bounds of its rows as far as they were asked for. */
class Rows {
  /** [start 0, end 0, start 1 …] in the block. */
  readonly #bounds: number[] = [];
  readonly #cutter: Cutter;
  #end = 0;

  constructor(
    readonly file: number,
    readonly block: Block,
    private readonly bytes: Buffer,
    private readonly rule: RowRule,
  ) {
    this.#cutter = rule.cutter(bytes, bytes.length, true);
  }

  /** @param local number of the row in the file */
  has(file: number, local: number): boolean {
    return file === this.file && local >= this.block.firstRow && local < this.block.endRow;
  }

  text(local: number): string {
    const [start, end] = this.#boundsOf(local);
    return this.bytes.toString('utf8', start, textEnd(this.bytes, start, end));
  }

  line(local: number): number {
    const [start] = this.#boundsOf(local);
    let line = this.block.firstLine;
    for (let at = 0; at < start; at++) if (this.bytes[at] === lineFeed) line++;
    return line;
  }

  #boundsOf(local: number): readonly [start: number, end: number] {
    const index = 2 * (local - this.block.firstRow);
    while (this.#bounds.length <= index && this.#end < this.bytes.length) {
      const start = this.#end;
      this.#end = this.#cutter.end(start) ?? this.bytes.length;
      if (this.rule.isRow(this.bytes, start, this.#end)) this.#bounds.push(start, this.#end);
    }
    return [this.#bounds[index] ?? 0, this.#bounds[index + 1] ?? 0];
  }
}

export class TextTable implements Table {
  readonly length: number;
  readonly columns: readonly Column[];
  readonly head?: string;
  /** First row of each file. */
  readonly #firstRows: readonly number[];
  #last: Rows | undefined;
  /** Bytes of the file from `start` on. */
  #ahead: { readonly file: number; readonly start: number; readonly bytes: Buffer } | undefined;
  #memory: Buffer | undefined;

  /** @param indexes of the files, in their order. @throws DataError when there are no rows, or too many */
  constructor(
    private readonly files: SourceFiles,
    private readonly indexes: readonly BlockIndex[],
    private readonly format: TextFormat,
  ) {
    let length = 0;
    this.#firstRows = indexes.map((index) => (length += index.length) - index.length);
    if (length > maxRows) throw tooManyRows(files.path(0));
    this.length = length;
    if (format.head !== undefined) this.head = format.head;
    this.columns = format.names.map((name) => ({ name, kind: 'cells' }));
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- an error must reject, not throw
  async read(rows: ArrayLike<number>, names: readonly string[]): Promise<ReadonlyMap<string, Values>> {
    const read = this.format.reader(names.map((name) => indexOfColumn(this.files.path(0), name, this.format.names)));
    const cells = names.map(() => new Array<Cell | BadRow>(rows.length).fill(null));
    for (let at = 0; at < rows.length; at++) {
      read(this.#textOf(rows[at] ?? -1), cells, at);
    }
    return new Map(names.map((name, index) => [name, { kind: 'cells', cells: cells[index] ?? [] }]));
  }

  nameOf(row: number): string {
    const { file, local } = this.#fileOf(row);
    return `${this.files.name(file)}, line ${String(this.#rowsAround(file, local).line(local))}`;
  }

  close(): Promise<void> {
    this.files.close();
    this.#last = undefined;
    this.#ahead = this.#memory = undefined;
    return Promise.resolve();
  }

  #fileOf(row: number): { readonly file: number; readonly local: number } {
    checkRow(row, this.length);
    let file = this.#firstRows.length - 1;
    for (let low = 0; low < file;) {
      const middle = (low + file + 1) >>> 1;
      if ((this.#firstRows[middle] ?? 0) <= row) low = middle;
      else file = middle - 1;
    }
    return { file, local: row - (this.#firstRows[file] ?? 0) };
  }

  #textOf(row: number): string {
    const { file, local } = this.#fileOf(row);
    return this.#rowsAround(file, local).text(local);
  }

  /** The block that holds a row; the last one is kept, since batches often go on in it. */
  #rowsAround(file: number, local: number): Rows {
    if (this.#last?.has(file, local) === true) return this.#last;
    const index = this.indexes[file];
    if (index === undefined) throw new RangeError(`file ${String(file)}`);
    const block = index.block(index.blockOf(local));
    return (this.#last = new Rows(file, block, this.#bytesOf(file, block), this.format.rule));
  }

  /** A block that follows the last one is read with those behind it. */
  #bytesOf(file: number, block: Block): Buffer {
    const { start, end } = block;
    const ahead = this.#ahead;
    if (ahead?.file === file && start >= ahead.start && end <= ahead.start + ahead.bytes.length) {
      return ahead.bytes.subarray(start - ahead.start, end - ahead.start);
    }
    const follows = this.#last?.file === file && this.#last.block.end === start;
    if (!follows || end - start > bytesAhead) {
      const bytes = Buffer.allocUnsafe(end - start);
      this.files.read(file, bytes, start);
      return bytes;
    }
    // The last block may lie in the memory that is used again.
    this.#last = this.#ahead = undefined;
    this.#memory ??= Buffer.allocUnsafe(bytesAhead);
    const bytes = this.#memory.subarray(0, this.files.size(file) - start);
    this.files.read(file, bytes, start);
    this.#ahead = { file, start, bytes };
    return bytes.subarray(0, end - start);
  }
}

/** End of a row's text, before its line break. */
export function textEnd(bytes: Buffer, start: number, end: number): number {
  if (end === start || bytes[end - 1] !== lineFeed) return end;
  return end - 1 > start && bytes[end - 2] === carriageReturn ? end - 2 : end - 1;
}
