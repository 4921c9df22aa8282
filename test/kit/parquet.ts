/** Parquet files in memory, of hyparquet-writer; and changes of their bytes that no writer makes. */
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';

import type { CompressionCodec } from 'hyparquet';
import { ByteWriter, parquetWriteBuffer } from 'hyparquet-writer';
import { writePageHeader } from 'hyparquet-writer/src/datapage.js';
import { writeMetadata } from 'hyparquet-writer/src/metadata.js';

type Options = Parameters<typeof parquetWriteBuffer>[0];
export type Element = NonNullable<Options['schema']>[number];
export type ColumnData = Options['columnData'][number];

const bytesOnly = (bytes: Buffer): Uint8Array => new Uint8Array(bytes);
const packers = {
  GZIP: (bytes: Uint8Array) => bytesOnly(gzipSync(bytes)),
  BROTLI: (bytes: Uint8Array) => bytesOnly(brotliCompressSync(bytes)),
  ZSTD: (bytes: Uint8Array) => bytesOnly(zstdCompressSync(bytes)),
};

/** Codecs that tests write: the writer itself has Snappy. */
export const codecs: readonly CompressionCodec[] = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD'];

export function parquetOf(columnData: readonly ColumnData[], options: Partial<Options> = {}): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({ columnData: [...columnData], compressors: packers, ...options }));
}

/** Schema elements of a column whose values are lists. */
export function listSchema(name: string, element: object): NonNullable<Options['schema']> {
  return [
    { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL', ...element },
  ];
}

/** The footer's length, as the file tells it. */
export function footerLength(file: Uint8Array): number {
  return new DataView(file.buffer, file.byteOffset).getUint32(file.length - 8, true);
}

/** The file with `by` in place of the bytes `at`. */
export function patched(file: Uint8Array, at: number, by: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(file);
  copy.set(by, at);
  return copy;
}

/** One page as a test wants it: its header may lie. */
export interface CraftedPage {
  readonly payload: Uint8Array;
  readonly header: Partial<Header>;
}
type Header = Parameters<typeof writePageHeader>[1];
type Metadata = Parameters<typeof writeMetadata>[1];
type ColumnMetadata = NonNullable<Metadata['row_groups'][number]['columns'][number]['meta_data']>;

/** A data page of the first version. @param payload levels and values. @param values and nulls */
export function dataPage(
  payload: Uint8Array,
  values: number,
  encoding: ColumnMetadata['encodings'][number] = 'PLAIN',
  header: Partial<Header> = {},
): CraftedPage {
  const levels = { definition_level_encoding: 'RLE', repetition_level_encoding: 'RLE' } as const;
  return {
    payload,
    header: { type: 'DATA_PAGE', data_page_header: { num_values: values, encoding, ...levels }, ...header },
  };
}

/** A file of one column and one row group. @param schema of the column. @param data what the footer says of the column */
export function craftedFile(
  schema: readonly Element[],
  rows: number,
  pages: readonly CraftedPage[],
  data: Partial<ColumnMetadata> = {},
): Uint8Array {
  const writer = new ByteWriter();
  writer.appendUint32(0x31524150);
  for (const { payload, header } of pages) {
    const sizes = { uncompressed_page_size: payload.length, compressed_page_size: payload.length };
    writePageHeader(writer, { type: 'DATA_PAGE', ...sizes, ...header });
    writer.appendBytes(payload);
  }
  const leaf = schema.find(({ type }) => type !== undefined);
  const size = BigInt(writer.offset - 4);
  const column: ColumnMetadata = {
    type: leaf?.type ?? 'INT32',
    encodings: ['PLAIN'],
    path_in_schema: schema.map(({ name }) => name),
    codec: 'UNCOMPRESSED',
    num_values: BigInt(rows),
    total_uncompressed_size: size,
    total_compressed_size: size,
    data_page_offset: 4n,
    ...data,
  };
  writeMetadata(writer, {
    version: 2,
    schema: [{ name: 'root', num_children: 1 }, ...schema],
    num_rows: BigInt(rows),
    row_groups: [{ columns: [{ file_offset: 4n, meta_data: column }], total_byte_size: size, num_rows: BigInt(rows) }],
    metadata_length: 0,
  });
  writer.appendUint32(0x31524150);
  return new Uint8Array(writer.getBuffer());
}

/** Runs of levels below 256, as pages of the first version have them: a length, then each run's head and value. */
export function levelRuns(...runs: readonly (readonly [level: number, count: number])[]): Uint8Array {
  const body = new ByteWriter();
  for (const [level, count] of runs) {
    body.appendVarInt(count * 2);
    body.appendUint8(level);
  }
  const all = new ByteWriter();
  all.appendUint32(body.offset);
  all.appendBytes(body.getBytes());
  return all.getBytes();
}

/** Values of four bytes, as PLAIN has them. */
export function int32s(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
