/**
 * Unpacks a page of a Parquet file to exactly the size that its header declares. No more memory than that is taken, however
 * far the packed bytes expand. Pure.
 */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';

import type { CompressionCodec } from 'hyparquet';
import { compressors, decompressLz4Raw } from 'hyparquet-compressors';

import { Damage } from './damage.js';

type Unpack = (packed: Uint8Array, size: number) => Uint8Array;

const unpackers: Readonly<Partial<Record<CompressionCodec, Unpack>>> = {
  UNCOMPRESSED: (packed) => packed,
  GZIP: (packed, size) => gunzipSync(packed, { maxOutputLength: size }),
  BROTLI: (packed, size) => brotliDecompressSync(packed, { maxOutputLength: size }),
  ZSTD: (packed, size) => zstdDecompressSync(packed, { maxOutputLength: size }),
  SNAPPY: (packed, size) => {
    if (snappySize(packed) !== size) throw new Damage('the packed bytes declare another size');
    return compressors.SNAPPY?.(packed, size) ?? packed;
  },
  LZ4_RAW: (packed, size) => {
    // The library fills what it can and tells nothing about the rest.
    if (lz4Size(packed) !== size) throw new Damage('the packed bytes have another size');
    return decompressLz4Raw(packed, size);
  },
};

/** Whether pages of a codec can be read; LZO and the old framing of LZ4 cannot. */
export function isReadable(codec: CompressionCodec): boolean {
  return unpackers[codec] !== undefined;
}

/** @param size bounded by the caller. @throws Error for packed bytes that are damaged or have another size */
export function unpacked(codec: CompressionCodec, packed: Uint8Array, size: number): Uint8Array {
  const unpack = unpackers[codec];
  if (unpack === undefined) throw new Damage(`the codec is ${codec}`);
  const bytes = size === 0 ? new Uint8Array(0) : unpack(packed, size);
  if (bytes.length !== size) throw new Damage('the packed bytes have another size');
  // Not a Buffer, whose slice() shares memory.
  return new Uint8Array(bytes.buffer, bytes.byteOffset, size);
}

function snappySize(packed: Uint8Array): number {
  let size = 0;
  for (let at = 0; at < 5; at++) {
    const byte = packed[at] ?? 0;
    size += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) break;
  }
  return size;
}

function lz4Size(packed: Uint8Array): number {
  let size = 0;
  let at = 0;
  const length = (nibble: number): number => {
    let sum = nibble;
    for (let byte = nibble === 15 ? 255 : 0; byte === 255;) sum += byte = packed[at++] ?? 0;
    return sum;
  };
  while (at < packed.length) {
    const token = packed[at++] ?? 0;
    const literals = length(token >> 4);
    at += literals;
    size += literals;
    if (at >= packed.length) break;
    at += 2;
    size += length(token & 0x0f) + 4;
  }
  return size;
}
