/**
 * Parquet files as a table. The pages that rows lie on are read and unpacked as they are needed, and the last ones are
 * kept; so random reads are dear, and `rowsPerBlock` says how many rows to read together.
 */
import { checkRow, indexOfColumn } from '../asked.js';
import { numberArrays } from '../number-arrays.js';
import { DataError } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { type FileKind, locateFiles, type Source, SourceFiles } from '../source-files.js';
import type { BadRow, Cell, Column, NumberArray, NumberType, Table, Values } from '../table.js';
import { ChunkReader, type TableGroup } from './chunks.js';
import { type Footer, readFooter } from './footer.js';
import type { Leaf, ParquetColumn } from './schema.js';
import type { Decoded } from './units.js';

const kind: FileKind = { one: 'a Parquet file', endings: ['.parquet', '.pq'] };
const defaultCacheBytes = 1 << 26;
const maxRows = 2 ** 32 - 1;
const maxChunks = 1 << 20;

/**
 * A table of one Parquet file, all of a folder, or those that are listed; files have equal columns.
 *
 * Numbers and booleans without nulls are columns of tensors, as their own type (decimals as float64); dates and times are
 * the integers that the file holds. Cells are texts, bytes, lists, and numbers that may be null; 64-bit ones as bigint.
 * @param options.cacheBytes of pages that are kept
 * @param options.far files that are elsewhere
 * @throws DataError when a file is missing, foreign, cut, encrypted or damaged, or the files differ; ReadError
 */
export async function openParquet(
  source: Source,
  { cacheBytes = defaultCacheBytes, far }: { readonly cacheBytes?: number; readonly far?: FarFiles } = {},
): Promise<Table> {
  const files = SourceFiles.open(await locateFiles(source, kind), kind, far);
  try {
    const footers = Array.from({ length: files.length }, (_, file) => readFooter(files, file));
    footers.forEach((footer, file) => checkColumns(files, file, footer, footers[0] ?? footer));
    const chunks = footers.reduce((sum, { groups, columns }) => sum + groups.length * columns.length, 0);
    if (chunks > maxChunks) throw tooMany(files, `${String(chunks)} columns of row groups`, maxChunks);
    return new ParquetTable(files, footers, cacheBytes);
  } catch (error) {
    files.close();
    throw error;
  }
}

function checkColumns(files: SourceFiles, file: number, { columns }: Footer, first: Footer): void {
  const path = files.path(file);
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) {
    throw new DataError({ about: path, problem: `two columns have the name ${twice}`, remedy: 'rename one of them' });
  }
  const text = (of: Footer): string => of.columns.map(described).join(', ');
  if (text({ columns, groups: [] }) === text(first)) return;
  throw new DataError({
    about: path,
    found: `the columns ${text({ columns, groups: [] })}`,
    expected: `${text(first)}, as in ${files.name(0)}`,
    remedy: 'give all files of the folder the same columns',
  });
}

/** A column with its type, for people. */
function described(column: ParquetColumn): string {
  if (column.leaf === null) return `${column.name} (${column.holds})`;
  const { meaning, lists } = column.leaf;
  const type = meaning.is === 'number' ? meaning.dtype : meaning.is === 'half' ? 'float16' : meaning.is;
  return `${column.name} (${'list of '.repeat(lists.length)}${type})`;
}

function tooMany(files: SourceFiles, found: string, most: number): DataError {
  const expected = `at most ${String(most)}`;
  return new DataError({ about: files.path(0), found, expected, remedy: 'split the data set' });
}

class ParquetTable implements Table {
  readonly length: number;
  readonly columns: readonly Column[];
  readonly rowsPerBlock: number;
  readonly head: string;
  readonly #groups: readonly TableGroup[];
  readonly #reader: ChunkReader;

  constructor(
    private readonly files: SourceFiles,
    private readonly footers: readonly Footer[],
    cacheBytes: number,
  ) {
    let length = 0;
    this.#groups = footers.flatMap(({ groups }, file) =>
      groups.map((group, number) => ({ file, number, group, firstRow: (length += group.rows) - group.rows })),
    );
    if (length > maxRows) throw tooMany(files, `${String(length)} rows`, maxRows);
    if (length === 0)
      throw new DataError({ about: files.path(0), problem: 'it has no rows', remedy: 'get the file again' });
    this.length = length;
    this.columns = (footers[0]?.columns ?? []).map((column, at) => columnOf(column, at, footers));
    this.head = `${files.name(0)}, schema`;
    this.rowsPerBlock = rowsPerBlock(this.#groups, cacheBytes / 2);
    this.#reader = new ChunkReader(files, cacheBytes);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- an error must reject, not throw
  async read(rows: ArrayLike<number>, names: readonly string[]): Promise<ReadonlyMap<string, Values>> {
    for (const row of Array.from(rows)) checkRow(row, this.length);
    // In the order of the file, so that each page is unpacked once.
    const order = Uint32Array.from(rows, (_, at) => at).sort((a, b) => (rows[a] ?? 0) - (rows[b] ?? 0));
    const all = this.columns.map(({ name }) => name);
    return new Map(
      names.map((name) => [name, this.#values(indexOfColumn(this.files.path(0), name, all), rows, order)]),
    );
  }

  /** A row for people, counted from 1 in its file. */
  nameOf(row: number): string {
    checkRow(row, this.length);
    const { file, firstRow } = this.#groupOf(row);
    const first = this.#groups.find((group) => group.file === file)?.firstRow ?? firstRow;
    return `${this.files.name(file)}, row ${String(row - first + 1)}`;
  }

  close(): Promise<void> {
    this.files.close();
    this.#reader.clear();
    return Promise.resolve();
  }

  #values(index: number, rows: ArrayLike<number>, order: Uint32Array): Values {
    const column = this.columns[index];
    if (column?.kind === 'tensor') {
      const data: NumberArray = new numberArrays[column.dtype](rows.length);
      let seen: { readonly unit: Decoded; readonly numbers: NumberArray } | null = null;
      this.#walk(index, rows, order, (at, unit, row, length) => {
        if (seen?.unit !== unit) seen = { unit, numbers: unit.numbers() };
        if (length === 1) data[at] = seen.numbers[row] ?? 0;
        else (data as Uint8Array).set(seen.numbers.subarray(row, row + length) as Uint8Array, at);
      });
      return { kind: 'tensor', data };
    }
    const cells = new Array<Cell | BadRow>(rows.length).fill(null);
    this.#walk(index, rows, order, (at, unit, row, length) => {
      for (let next = 0; next < length; next++) cells[at + next] = unit.cell(row + next);
    });
    return { kind: 'cells', cells };
  }

  /** Calls `take` for each run of rows that follow each other, in the order of the file. @throws DataError, ReadError */
  #walk(
    index: number,
    rows: ArrayLike<number>,
    order: Uint32Array,
    take: (at: number, unit: Decoded, row: number, length: number) => void,
  ): void {
    let unit: Decoded | undefined;
    let group = this.#groupOf(0);
    try {
      for (let next = 0, length = 1; next < order.length; next += length) {
        const at = order[next] ?? 0;
        const row = rows[at] ?? 0;
        if (row >= group.firstRow + group.group.rows) {
          group = this.#groupOf(row);
          unit = undefined;
        }
        const local = row - group.firstRow;
        if (unit === undefined || local >= unit.unit.firstRow + unit.unit.rows) {
          unit = this.#reader.unitAt(group, this.#leafOf(group.file, index), local);
        }
        const within = local - unit.unit.firstRow;
        for (length = 1; within + length < unit.unit.rows; length++) {
          if (order[next + length] !== at + length || rows[at + length] !== row + length) break;
        }
        take(at, unit, within, length);
      }
    } catch (error) {
      throw this.#reader.faultOf(error, group, this.columns[index]?.name ?? '');
    }
  }

  #leafOf(file: number, index: number): Leaf {
    const column = this.footers[file]?.columns[index];
    if (column !== undefined && column.leaf !== null) return column.leaf;
    throw new DataError({
      about: `${this.files.path(file)}, column ${column?.name ?? ''}`,
      found: column?.holds ?? 'nothing',
      expected: 'numbers, texts, bytes, or lists of them',
      remedy: 'write its parts as columns of their own, or read another column',
    });
  }

  #groupOf(row: number): TableGroup {
    let low = 0;
    let high = this.#groups.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#groups[middle]?.firstRow ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    const group = this.#groups[low];
    if (group === undefined) throw new RangeError(`row ${String(row)}`);
    return group;
  }
}

function columnOf({ name, leaf }: ParquetColumn, at: number, footers: readonly Footer[]): Column {
  const dtype = leaf === null || leaf.lists.length > 0 || leaf.pair !== null ? null : tensorType(leaf);
  const isFull = footers.every(({ columns, groups }) => {
    const own = columns[at]?.leaf ?? null;
    return (
      own !== null && (own.maxDefinition === 0 || groups.every(({ chunks }) => chunks[own.index]?.isFull === true))
    );
  });
  return dtype !== null && isFull ? { name, kind: 'tensor', dtype, shape: [] } : { name, kind: 'cells' };
}

function tensorType({ meaning }: Leaf): NumberType | null {
  if (meaning.is === 'number') return meaning.dtype;
  if (meaning.is === 'half') return 'float32';
  return meaning.is === 'boolean' ? 'uint8' : null;
}

/** Rows of a row group, or fewer where the pages of so many rows would take more than `bytes`. */
function rowsPerBlock(groups: readonly TableGroup[], bytes: number): number {
  const largest = groups.reduce((most, { group }) => (group.rows > most.rows ? group : most), { rows: 1, bytes: 0 });
  return Math.max(1, Math.min(largest.rows, Math.floor(bytes / Math.max(1, largest.bytes / largest.rows))));
}
