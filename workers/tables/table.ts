/**
 * A table: the rows of a data set as its files hold them, before anybody says what they mean (design §8). Each format is
 * one way to open a table; the room of data gives its columns types and turns rows into samples.
 *
 * Invariants:
 *  table/T1 The order of the rows depends on the content and the names of the files only: not on the machine, the file
 *     system or the time. Names are compared by their UTF-8 bytes.
 *  table/T2 Rows are read in any order at bounded memory. What is kept for each row is an index of some bytes.
 *  table/T3 A row that is damaged alone is a `BadRow` when it is read; the other rows stay readable. A file that is
 *     damaged as a whole fails when it is opened, or when it is read.
 *  table/T4 Equal bytes give equal values on every machine.
 */

/** Types of the numbers of a tensor column, as numpy names them. `float16` arrives as float32, `bool` as uint8. */
export type NumberType =
  'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'uint64' | 'int64' | 'float32' | 'float64';

export type NumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** One column of a table. */
export type Column =
  /** Every row has numbers of one type and one shape, [] = one number. */
  | { readonly name: string; readonly kind: 'tensor'; readonly dtype: NumberType; readonly shape: readonly number[] }
  /** Rows of any content: text formats, encoded images, files. */
  | { readonly name: string; readonly kind: 'cells' };

/** What one row holds in a column of cells. Lists hold numbers, texts or lists of them. `null` = there is no value. */
export type Cell = null | boolean | number | bigint | string | Uint8Array | readonly Cell[];

/** Some rows of one column. */
export type Values =
  /** Row-major [rows, ...shape]. */
  | { readonly kind: 'tensor'; readonly data: NumberArray }
  /** A `BadRow` stands for a row that cannot be read. */
  | { readonly kind: 'cells'; readonly cells: readonly (Cell | BadRow)[] };

/** Why one row cannot be read, as a clause: "the row has 3 values, the head names 4 columns". */
export class BadRow {
  constructor(readonly problem: string) {}
}

/** Rows of a data set, readable in any order until it is closed. */
export interface Table {
  /** Number of rows. */
  readonly length: number;
  readonly columns: readonly Column[];
  /**
   * Whether reading rows far apart is dear (compressed blocks): `training.shuffle: Blocks` then reads whole blocks.
   * Absent = any order costs the same.
   */
  readonly rowsPerBlock?: number;
  /**
   * The named columns of some rows, in the order of `rows`; the caller owns the memory.
   * @param rows below `length`
   * @param names of `columns`
   * @throws DataError when a file is damaged as a whole; ReadError
   */
  read(rows: ArrayLike<number>, names: readonly string[]): Promise<ReadonlyMap<string, Values>>;
  /** Where the columns are named, for people: "train.csv, line 1". Absent = no single place names them. */
  readonly head?: string;
  /** A row for people: "train.csv, line 18", "cats/007.jpg". */
  nameOf(row: number): string;
  close(): Promise<void>;
}
