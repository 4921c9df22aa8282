/** The door of the room of tables: the rows of a data set's files, of each format. */
export { byBytes } from './byte-order.js';
export { openIdx } from './arrays/idx.js';
export type { IdxColumn } from './arrays/idx-header.js';
export { openNpy } from './arrays/npy.js';
export { type NpzArray, npzNames, openNpz } from './arrays/npz.js';
export { DataError, ReadError, readFailure } from './errors.js';
export type { FarBytes, FarFiles } from './far.js';
export type { FolderTable } from './files/folder-table.js';
export { openImageFolder } from './files/image-folder.js';
export { openFiles } from './files/plain-files.js';
export { openTar } from './files/tar.js';
export { BadRow } from './table.js';
export type { Cell, Column, NumberArray, NumberType, Table, Values } from './table.js';
export { openParquet } from './parquet/open.js';
export { endingsOf, withoutPacked } from './source-files.js';
export { csvFiles, openCsv } from './text/csv.js';
export { decimalOf, integerOf } from './text/decimal.js';
export { jsonlFiles, openJsonl } from './text/jsonl.js';
