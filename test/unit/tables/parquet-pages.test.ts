/** Pages that the writer of the other tests does not write: of the first version, over several pages, and damaged ones. */
import { crc32, gzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';

import { openParquet } from '../../../workers/tables/index.js';
import { withFolder } from '../../kit/folder.js';
import {
  craftedFile,
  type CraftedPage,
  dataPage,
  type Element,
  int32s,
  joined,
  levelRuns,
  listSchema,
} from '../../kit/parquet.js';
import { cellsOf, dataErrorOf, withTable } from '../../kit/tables.js';

const required: Element = { name: 'x', type: 'INT32', repetition_type: 'REQUIRED' };
const optional: Element = { name: 'x', type: 'INT32', repetition_type: 'OPTIONAL' };
const text: Element = { name: 'x', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' };
const lists = listSchema('x', { type: 'INT32' });

describe('pages of the first version', () => {
  const cases: readonly {
    readonly what: string;
    readonly schema: readonly Element[];
    readonly pages: readonly CraftedPage[];
    readonly want: readonly unknown[];
  }[] = [
    {
      what: 'follow each other',
      schema: [required],
      pages: [dataPage(int32s(1, 2), 2), dataPage(new Uint8Array(0), 0), dataPage(int32s(3), 1)],
      want: [1, 2, 3],
    },
    {
      what: 'have nulls',
      schema: [optional],
      pages: [dataPage(joined(levelRuns([1, 1], [0, 2]), int32s(1)), 3), dataPage(levelRuns([0, 1]), 1)],
      want: [1, null, null, null],
    },
    {
      what: 'end within rows of lists',
      schema: lists,
      pages: [
        // [1, 2 | , 3], [], null, [4 | , null |]
        dataPage(joined(levelRuns([0, 1], [1, 1]), levelRuns([3, 2]), int32s(1, 2)), 2),
        dataPage(joined(levelRuns([1, 1], [0, 3]), levelRuns([3, 1], [1, 1], [0, 1], [3, 1]), int32s(3, 4)), 4),
        dataPage(joined(levelRuns([1, 1]), levelRuns([2, 1])), 1),
        dataPage(joined(levelRuns([0, 1]), levelRuns([3, 1]), int32s(5)), 1),
      ],
      want: [[1, 2, 3], [], null, [4, null], [5]],
    },
    {
      what: 'have runs that are longer than the page',
      schema: [optional],
      pages: [dataPage(joined(levelRuns([1, 2 ** 31 - 1]), int32s(7, 8)), 2)],
      want: [7, 8],
    },
    {
      what: 'have a checksum',
      schema: [required],
      pages: [dataPage(int32s(7), 1, 'PLAIN', { crc: crc32(int32s(7)) | 0 })],
      want: [7],
    },
  ];
  test.each(cases)('$what', async ({ schema, pages, want }) => {
    await withFolder({ 'x.parquet': craftedFile(schema, want.length, pages) }, (folder) =>
      withTable(openParquet(folder), async (table) => {
        expect(await cellsOf(table, 'x')).toEqual(want);
        for (const row of [...want.keys()].reverse()) expect(await cellsOf(table, 'x', [row])).toEqual([want[row]]);
      }),
    );
  });
});

describe('a damaged page', () => {
  const huge = 2 ** 31 - 1;
  const zeros = new Uint8Array(1 << 24);
  const cases: readonly {
    readonly what: string;
    readonly schema?: readonly Element[];
    readonly rows?: number;
    readonly pages: readonly CraftedPage[];
    readonly data?: Parameters<typeof craftedFile>[3];
    /** Behind "it is damaged". */
    readonly want: string;
  }[] = [
    {
      what: 'declares more bytes than are read at once',
      pages: [dataPage(int32s(1), 1, 'PLAIN', { uncompressed_page_size: huge })],
      want: ': a page declares 2147483647 bytes, at most 268435456 are read',
    },
    {
      what: 'declares more packed bytes than its column has',
      pages: [dataPage(int32s(1), 1, 'PLAIN', { compressed_page_size: 1_000 })],
      want: ': a page ends outside its column',
    },
    {
      what: 'declares a negative size',
      pages: [dataPage(int32s(1), 1, 'PLAIN', { compressed_page_size: -4 })],
      want: ': a page header is damaged',
    },
    {
      what: 'declares more values than are read at once',
      pages: [dataPage(int32s(1), huge)],
      want: ': a page declares 2147483647 values, at most 16777216 are read',
    },
    {
      what: 'declares more values than it has',
      rows: 5,
      pages: [dataPage(int32s(1), 5)],
      want: ': the page ends too early',
    },
    {
      what: 'expands beyond the size that it declares',
      pages: [dataPage(new Uint8Array(gzipSync(zeros)), 1, 'PLAIN', { uncompressed_page_size: 4 })],
      data: { codec: 'GZIP' },
      want: '',
    },
    {
      what: 'is packed to another size than it declares',
      pages: [dataPage(new Uint8Array(gzipSync(int32s(1))), 1, 'PLAIN', { uncompressed_page_size: 400 })],
      data: { codec: 'GZIP' },
      want: ': the packed bytes have another size',
    },
    {
      what: 'declares one size in its header and another one to the codec',
      pages: [dataPage(Uint8Array.of(0xff, 0xff, 0xff, 0x7f, 0), 1, 'PLAIN', { uncompressed_page_size: 4 })],
      data: { codec: 'SNAPPY' },
      want: ': the packed bytes declare another size',
    },
    {
      what: 'has too few bytes for LZ4',
      pages: [dataPage(Uint8Array.of(0x10, 7), 1, 'PLAIN', { uncompressed_page_size: 4 })],
      data: { codec: 'LZ4_RAW' },
      want: ': the packed bytes have another size',
    },
    {
      what: 'has another checksum',
      pages: [dataPage(int32s(1), 1, 'PLAIN', { crc: 12_345 })],
      want: ': a page has another checksum',
    },
    {
      what: 'refers to a dictionary that is not there',
      pages: [dataPage(Uint8Array.of(1, 2, 0), 1, 'RLE_DICTIONARY')],
      want: ': a page refers to a dictionary that is not there',
    },
    {
      what: 'refers to a value outside its dictionary',
      pages: [
        {
          payload: int32s(7),
          header: { type: 'DICTIONARY_PAGE', dictionary_page_header: { num_values: 1, encoding: 'PLAIN' } },
        },
        dataPage(Uint8Array.of(1, 2, 1), 1, 'RLE_DICTIONARY'),
      ],
      want: ': a page refers to a value outside its dictionary',
    },
    {
      what: 'has the values of another row group',
      rows: 3,
      pages: [dataPage(int32s(1), 1)],
      want: ': its pages have 1 row, the row group 3',
    },
    {
      what: 'begins in the middle of a row',
      schema: lists,
      pages: [dataPage(joined(levelRuns([1, 1]), levelRuns([3, 1]), int32s(1)), 1)],
      want: ': its first page continues a row',
    },
    {
      what: 'has a level that no value can have',
      schema: lists,
      pages: [dataPage(joined(levelRuns([0, 1]), levelRuns([9, 1]), int32s(1)), 1)],
      want: ': a level is too high',
    },
    {
      what: 'has texts that grow without end',
      schema: [text],
      rows: 40_000,
      pages: [dataPage(growingTexts(40_000), 40_000, 'DELTA_BYTE_ARRAY')],
      want: ': the values are too long',
    },
    {
      what: 'has integers in parts without end',
      pages: [
        dataPage(
          Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07, 0xff, 0xff, 0xff, 0xff, 0x07, 1, 0),
          1,
          'DELTA_BINARY_PACKED',
        ),
      ],
      want: ': the head of delta-encoded integers is damaged',
    },
    {
      what: 'has an encoding that is not known',
      pages: [dataPage(int32s(1), 1, 'BIT_PACKED')],
      want: ': the encoding is BIT_PACKED',
    },
    {
      what: 'has nulls where the footer says that there are none',
      schema: [optional],
      pages: [dataPage(levelRuns([0, 1]), 1)],
      data: { statistics: { null_count: 0n } },
      want: ': it has nulls, and its footer says that it has none',
    },
    { what: 'has no header', pages: [], rows: 1, want: ': its pages have 0 rows, the row group 1' },
  ];
  test.each(cases)('$what', async ({ schema = [required], rows = 1, pages, data, want }) => {
    await withFolder({ 'x.parquet': craftedFile(schema, rows, pages, data) }, (folder) =>
      withTable(openParquet(folder), async (table) => {
        expect(await dataErrorOf(folder, () => table.read([0], ['x']))).toBe(
          `x.parquet, row group 1, column x: it is damaged${want}. Get the file again.`,
        );
      }),
    );
  });

  test.each(['LZO', 'LZ4'] as const)('has the codec %s, which is not read', async (codec) => {
    const file = craftedFile([required], 1, [dataPage(int32s(1), 1)], { codec });
    await withFolder({ 'x.parquet': file }, (folder) =>
      withTable(openParquet(folder), async (table) => {
        expect(await dataErrorOf(folder, () => table.read([0], ['x']))).toBe(
          `x.parquet, column x: found the compression ${codec}, expected zstd, snappy, gzip, brotli, LZ4_RAW or none. Write the file with one of them.`,
        );
      }),
    );
  });
});

/** Texts each of which is the one before it and a letter more: few bytes in the page, many in memory. */
function growingTexts(count: number): Uint8Array {
  // Blocks of one part with 128 values: prefixes 0, 1, 2 …; suffixes of length 1.
  const head = (first: number): number[] => [0x80, 0x01, 0x01, ...varint(count), first * 2];
  const blocks = (delta: number): number[] =>
    Array.from({ length: Math.ceil(count / 128) }, () => [delta * 2, 0]).flat();
  return Uint8Array.from([
    ...head(0),
    ...blocks(1),
    ...head(1),
    ...blocks(0),
    ...Array.from({ length: count }, () => 0x61),
  ]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
