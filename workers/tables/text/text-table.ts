/** A table over text files whose rows have been indexed: reads blocks of rows and lets the format cut them into cells. */
import { checkRow, placeOfColumn } from '../asked.js';
import type { SourceFiles } from '../source-files.js';
import { BadRow, type Cell, type Column, type Table, type Values } from '../table.js';
import type { Block, BlockIndex } from './block-index.js';
import { maxRows, type RowRule, tooManyRows } from './scan.js';

/** What a text format is, beyond its rows. */
export interface TextFormat {
  readonly rule: RowRule;
  readonly names: readonly string[];
  /** Cells of one row, of the columns asked for, or why there are none. @param columns places in `names` */
  cellsOf(text: string, columns: readonly number[]): readonly (Cell | BadRow)[] | BadRow;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** A block that was read: its bytes, and the bounds of its rows in them: [start 0, end 0, start 1 …]. */
interface Rows {
  readonly file: number;
  readonly block: Block;
  readonly bytes: Buffer;
  readonly bounds: readonly number[];
}

export class TextTable implements Table {
  readonly length: number;
  readonly columns: readonly Column[];
  /** First row of each file. */
  readonly #firstRows: readonly number[];
  #last: Rows | undefined;

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
    this.columns = format.names.map((name) => ({ name, kind: 'cells' }));
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- an error must reject, not throw
  async read(rows: ArrayLike<number>, names: readonly string[]): Promise<ReadonlyMap<string, Values>> {
    const columns = names.map((name) => placeOfColumn(this.files.path(0), name, this.format.names));
    const cells = names.map(() => new Array<Cell | BadRow>(rows.length).fill(null));
    for (let at = 0; at < rows.length; at++) {
      const row = this.format.cellsOf(this.#textOf(rows[at] ?? -1), columns);
      cells.forEach((column, place) => {
        column[at] = row instanceof BadRow ? row : (row[place] ?? null);
      });
    }
    return new Map(names.map((name, place) => [name, { kind: 'cells', cells: cells[place] ?? [] }]));
  }

  nameOf(row: number): string {
    const { file, local } = this.#placeOf(row);
    return `${this.files.name(file)}, line ${String(this.#lineOf(file, local))}`;
  }

  close(): Promise<void> {
    this.files.close();
    this.#last = undefined;
    return Promise.resolve();
  }

  #placeOf(row: number): { readonly file: number; readonly local: number } {
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
    const { file, local } = this.#placeOf(row);
    const { bytes, bounds, block } = this.#rowsAround(file, local);
    const place = 2 * (local - block.firstRow);
    const start = bounds[place] ?? 0;
    return bytes.toString('utf8', start, textEnd(bytes, start, bounds[place + 1] ?? start));
  }

  #lineOf(file: number, local: number): number {
    const { bytes, bounds, block } = this.#rowsAround(file, local);
    let line = block.firstLine;
    const start = bounds[2 * (local - block.firstRow)] ?? 0;
    for (let at = 0; at < start; at++) if (bytes[at] === lineFeed) line++;
    return line;
  }

  /** The block that holds a row; the last one is kept, since batches often go on in it. */
  #rowsAround(file: number, local: number): Rows {
    const index = this.indexes[file];
    if (index === undefined) throw new RangeError(`file ${String(file)}`);
    const kept = this.#last;
    if (kept?.file === file && local >= kept.block.firstRow && local < kept.block.firstRow + kept.bounds.length / 2) {
      return kept;
    }
    const block = index.block(index.blockOf(local));
    const bytes = Buffer.allocUnsafe(block.end - block.start);
    this.files.read(file, bytes, block.start);
    return (this.#last = { file, block, bytes, bounds: boundsOf(bytes, this.format.rule) });
  }
}

function boundsOf(bytes: Buffer, rule: RowRule): readonly number[] {
  const bounds: number[] = [];
  const cutter = rule.cutter(bytes, bytes.length, true);
  for (let start = 0; start < bytes.length;) {
    const end = cutter.end(start) ?? bytes.length;
    if (rule.isRow(bytes, start, end)) bounds.push(start, end);
    start = end;
  }
  return bounds;
}

/** End of a row's text, before its line break. */
export function textEnd(bytes: Buffer, start: number, end: number): number {
  if (end === start || bytes[end - 1] !== lineFeed) return end;
  return end - 1 > start && bytes[end - 2] === carriageReturn ? end - 2 : end - 1;
}
