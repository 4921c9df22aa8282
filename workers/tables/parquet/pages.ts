/** The pages of a column chunk: a walk from header to header, whose sizes are checked before anything is read by them. */
import { crc32 } from 'node:zlib';

import { count } from '@distillery/base';
import type { Encoding } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

import type { SourceFiles } from '../source-files.js';
import { Damage } from './damage.js';
import { unpacked } from './decompress.js';
import type { Chunk } from './footer.js';
import { structEnd } from './thrift.js';

export interface Page {
  readonly is: 'data' | 'dictionary';
  /** Of its bytes in the file, behind the header. */
  readonly start: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly encoding: Encoding;
  /** Values and nulls. */
  readonly values: number;
  readonly crc: number | null;
  /** Whether its levels have the encoding that replaced another one in 2013. */
  readonly hasRunLengths: boolean;
  /** Of a page of the second version: its levels stand before the rest and are not packed. */
  readonly levels: { readonly repetition: number; readonly definition: number; readonly isPacked: boolean } | null;
}

/** A page is unpacked as a whole. */
export const maxPageBytes = 1 << 28;
/** Writers end a page by its bytes: one that repeats a value may have a whole row group of them. */
export const maxPageValues = 1 << 24;
const maxPages = 1 << 17;
/** Headers hold statistics: the least and the greatest value, which may be long. */
const headerBytes = [1 << 12, 1 << 16, 1 << 22] as const;

/** @throws Damage for a damaged header, and for a page that is larger than the limits; ReadError */
export function pagesOf(files: SourceFiles, file: number, chunk: Chunk): readonly Page[] {
  const pages: Page[] = [];
  for (let at = chunk.start; at < chunk.end;) {
    const page = pageAt(files, file, at, chunk.end);
    if (page.page !== null) pages.push(page.page);
    if (pages.length > maxPages) throw new Damage(`a column has more than ${String(maxPages)} pages in one row group`);
    at = page.end;
  }
  return pages;
}

function pageAt(files: SourceFiles, file: number, at: number, end: number): { page: Page | null; end: number } {
  for (const most of headerBytes) {
    const bytes = new Uint8Array(Math.min(most, end - at));
    files.read(file, bytes, at);
    const length = structEnd(bytes, 0);
    if (length !== null) return checkedPage(bytes, at + length, end);
    if (bytes.length < most) break;
  }
  throw new Damage('a page header has no end');
}

function checkedPage(bytes: Uint8Array, start: number, chunkEnd: number): { page: Page | null; end: number } {
  const header = parquetHeader({ view: new DataView(bytes.buffer), offset: 0 });
  const packedBytes = natural(header.compressed_page_size, maxPageBytes, 'packed byte');
  const size = natural(header.uncompressed_page_size, maxPageBytes, 'byte');
  const end = start + packedBytes;
  if (end > chunkEnd) throw new Damage('a page ends outside its column');
  const common = { start, packedBytes, bytes: size, crc: header.crc ?? null, hasRunLengths: true };
  const { dictionary_page_header: dictionary, data_page_header: first, data_page_header_v2: second } = header;
  if (header.type === 'DICTIONARY_PAGE' && dictionary !== undefined) {
    const values = natural(dictionary.num_values, maxPageValues, 'value');
    return { page: { ...common, is: 'dictionary', encoding: 'PLAIN', values, levels: null }, end };
  }
  if (header.type === 'DATA_PAGE' && first !== undefined) {
    const values = natural(first.num_values, maxPageValues, 'value');
    const hasRunLengths = first.definition_level_encoding === 'RLE';
    return { page: { ...common, is: 'data', encoding: first.encoding, values, levels: null, hasRunLengths }, end };
  }
  if (header.type === 'DATA_PAGE_V2' && second !== undefined) {
    const values = natural(second.num_values, maxPageValues, 'value');
    const repetition = natural(second.repetition_levels_byte_length, packedBytes, 'byte');
    const definition = natural(second.definition_levels_byte_length, packedBytes - repetition, 'byte');
    natural(size - repetition - definition, size, 'byte');
    const levels = { repetition, definition, isPacked: second.is_compressed !== false };
    return { page: { ...common, is: 'data', encoding: second.encoding, values, levels }, end };
  }
  // An index page holds nothing that is read.
  if (header.type === 'INDEX_PAGE') return { page: null, end };
  throw new Damage('a page is of no known type');
}

function natural(value: unknown, most: number, noun: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw new Damage('a page header is damaged');
  if (value > most) throw new Damage(`a page declares ${count(value, noun)}, at most ${String(most)} are read`);
  return value;
}

/** The unpacked bytes of a page, in memory of their own. @throws Error for damaged bytes; ReadError */
export function pageBytes(files: SourceFiles, file: number, { codec }: Chunk, page: Page): Uint8Array {
  const packed = new Uint8Array(page.packedBytes);
  files.read(file, packed, page.start);
  if (page.crc !== null && crc32(packed) >>> 0 !== page.crc >>> 0) throw new Damage('a page has another checksum');
  if (page.levels === null) return unpacked(codec, packed, page.bytes);
  const before = page.levels.repetition + page.levels.definition;
  const rest = unpacked(page.levels.isPacked ? codec : 'UNCOMPRESSED', packed.subarray(before), page.bytes - before);
  const bytes = new Uint8Array(page.bytes);
  bytes.set(packed.subarray(0, before));
  bytes.set(rest, before);
  return bytes;
}
