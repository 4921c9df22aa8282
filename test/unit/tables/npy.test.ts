/** Arrays of numpy: files that numpy wrote, with the values that numpy reads from them (fixtures/numpy-arrays.py). */
import { truncateSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { openNpy, type Table } from '../../../workers/tables/index.js';
import { columnOf, inFolder, sentenceOf } from './in-folder.js';
import { fixtures, type Json, npy, refused } from './numpy-arrays.js';

/** Values as the fixtures write them. */
function plain(value: unknown): Json {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'bigint') return value > 2n ** 53n || value < -(2n ** 53n) ? String(value) : Number(value);
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  }
  return value as Json;
}

async function withArray(bytes: Uint8Array, work: (table: Table) => Promise<void>): Promise<void> {
  await inFolder({ 'x.npy': bytes }, async (path) => {
    const table = await openNpy(path('x.npy'));
    await work(table);
    await table.close();
    await table.close();
  });
}

describe('an array that numpy wrote', () => {
  test.each(Object.keys(fixtures.arrays))('of the kind "%s" has the values that numpy reads', async (name) => {
    const { dtype, shape, values } = fixtures.arrays[name]!;
    await withArray(npy(name), async (table) => {
      expect(table.length).toBe(shape[0] ?? 1);
      const [column] = table.columns;
      if (column!.kind === 'tensor') {
        const arriving: Readonly<Record<string, string>> = { float16: 'float32', bool: 'uint8' };
        expect(column).toEqual({ name: 'x', kind: 'tensor', dtype: arriving[dtype] ?? dtype, shape: shape.slice(1) });
      }
      expect((await columnOf(table, 'x')).flat().map(plain)).toEqual(values.flat());
    });
  });

  test('gives texts of each row as lists', async () => {
    await withArray(npy('texts in rows'), async (table) => {
      expect(table.columns).toEqual([{ name: 'x', kind: 'cells' }]);
      expect(await columnOf(table, 'x')).toEqual([
        ['a', 'b'],
        ['c', 'dd'],
      ]);
    });
  });

  test('gives rows in the order asked for, also twice', async () => {
    await withArray(npy('one dimension'), async (table) => {
      const values = (await table.read([4, 0, 1, 2, 2, 0], ['x'])).get('x')!;
      expect(values).toEqual({ kind: 'tensor', data: Float32Array.of(4, 0, 1, 2, 2, 0) });
      expect(table.nameOf(3)).toBe('x.npy, row 3');
      await table.close();
      await expect(table.read([0], ['x'])).rejects.toThrow('the table is closed');
    });
  });

  test('has a bad row for an invalid text', async () => {
    const wide = npy('<U5');
    wide.writeUInt32LE(0xd800, wide.length - 4);
    await withArray(wide, async (table) => {
      expect(await columnOf(table, 'x')).toEqual(['abc', '', 'zé😀', 'bad: a text is not valid UTF-32']);
    });
    const narrow = npy('bytes');
    narrow[narrow.length - 3] = 0xff;
    await withArray(narrow, async (table) => {
      expect(await columnOf(table, 'x')).toEqual(['abc', '', 'bad: a text is not valid UTF-8']);
    });
  });
});

describe('an array that is not read', () => {
  const sentences: readonly (readonly [string, string])[] = [
    [
      'objects',
      'found Python objects (dtype object), expected numbers or text. Make an array of numbers of them, as with np.stack, and save it with allow_pickle=False: numpy then says what is wrong.',
    ],
    [
      'records',
      'found records with fields, expected numbers or text. Save each field as an array of its own: x["name"].',
    ],
    ['complex', 'found complex numbers, expected numbers or text. Save x.real and x.imag as arrays of their own.'],
    ['dates', "found dates or durations, expected numbers or text. Save them as numbers: x.astype('int64')."],
    ['extended', "found numbers of extended precision, expected numbers or text. Save them as x.astype('float64')."],
    [
      'void',
      "found values of the type |V2, expected numbers or text. Save them as numbers that every machine has, such as x.astype('float32').",
    ],
    [
      'no rows',
      'found an array of the shape (0, 3), expected at least one row of 1 to 67108864 bytes; the first axis counts the rows. Check that it is the array meant.',
    ],
    [
      'no values',
      'found an array of the shape (3, 0), expected at least one row of 1 to 67108864 bytes; the first axis counts the rows. Check that it is the array meant.',
    ],
  ];
  test.each(sentences)('because it has %s gets a sentence', async (name, want) => {
    await inFolder({ 'x.npy': refused(name) }, async (path) => {
      expect(await sentenceOf(() => openNpy(path('x.npy')), path())).toBe(`DIR/x.npy: ${want}`);
    });
  });
});

describe('a file that is no sound array', () => {
  /** An npy file of version 1 with a header of any text. */
  const withHeader = (text: string, body = 12): Buffer => {
    const start = Buffer.from(`\x93NUMPY\x01\x00..${text}`, 'latin1');
    start.writeUInt16LE(text.length, 8);
    return Buffer.concat([start, Buffer.alloc(body)]);
  };
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
  const unknown =
    'found a header that numpy does not write, expected a dict literal with descr, fortran_order, shape. Get the file again, or save it again with numpy.';
  const sound = npy('one dimension');

  test('is one with a header like this otherwise', async () => {
    for (const same of [
      header,
      `${header.replace(', }', '}')}   \n`,
      header.replace('(3,)', '(3L,)').replaceAll("'", '"'),
    ]) {
      await withArray(withHeader(same), async (table) => {
        expect(await columnOf(table, 'x')).toEqual([[0], [0], [0]]);
      });
    }
  });

  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    [
      'empty',
      new Uint8Array(0),
      'found an empty file, expected an npy file, which starts with x93NUMPY. Check that it is the file meant and that its download is complete.',
    ],
    [
      'foreign',
      Buffer.from('hello world'),
      'found a file that starts with "68656c6c", expected an npy file, which starts with x93NUMPY. Check that it is the file meant and that its download is complete.',
    ],
    ['an archive', Buffer.from('PK\x03\x04aaaaaaaaaaa'), 'found a zip archive, expected an npy file. Unpack it.'],
    [
      'a page',
      Buffer.from('<!doctype html>'),
      'found a web page, expected an npy file. Download the file itself, not the page about it.',
    ],
    [
      'a pointer',
      Buffer.from('version https://git-lfs'),
      'found a pointer of Git LFS, expected an npy file. Get the file itself: `git lfs pull`.',
    ],
    [
      'cut in the magic',
      sound.subarray(0, 9),
      'found a truncated file of 9 bytes, expected 12 bytes. Get the file again.',
    ],
    [
      'cut in the header',
      sound.subarray(0, 50),
      'found a truncated file of 50 bytes, expected 128 bytes. Get the file again.',
    ],
    [
      'cut in the body',
      sound.subarray(0, -1),
      'found a truncated file of 147 bytes, expected 148 bytes. Get the file again.',
    ],
    [
      'two arrays',
      Buffer.concat([sound, sound]),
      'found 296 bytes, expected 148, as the header says: shape (5,). Save one array in each file.',
    ],
    [
      'version 4',
      Buffer.concat([sound.subarray(0, 6), Uint8Array.of(4), sound.subarray(7)]),
      'found version 4 of the npy format, expected version 1, 2 or 3. Save it again with numpy.',
    ],
    [
      'a long header',
      Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff', 'latin1'),
      'found a header of 4294967295 bytes, expected at most 65536. Get the file again.',
    ],
    [
      'a large row',
      withHeader(header.replace('(3,)', '(3, 99999999999)')),
      'found an array of the shape (3, 99999999999), expected at least one row of 1 to 67108864 bytes; the first axis counts the rows. Check that it is the array meant.',
    ],
    [
      'too many rows',
      withHeader(header.replace('(3,)', '(9007199254740991, 9)')),
      'found a truncated file of 96 bytes, expected 324259173170675700 bytes. Get the file again.',
    ],
    ...[
      ['a call', header.replace('False', '__import__("os")')],
      ['a negative size', header.replace('3', '-3')],
      ['a fraction', header.replace('3', '3.0')],
      ['a huge size', header.replace('3', '99999999999999999999')],
      ['a number for a tuple', header.replace('3,', '3')],
      ['a key twice', header.replace("'shape'", "'descr': '<f4', 'shape'")],
      ['a foreign key', header.replace("'shape'", "'more': 1, 'shape'")],
      ['no key', header.replace("'fortran_order': False, ", '')],
      ['more behind it', `${header}x`],
      ['an end too early', header.slice(0, -1)],
      ['no comma', header.replace("', 'f", "' 'f")],
      ['two commas', header.replace("', 'f", "',, 'f")],
      ['an escape', header.replace('<f4', '\\x3cf4')],
      ['too many dimensions', header.replace('3,', '1,'.repeat(65))],
    ].map(([what = '', text = '']): readonly [string, Uint8Array, string] => [what, withHeader(text), unknown]),
  ];
  test.each(cases)('for it is "%s"', async (_, bytes, want) => {
    await inFolder({ 'x.npy': bytes }, async (path) => {
      expect(await sentenceOf(() => openNpy(path('x.npy')), path())).toBe(`DIR/x.npy: ${want}`);
    });
  });

  test('is missing, or a folder', async () => {
    await inFolder({ 'a/b': '' }, async (path) => {
      expect(await sentenceOf(() => openNpy(path('no.npy')), path())).toBe(
        'DIR/no.npy: found nothing, expected an npy file. Check the path.',
      );
      expect(await sentenceOf(() => openNpy(path('a')), path())).toBe(
        'DIR/a: found a folder, expected an npy file. Name a file.',
      );
    });
  });

  test('is cut while it is open', async () => {
    await inFolder({ 'x.npy': sound }, async (path) => {
      const table = await openNpy(path('x.npy'));
      truncateSync(path('x.npy'), 140);
      expect(await sentenceOf(() => table.read([4], ['x']), path())).toBe(
        'DIR/x.npy: found a truncated file of 140 bytes, expected 148 bytes. Get the file again.',
      );
      expect(await sentenceOf(() => table.read([5], ['x']), path())).toBe(
        'DIR/x.npy: found row 5, expected an integer from 0 to 4. Use the same data set for student and teachers.',
      );
      expect(await sentenceOf(() => table.read([0], ['y']), path())).toBe(
        'DIR/x.npy: found no column y, expected one of x. Name a column that the data set has.',
      );
      await table.close();
    });
  });
});
