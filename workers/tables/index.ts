/** The door of the room of tables: the rows of a data set's files, of each format. */
export { DataError, ReadError, readFailure } from './errors.js';
export { BadRow } from './table.js';
export type { Cell, Column, NumberArray, NumberType, Table, Values } from './table.js';
export { openParquet } from './parquet/parquet.js';
export { openCsv } from './text/csv.js';
export { decimalOf, integerOf } from './text/decimal.js';
export { openJsonl } from './text/jsonl.js';
