/** Any Parquet file: the values that were written and that hyparquet reads; damaged ones end in a sentence. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

import { openParquet, type Table } from '../../../workers/tables/index.js';
import { DataError } from '../../../workers/samples/index.js';
import { withFolder } from '../../kit/folder.js';
import { codecs, type ColumnData, type Element, listSchema, parquetOf } from '../../kit/parquet.js';
import { allRows, cellsOf, withTable } from '../../kit/tables.js';
import { anyCharacter } from '../../kit/characters.js';

const word = fc.oneof(fc.constantFrom('', 'cat', 'dog', 'é'), fc.string({ unit: anyCharacter, maxLength: 20 }));
const bytes = fc.uint8Array({ maxLength: 20 });
const small = fc.integer({ min: -3, max: 3 });
const float32 = fc.float({ noNaN: true });

/** A kind of column: its schema, its values, and the encodings that fit them. */
interface Kind {
  readonly element: Partial<Element>;
  readonly value: fc.Arbitrary<unknown>;
  readonly encodings: readonly NonNullable<ColumnData['encoding']>[];
}

const kinds: readonly Kind[] = [
  {
    element: { type: 'INT32' },
    value: fc.oneof(small, fc.integer()),
    encodings: ['DELTA_BINARY_PACKED', 'BYTE_STREAM_SPLIT'],
  },
  {
    element: { type: 'INT64' },
    value: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
    encodings: ['DELTA_BINARY_PACKED', 'BYTE_STREAM_SPLIT'],
  },
  { element: { type: 'FLOAT' }, value: float32, encodings: ['BYTE_STREAM_SPLIT'] },
  { element: { type: 'DOUBLE' }, value: fc.double({ noNaN: true }), encodings: ['BYTE_STREAM_SPLIT'] },
  { element: { type: 'BOOLEAN' }, value: fc.boolean(), encodings: ['RLE'] },
  {
    element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    value: word.filter((text) => text.isWellFormed()),
    encodings: ['DELTA_LENGTH_BYTE_ARRAY', 'DELTA_BYTE_ARRAY'],
  },
  { element: { type: 'BYTE_ARRAY' }, value: bytes, encodings: ['DELTA_LENGTH_BYTE_ARRAY', 'DELTA_BYTE_ARRAY'] },
];

/** A column of a few hundred values or lists of them, with or without nulls. */
const column = fc.constantFrom(...kinds).chain(({ element, value, encodings }) => {
  const nullable = fc.option(value, { freq: 5 });
  const encoding = fc.constantFrom('PLAIN' as const, ...encodings);
  const flat = { element, isList: fc.constant(false), encoding: fc.option(encoding, { nil: undefined }) };
  const array = (of: fc.Arbitrary<unknown>) => fc.array(of, { minLength: 1, maxLength: 60 });
  return fc.oneof(
    fc.record({
      ...flat,
      element: fc.constant({ ...element, repetition_type: 'REQUIRED' as const }),
      data: array(value),
    }),
    fc.record({
      ...flat,
      element: fc.constant({ ...element, repetition_type: 'OPTIONAL' as const }),
      data: array(nullable),
    }),
    fc.record({
      element: fc.constant(element),
      isList: fc.constant(true),
      encoding: fc.constant(undefined),
      data: array(fc.option(fc.array(nullable, { maxLength: 5 }), { freq: 5 })),
    }),
  );
});

const layout = fc.record({
  codec: fc.constantFrom(...codecs),
  pageSize: fc.integer({ min: 10, max: 400 }),
  rowGroupSize: fc.integer({ min: 1, max: 80 }),
});

function fileOf({ element, isList, encoding, data }: Written, how: object): Uint8Array {
  const own = isList ? listSchema('x', element) : [{ name: 'x', ...element }];
  const schema: Element[] = [{ name: 'root', num_children: 1 }, ...own];
  const columnData = { name: 'x', data, ...(encoding === undefined ? {} : { encoding }) };
  return parquetOf([columnData], { schema, ...how });
}
type Written = typeof column extends fc.Arbitrary<infer T> ? T : never;

/** Booleans without nulls are a tensor of bytes. */
function asRead(value: unknown, table: Table): unknown {
  return typeof value === 'boolean' && table.columns[0]?.kind === 'tensor' ? Number(value) : value;
}

describe('a Parquet file', () => {
  test('gives back what was written, in any order of reads and with any cache, as hyparquet reads it', async () => {
    await withFolder({}, (folder) =>
      fc.assert(
        fc.asyncProperty(
          column,
          layout,
          fc.integer({ min: 0, max: 2_000 }),
          fc.infiniteStream(fc.nat()),
          async (written, how, cacheBytes, picks) => {
            const path = join(folder, 'x.parquet');
            const file = fileOf(written, how);
            await writeFile(path, file);
            const library = await parquetReadObjects({ file: file.buffer as ArrayBuffer, compressors, utf8: false });
            await withTable(openParquet(path, { cacheBytes }), async (table) => {
              expect(table.length).toBe(written.data.length);
              const order = Array.from({ length: 30 }, () => picks.next().value % table.length);
              for (const wanted of [allRows(table), order, order.slice(0, 1)]) {
                const cells = await cellsOf(table, 'x', wanted);
                expect(cells).toEqual(wanted.map((row) => asRead(written.data[row], table)));
                expect(cells).toEqual(wanted.map((row) => asRead(library[row]?.x, table)));
              }
            });
          },
        ),
        { numRuns: 200 },
      ),
    );
  });

  test('with any bytes changed gives rows or a sentence, and nothing else', async () => {
    const change = fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xff), fc.nat({ max: 255 })));
    await withFolder({}, (folder) =>
      fc.assert(
        fc.asyncProperty(
          column,
          layout,
          fc.array(change, { minLength: 1, maxLength: 4 }),
          async (written, how, changes) => {
            const file = fileOf(written, how);
            for (const [at, byte] of changes) file[at % file.length] = byte;
            const path = join(folder, 'x.parquet');
            await writeFile(path, file);
            try {
              await withTable(openParquet(path), async (table) => {
                for (const { name } of table.columns) await table.read(allRows(table).slice(0, 1_000), [name]);
              });
            } catch (error) {
              expect(error).toBeInstanceOf(DataError);
            }
          },
        ),
        { numRuns: 400 },
      ),
    );
  });
});
