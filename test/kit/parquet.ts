/** Parquet files in memory, of hyparquet-writer; and changes of their bytes that no writer makes. */
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';

import type { CompressionCodec } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';

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
