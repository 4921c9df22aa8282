import { symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { openParquet } from '../../../workers/tables/index.js';
import { withFolder } from '../../kit/folder.js';
import {
  type ColumnData,
  codecs,
  type Element,
  footerLength,
  listSchema,
  parquetOf,
  patched,
} from '../../kit/parquet.js';
import { cellsOf, dataErrorOf, namesOf, withTable } from '../../kit/tables.js';

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

/** Opens what `columnData` becomes as a file. */
async function withColumns(
  columnData: readonly ColumnData[],
  work: Parameters<typeof withTable>[1],
  options: Parameters<typeof parquetOf>[1] = {},
): Promise<void> {
  await withFolder({ 'x.parquet': parquetOf(columnData, options) }, async (folder) => {
    await withTable(openParquet(join(folder, 'x.parquet')), work);
  });
}

describe('a column of numbers without nulls', () => {
  const cases: readonly {
    readonly what: string;
    readonly data: ColumnData['data'];
    readonly element: Partial<Element>;
    readonly dtype: string;
    readonly want?: readonly unknown[];
  }[] = [
    { what: 'int32', data: [1, -2, 3], element: { type: 'INT32' }, dtype: 'int32' },
    { what: 'int64', data: [1n, -(2n ** 60n)], element: { type: 'INT64' }, dtype: 'int64' },
    { what: 'float32', data: [0.5, -1.25], element: { type: 'FLOAT' }, dtype: 'float32' },
    { what: 'float64', data: [0.1, 1e300], element: { type: 'DOUBLE' }, dtype: 'float64' },
    { what: 'uint8', data: [0, 255], element: { type: 'INT32', converted_type: 'UINT_8' }, dtype: 'uint8' },
    { what: 'int16', data: [-300, 300], element: { type: 'INT32', converted_type: 'INT_16' }, dtype: 'int16' },
    {
      what: 'float16',
      data: [0.5, 65504, -0.00006103515625],
      element: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 2, logical_type: { type: 'FLOAT16' } },
      dtype: 'float32',
    },
    { what: 'booleans', data: [true, false, true], element: { type: 'BOOLEAN' }, dtype: 'uint8', want: [1, 0, 1] },
    {
      what: 'decimals, to the nearest number',
      data: [123.45, -0.01, 0.3],
      element: { type: 'INT64', converted_type: 'DECIMAL', scale: 2, precision: 18 },
      dtype: 'float64',
      want: [123.45, -0.01, 0.3],
    },
    {
      what: 'days since 1970',
      data: [new Date('1970-01-11'), new Date('1969-12-31')],
      element: { type: 'INT32', converted_type: 'DATE' },
      dtype: 'int32',
      want: [10, -1],
    },
  ];
  test.each(cases)('is a tensor: $what', async ({ data, element, dtype, want }) => {
    for (const repetition_type of ['REQUIRED', 'OPTIONAL'] as const) {
      const schema = [
        { name: 'root', num_children: 1 },
        { name: 'x', repetition_type, ...element },
      ];
      await withColumns(
        [{ name: 'x', data }],
        async (table) => {
          expect(table.columns).toEqual([{ name: 'x', kind: 'tensor', dtype, shape: [] }]);
          expect(await cellsOf(table, 'x')).toEqual(want ?? data);
          const values = (await table.read([1, 0], ['x'])).get('x');
          const type = values?.kind === 'tensor' ? values.data.constructor.name : '';
          expect(type.toLowerCase().replace('big', '')).toBe(`${dtype}array`);
        },
        { schema },
      );
    }
  });
});

describe('a column of cells', () => {
  test('holds numbers that may be null', async () => {
    await withColumns(
      [
        { name: 'i', data: [1, null, 3], type: 'INT32' },
        { name: 'l', data: [2n ** 60n, null, -1n], type: 'INT64' },
        { name: 'b', data: [null, true, false], type: 'BOOLEAN' },
      ],
      async (table) => {
        expect(await cellsOf(table, 'i')).toEqual([1, null, 3]);
        expect(await cellsOf(table, 'l')).toEqual([2n ** 60n, null, -1n]);
        expect(await cellsOf(table, 'b', [2, 1, 0])).toEqual([false, true, null]);
      },
    );
  });

  test('holds numbers where the file does not say that there are no nulls', async () => {
    await withColumns(
      [{ name: 'i', data: [1, 2], type: 'INT32' }],
      async (table) => {
        expect(table.columns).toEqual([{ name: 'i', kind: 'cells' }]);
        expect(await cellsOf(table, 'i')).toEqual([1, 2]);
      },
      { statistics: false },
    );
  });

  test('holds texts, and bytes that belong to the caller', async () => {
    const data = [utf8('é'), bytes(0, 255), null];
    await withColumns(
      [
        { name: 't', data: ['', '日本 😀', null], type: 'STRING' },
        { name: 'b', data, type: 'BYTE_ARRAY' },
      ],
      async (table) => {
        expect(await cellsOf(table, 't')).toEqual(['', '日本 😀', null]);
        const [cell] = await cellsOf(table, 'b');
        (cell as Uint8Array).fill(7);
        expect(await cellsOf(table, 'b')).toEqual(data);
      },
    );
  });

  test('holds bad rows where its texts are no UTF-8', async () => {
    const file = parquetOf([{ name: 't', data: ['ab', 'XYZ', 'c'], type: 'STRING' }], {
      codec: 'UNCOMPRESSED',
      statistics: false,
    });
    const at = Buffer.from(file).indexOf('XYZ');
    await withFolder({ 'x.parquet': patched(file, at, [0xff]) }, (folder) =>
      withTable(openParquet(folder), async (table) => {
        expect(await cellsOf(table, 't')).toEqual(['ab', { bad: 'its text is not UTF-8' }, 'c']);
      }),
    );
  });

  test('holds lists, and lists of lists', async () => {
    const data = [[1, 2], [], null, [null, 3]];
    const deep = [[[1], []], [], null, [null, [2, null, 3]]];
    const inner = listSchema('element', { type: 'INT32' });
    const schema = [
      { name: 'root', num_children: 2 },
      ...listSchema('x', { type: 'FLOAT' }),
      { name: 'y', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...inner,
    ] as const;
    await withColumns(
      [
        { name: 'x', data },
        { name: 'y', data: deep },
      ],
      async (table) => {
        expect(await cellsOf(table, 'x')).toEqual(data);
        expect(await cellsOf(table, 'y', [3, 0, 2, 1])).toEqual([deep[3], deep[0], null, []]);
      },
      { schema: [...schema] },
    );
  });

  test('holds the bytes of the pair that Hugging Face writes for images', async () => {
    const data = [{ bytes: bytes(1, 2), path: 'a.png' }, null, { bytes: null, path: 'b.png' }];
    const schema = [
      { name: 'root', num_children: 2 },
      { name: 'image', repetition_type: 'OPTIONAL', num_children: 2 },
      { name: 'bytes', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY' },
      { name: 'path', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
      { name: 'label', repetition_type: 'REQUIRED', type: 'INT64' },
    ] as const;
    await withColumns(
      [
        { name: 'image', data },
        { name: 'label', data: [3n, 1n, 2n] },
      ],
      async (table) => {
        expect(namesOf(table)).toEqual(['image', 'label']);
        expect(await cellsOf(table, 'image')).toEqual([
          bytes(1, 2),
          null,
          { bad: 'its bytes are not in the file, only a path or nothing' },
        ]);
        expect(await cellsOf(table, 'label', [2, 0])).toEqual([2n, 3n]);
      },
      { schema: [...schema] },
    );
  });

  test('of another kind says so when it is read, and only then', async () => {
    const schema = [
      { name: 'root', num_children: 2 },
      { name: 'point', repetition_type: 'OPTIONAL', num_children: 2 },
      { name: 'x', repetition_type: 'REQUIRED', type: 'INT32' },
      { name: 'y', repetition_type: 'REQUIRED', type: 'INT32' },
      { name: 'z', repetition_type: 'REQUIRED', type: 'INT32' },
    ] as const;
    const columnData = [
      { name: 'point', data: [{ x: 1, y: 2 }] },
      { name: 'z', data: [3] },
    ];
    await withFolder({ 'x.parquet': parquetOf(columnData, { schema: [...schema] }) }, (folder) =>
      withTable(openParquet(folder), async (table) => {
        expect(await cellsOf(table, 'z')).toEqual([3]);
        expect(await dataErrorOf(folder, () => table.read([0], ['point']))).toBe(
          'x.parquet, column point: found a struct of x, y, expected numbers, texts, bytes, or lists of them. Write its parts as columns of their own, or read another column.',
        );
      }),
    );
  });
});

describe('a Parquet table', () => {
  test('may have several files, whose rows follow each other', async () => {
    const files = {
      'b.parquet': parquetOf([{ name: 'x', data: [3, 4], type: 'INT32' }], { codec: 'UNCOMPRESSED' }),
      'a.parquet': parquetOf([{ name: 'x', data: [1, 2], type: 'INT32' }], { rowGroupSize: 1 }),
      _SUCCESS: '',
    };
    await withFolder(files, (folder) =>
      withTable(openParquet(folder), async (table) => {
        expect(await cellsOf(table, 'x')).toEqual([1, 2, 3, 4]);
        expect(table.nameOf(3)).toBe('b.parquet, row 2');
        await expect(table.read([4], ['x'])).rejects.toThrow(RangeError);
        expect(await dataErrorOf(folder, () => table.read([0], ['y']))).toBe(
          'a.parquet: it has no column y, only x. Name one of its columns.',
        );
      }),
    );
  });

  test('may have nulls in one of its files only', async () => {
    const files = {
      'a.parquet': parquetOf([{ name: 'x', data: [1, 2], type: 'INT32' }]),
      'b.parquet': parquetOf([{ name: 'x', data: [3, null], type: 'INT32' }]),
    };
    await withFolder(files, (folder) =>
      withTable(openParquet(folder), async (table) => {
        expect(await cellsOf(table, 'x')).toEqual([1, 2, 3, null]);
      }),
    );
  });

  test('says how many rows to read together: a row group, or as many as the cache holds', async () => {
    const data = Array.from({ length: 1_000 }, (_, at) => `${String(at)} ${'x'.repeat(100)}`);
    const file = parquetOf([{ name: 'x', data }], { rowGroupSize: 250 });
    await withFolder({ 'x.parquet': file }, async (folder) => {
      await withTable(openParquet(folder), (table) => {
        expect(table.rowsPerBlock).toBe(250);
        return Promise.resolve();
      });
      await withTable(openParquet(folder, { cacheBytes: 4_000 }), async (table) => {
        expect(table.rowsPerBlock).toBeLessThan(25);
        expect(await cellsOf(table, 'x', [999, 0, 500])).toEqual([data[999], data[0], data[500]]);
      });
    });
  });

  test.each(codecs)('may be compressed with %s', async (codec) => {
    const data = Array.from({ length: 500 }, (_, at) => `text ${String(at % 7)}`);
    await withColumns([{ name: 'x', data }], async (table) => expect(await cellsOf(table, 'x')).toEqual(data), {
      codec,
      pageSize: 200,
    });
  });
});

describe('an invalid Parquet file', () => {
  const sound = parquetOf(
    [
      { name: 'i', data: Array.from({ length: 100 }, (_, at) => at), type: 'INT32', encoding: 'PLAIN' },
      { name: 't', data: Array.from({ length: 100 }, (_, at) => `text ${String(at)}`), type: 'STRING' },
    ],
    { codec: 'SNAPPY' },
  );
  const cut = (length: number): Uint8Array => sound.subarray(0, length);
  const footerAt = sound.length - 8 - footerLength(sound);
  const again = 'Get the file again.';
  const cases: readonly {
    readonly what: string;
    readonly files: Readonly<Record<string, string | Uint8Array>>;
    readonly path?: string;
    readonly want: string;
  }[] = [
    {
      what: 'that is not there',
      files: {},
      want: 'x.parquet: found nothing, expected a Parquet file. Check the path.',
    },
    {
      what: 'in a folder with other files only',
      files: { 'x.csv': 'a\n' },
      path: '',
      want: 'FOLDER: found x.csv, expected files that end in .parquet or .pq. Name the folder that holds them.',
    },
    {
      what: 'that is empty',
      files: { 'x.parquet': '' },
      want: `x.parquet: found an empty file, expected a Parquet file. ${again}`,
    },
    {
      what: 'that is CSV',
      files: { 'x.parquet': 'name,label\n1,2\n' },
      want: 'x.parquet: found a file that begins with "name", expected a Parquet file. Set the format that it has.',
    },
    {
      what: 'that is an Arrow file',
      files: { 'x.parquet': 'ARROW1\0\0…' },
      want: 'x.parquet: found an Arrow or Feather file, expected a Parquet file. Convert it to Parquet.',
    },
    {
      what: 'that is a pointer of Git LFS',
      files: { 'x.parquet': 'version https://git-lfs.github.com/spec/v1\n' },
      want: 'x.parquet: found a pointer of Git LFS, expected a Parquet file. Get the file itself: `git lfs pull`.',
    },
    {
      what: 'that is encrypted',
      files: { 'x.parquet': 'PARE and secrets PARE' },
      want: 'x.parquet: found an encrypted file, expected a Parquet file. Decrypt it.',
    },
    {
      what: 'that is cut behind its head',
      files: { 'x.parquet': cut(4) },
      want: `x.parquet: found a file that is cut or still being written, expected a Parquet file. ${again}`,
    },
    {
      what: 'that is cut in the middle',
      files: { 'x.parquet': cut(300) },
      want: `x.parquet: found a file that is cut or still being written, expected a Parquet file. ${again}`,
    },
    {
      what: 'that declares a footer larger than itself',
      files: { 'x.parquet': patched(sound, sound.length - 8, [0xff, 0xff, 0xff, 0x7f]) },
      want: `x.parquet: found a footer of 2147483647 bytes, expected at most ${String(sound.length - 12)}. ${again}`,
    },
    {
      what: 'whose footer is other bytes',
      files: {
        'x.parquet': patched(
          sound,
          footerAt,
          Array.from({ length: 50 }, () => 0xff),
        ),
      },
      want: `x.parquet: its footer is damaged. ${again}`,
    },
    {
      what: 'whose footer declares a list without end',
      // A list of structs of 2^31 − 1 elements, in place of the schema.
      files: { 'x.parquet': patched(sound, footerAt + 2, [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]) },
      want: `x.parquet: its footer is damaged. ${again}`,
    },
    {
      what: 'without rows',
      files: { 'x.parquet': parquetOf([{ name: 'i', data: [], type: 'INT32' }]) },
      want: `x.parquet: it has no rows. ${again}`,
    },
    {
      what: 'with other columns than the file before it',
      files: {
        'a.parquet': parquetOf([{ name: 'i', data: [1], type: 'INT32' }]),
        'b.parquet': parquetOf([{ name: 'i', data: ['1'], type: 'STRING' }]),
      },
      path: '',
      want: 'b.parquet: found the columns i (text), expected i (int32), as in a.parquet. Give all files of the folder the same columns.',
    },
  ];
  test.each(cases)('$what', async ({ files, path = 'x.parquet', want }) => {
    await withFolder(files, async (folder) => {
      expect(await dataErrorOf(folder, () => openParquet(join(folder, path)))).toBe(want);
    });
  });

  test('is not reached by a link out of the folder', async () => {
    await withFolder({ 'in/notes.txt': '', 'x.parquet': sound }, async (folder) => {
      await symlink('../x.parquet', join(folder, 'in/x.parquet'));
      expect(await dataErrorOf(folder, () => openParquet(join(folder, 'in')))).toBe(
        'in/x.parquet: it is a link that leads out of its folder. Put the file itself into the folder, or name the file instead of the folder.',
      );
    });
  });
});
