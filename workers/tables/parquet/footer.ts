/** The footer of a Parquet file: its columns, and where the chunks of its row groups are. Every size is checked here. */
import type { CompressionCodec, FileMetaData, RowGroup } from 'hyparquet';
import { parquetMetadata } from 'hyparquet';

import { DataError } from '../../samples/index.js';
import { refuseForeign } from '../foreign.js';
import type { SourceFiles } from '../source-files.js';
import { Damage } from './damage.js';
import { columnsOf, type Leaf, type ParquetColumn } from './schema.js';
import { structEnd } from './thrift.js';

/** The values of one leaf in one row group. */
export interface Chunk {
  readonly codec: CompressionCodec;
  /** In the file. */
  readonly start: number;
  readonly end: number;
  /** Values and nulls. */
  readonly values: number;
  /** Whether the file says that there are no nulls among them. */
  readonly isFull: boolean;
}

export interface Group {
  readonly rows: number;
  /** Of all its chunks, unpacked. */
  readonly bytes: number;
  /** By the index of the leaf; null for a chunk that is encrypted. */
  readonly chunks: readonly (Chunk | null)[];
}

export interface Footer {
  readonly columns: readonly ParquetColumn[];
  readonly groups: readonly Group[];
}

const magic = 'PAR1';
const encryptedMagic = 'PARE';
/** Magic at both ends, and the length of the footer. */
const leastBytes = 12;
/** Enough to recognize other formats. */
const headBytes = 64;
const maxFooterBytes = 1 << 26;
const again = 'get the file again';

/** @throws DataError when the file is foreign, encrypted, cut or damaged; ReadError */
export function readFooter(files: SourceFiles, file: number): Footer {
  const path = files.path(file);
  const size = files.size(file);
  const fault = (found: string, expected: string, remedy: string): DataError =>
    new DataError({ about: path, found, expected, remedy });
  const head = Buffer.alloc(Math.min(headBytes, size));
  files.read(file, head, 0);
  const start = head.toString('latin1', 0, 4);
  if (start === encryptedMagic) throw encrypted(path);
  if (start !== magic) {
    refuseForeign(head, path, files.kind);
    throw fault(`a file that begins with ${JSON.stringify(start)}`, 'a Parquet file', 'set the format that it has');
  }
  const tail = Buffer.alloc(8);
  if (size >= leastBytes) files.read(file, tail, size - tail.length);
  const end = tail.toString('latin1', 4);
  if (end === encryptedMagic) throw encrypted(path);
  if (end !== magic) throw fault('a file that is cut or still being written', 'a Parquet file', again);
  const length = tail.readUInt32LE(0);
  if (length > size - leastBytes || length > maxFooterBytes) {
    const most = Math.min(size - leastBytes, maxFooterBytes);
    throw fault(`a footer of ${String(length)} bytes`, `at most ${String(most)}`, again);
  }
  const footer = new Uint8Array(length + tail.length);
  files.read(file, footer, size - footer.length);
  try {
    return checkedFooter(footer, length, size - tail.length - length);
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError({ about: path, problem: 'its footer is damaged', remedy: again }, { cause: error });
  }
}

function encrypted(path: string): DataError {
  return new DataError({ about: path, found: 'an encrypted file', expected: 'a Parquet file', remedy: 'decrypt it' });
}

/** Statistics stay bytes: they are not read, and converting them could fail. */
const parsers = { stringFromBytes: (bytes: Uint8Array) => bytes, jsonFromBytes: (bytes: Uint8Array) => bytes };

/** @param dataEnd where the data of the file ends */
function checkedFooter(bytes: Uint8Array, length: number, dataEnd: number): Footer {
  if (structEnd(bytes.subarray(0, length), 0) === null) throw new Damage('the footer ends too early');
  const metadata = parquetMetadata(bytes, { geoparquet: false, parsers });
  const columns = columnsOf(metadata.schema);
  const leaves = metadata.schema.filter(({ type }) => type !== undefined).length;
  const groups = metadata.row_groups.map((group) => groupOf(group, leaves, dataEnd));
  checkPaths(metadata, columns);
  const rows = groups.reduce((sum, group) => sum + group.rows, 0);
  if (rows !== Number(metadata.num_rows)) throw new Damage('the row groups have another number of rows');
  return { columns, groups };
}

function groupOf(
  { columns, num_rows: rows, total_byte_size: bytes }: RowGroup,
  leaves: number,
  dataEnd: number,
): Group {
  if (columns.length !== leaves) throw new Damage('a row group has another number of columns');
  return { rows: natural(rows), bytes: natural(bytes), chunks: columns.map((column) => chunkOf(column, dataEnd)) };
}

function chunkOf(column: RowGroup['columns'][number], dataEnd: number): Chunk | null {
  const { meta_data: data, crypto_metadata: crypto, encrypted_column_metadata: hidden } = column;
  if (crypto !== undefined || hidden !== undefined) return null;
  if (data === undefined || column.file_path !== undefined) throw new Damage('a column lies in another file');
  // Some writers leave the place of a dictionary empty, or zero.
  const dictionary = natural(data.dictionary_page_offset ?? 0n);
  const first = natural(data.data_page_offset);
  const start = dictionary > 0 && dictionary < first ? dictionary : first;
  const end = start + natural(data.total_compressed_size);
  if (end > dataEnd) throw new Damage('a column lies outside the file');
  return {
    codec: data.codec,
    start,
    end,
    values: natural(data.num_values),
    isFull: data.statistics?.null_count === 0n,
  };
}

/** Chunks are found by their order; their paths must agree with it. */
function checkPaths({ row_groups: groups }: FileMetaData, columns: readonly ParquetColumn[]): void {
  const leaves = columns.flatMap(({ leaf }): readonly Leaf[] => (leaf === null ? [] : [leaf]));
  for (const group of groups) {
    for (const { index, path, type } of leaves) {
      const data = group.columns[index]?.meta_data;
      if (data === undefined) continue;
      const isSame = data.type === type && data.path_in_schema.join('\0') === path.join('\0');
      if (!isSame) throw new Damage('the columns of a row group are in another order');
    }
  }
}

function natural(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw new Damage('a size is damaged');
  return number;
}
