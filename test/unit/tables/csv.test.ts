import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';

import { openCsv } from '../../../workers/tables/index.js';
import { withFolder } from '../../kit/folder.js';
import { cellsOf, dataErrorOf, namesOf, withTable } from '../../kit/tables.js';

describe('a CSV file', () => {
  const cases: readonly {
    readonly what: string;
    readonly text: string;
    readonly names?: readonly string[];
    readonly want: Readonly<Record<string, readonly unknown[]>>;
  }[] = [
    { what: 'with LF', text: 'a,b\n1,x\n2,y\n', want: { a: ['1', '2'], b: ['x', 'y'] } },
    { what: 'with CRLF', text: 'a,b\r\n1,x\r\n2,y\r\n', want: { a: ['1', '2'], b: ['x', 'y'] } },
    { what: 'without a line break at its end', text: 'a,b\n1,x', want: { b: ['x'] } },
    { what: 'with a byte-order mark', text: '\ufeffa,b\n1,x\n', want: { a: ['1'] } },
    { what: 'with semicolons, and commas in numbers', text: 'a;b\n1,5;x\n', want: { a: ['1,5'] } },
    { what: 'with tabs', text: 'a\tb\n1\tx, y\n', want: { b: ['x, y'] } },
    { what: 'with bars', text: 'a|b\n1|x, y\n', want: { a: ['1'], b: ['x, y'] } },
    { what: 'with a bar in a name, and commas', text: 'a|b,c,d\n1,2,3\n', want: { 'a|b': ['1'], d: ['3'] } },
    { what: 'with commas in a quoted name', text: '"a, b; c; d",e\n1,2\n', want: { 'a, b; c; d': ['1'], e: ['2'] } },
    { what: 'with one column', text: 'a\nx\n\ny\n', want: { a: ['x', '', 'y'] } },
    { what: 'with quotes', text: 'a,b\n"1, 2","say ""hi"""\n', want: { a: ['1, 2'], b: ['say "hi"'] } },
    { what: 'with line breaks in quotes', text: 'a,b\n"x\ny\r\nz",1\n', want: { a: ['x\ny\r\nz'], b: ['1'] } },
    {
      what: 'with a quote within a value, which opens nothing',
      text: 'a,b\n5" disk,x\n6,y\n',
      want: { a: ['5" disk', '6'] },
    },
    { what: 'with quotes within values', text: 'a,b\n5" disk,x"y"\n', want: { a: ['5" disk'], b: ['x"y"'] } },
    { what: 'with blank lines', text: 'a,b\n\n1,x\n\r\n\n2,y\n\n', want: { a: ['1', '2'] } },
    { what: 'with empty values', text: 'a,b\n,\n"",""\n', want: { a: ['', ''], b: ['', ''] } },
    { what: 'with spaces, which belong to the values', text: 'a,b\n 1 ,x\n', want: { a: [' 1 '] } },
    { what: 'with an index that has no name', text: ',a\n0,x\n1,y\n', names: ['a'], want: { a: ['x', 'y'] } },
    { what: 'with letters of many bytes', text: 'größe,日本\n1,😀\n', want: { größe: ['1'], 日本: ['😀'] } },
    {
      what: 'with ragged rows',
      text: 'a,b\n1\n2,x\n3,y,z\n',
      want: {
        a: [
          { bad: 'the row has 1 value, the head names 2 columns' },
          '2',
          { bad: 'the row has 3 values, the head names 2 columns' },
        ],
      },
    },
    {
      what: 'with text behind a quote',
      text: 'a,b\n"1"2,x\n3,y\n',
      want: { b: [{ bad: 'text follows the closing quote of value 1' }, 'y'] },
    },
  ];
  test.each(cases)('$what', async ({ text, names, want }) => {
    await withFolder({ 'x.csv': text }, (folder) =>
      withTable(openCsv(join(folder, 'x.csv')), async (table) => {
        if (names !== undefined) expect(namesOf(table)).toEqual(names);
        for (const [name, cells] of Object.entries(want)) expect(await cellsOf(table, name)).toEqual(cells);
      }),
    );
  });

  test('gives rows in the order asked for, and only the columns asked for', async () => {
    await withFolder({ 'x.csv': 'a,b,c\n1,x,p\n2,y,q\n3,z,r\n' }, (folder) =>
      withTable(openCsv(join(folder, 'x.csv')), async (table) => {
        const values = await table.read([2, 0, 2], ['c', 'a']);
        expect([...values]).toEqual([
          ['c', { kind: 'cells', cells: ['r', 'p', 'r'] }],
          ['a', { kind: 'cells', cells: ['3', '1', '3'] }],
        ]);
        await expect(table.read([3], ['a'])).rejects.toThrow(RangeError);
      }),
    );
  });

  test('names a row by its line, also behind rows of several lines', async () => {
    const text = `a,b\n"x\n\ny",1\n\n2,"\n"\n${'3,4\n'.repeat(200)}5,6\n`;
    await withFolder({ 'x.csv': text }, (folder) =>
      withTable(openCsv(join(folder, 'x.csv')), (table) => {
        expect([0, 1, 2, 3, 202].map((row) => table.nameOf(row))).toEqual(
          [2, 6, 8, 9, 208].map((line) => `x.csv, line ${String(line)}`),
        );
        return Promise.resolve();
      }),
    );
  });

  test('has rows of any length', async () => {
    const long = 'é'.repeat(1_500_000);
    await withFolder({ 'x.csv': `a,b\n1,x\n"${long}\n",y\n2,z\n` }, (folder) =>
      withTable(openCsv(join(folder, 'x.csv')), async (table) => {
        expect(await cellsOf(table, 'b', [2, 1, 0])).toEqual(['z', 'y', 'x']);
        expect(await cellsOf(table, 'a', [1])).toEqual([`${long}\n`]);
        expect(table.nameOf(2)).toBe('x.csv, line 5');
      }),
    );
  });
});

describe('a folder of CSV files', () => {
  const files = {
    'b.csv': 'a,b\n3,z\n',
    'a.csv': 'a,b\n1,x\n2,y\n',
    'B.tsv': 'a,b\n0,w',
    'notes.txt': 'no',
    'd/x.csv': 'q',
  };

  test('is one table, in the byte order of the names', async () => {
    await withFolder(files, (folder) =>
      withTable(openCsv(folder), async (table) => {
        expect(await cellsOf(table, 'a')).toEqual(['0', '1', '2', '3']);
        expect(table.nameOf(3)).toBe('b.csv, line 2');
      }),
    );
  });

  test('may be a list of files, whose order does not count', async () => {
    await withFolder(files, (folder) =>
      withTable(openCsv([join(folder, 'b.csv'), join(folder, 'a.csv')]), async (table) => {
        expect(await cellsOf(table, 'b')).toEqual(['x', 'y', 'z']);
      }),
    );
  });

  test('may have links within it, and not out of it', async () => {
    await withFolder({ 'in/a.csv': 'a\nx\n', 'out.csv': 'a\nsecret\n' }, async (folder) => {
      const inside = join(folder, 'in');
      await symlink('a.csv', join(inside, 'b.csv'));
      await withTable(openCsv(inside), async (table) => {
        expect(await cellsOf(table, 'a')).toEqual(['x', 'x']);
      });
      await symlink(join(folder, 'out.csv'), join(inside, 'c.csv'));
      expect(await dataErrorOf(folder, () => openCsv(inside))).toBe(
        'in/c.csv: it is a link that leads out of its folder. Put the file itself into the folder, or name the file instead of the folder.',
      );
    });
  });

  test('may have more files than are kept open', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, at) => [`${String(at + 100)}.csv`, `a\n${String(at)}\n`]),
    );
    await withFolder(many, (folder) =>
      withTable(openCsv(folder), async (table) => {
        const rows = Array.from({ length: 200 }, (_, at) => (at * 37) % 100);
        expect(await cellsOf(table, 'a', rows)).toEqual(rows.map(String));
      }),
    );
  });
});

describe('an invalid CSV file', () => {
  const cases: readonly {
    readonly what: string;
    readonly files: Readonly<Record<string, string | Uint8Array>>;
    readonly path?: string;
    readonly want: string;
  }[] = [
    {
      what: 'that is not there',
      files: {},
      path: 'x.csv',
      want: 'x.csv: found nothing, expected a CSV file. Check the path.',
    },
    {
      what: 'in an empty folder',
      files: {},
      path: '',
      want: 'FOLDER: found an empty folder, expected files that end in .csv or .tsv, also packed as .gz. Name the folder that holds them.',
    },
    {
      what: 'under another name',
      files: { 'data.txt': 'a,b\n', 'x.json': '{}' },
      path: '',
      want: 'FOLDER: found data.txt, x.json, expected files that end in .csv or .tsv, also packed as .gz. Name the folder that holds them.',
    },
    {
      what: 'packed, and cut',
      files: { 'x.csv.gz': gzipSync('a,b\n1,2\n').subarray(0, -9) },
      path: '',
      want: 'x.csv.gz: found a damaged gzip file (unexpected end of file), expected a CSV file. Get the file again.',
    },
    {
      what: 'packed, of another kind',
      files: { 'x.csv': gzipSync('PAR1') },
      want: 'x.csv: found a Parquet file, expected a CSV file. Set the format to parquet.',
    },
    {
      what: 'that is empty',
      files: { 'x.csv': '' },
      want: 'x.csv: found an empty file, expected a CSV file. Get the file again.',
    },
    {
      what: 'with a head line only',
      files: { 'x.csv': 'a,b\n\n' },
      want: 'x.csv: it has a head line and no rows. Get the file again.',
    },
    {
      what: 'without a head line',
      files: { 'x.csv': '1,2.5,-3e4\n4,5,6\n' },
      want: 'x.csv, line 1: every name in the head line is a number. Put a line with the names of the columns above the rows.',
    },
    {
      what: 'with a blank head line',
      files: { 'x.csv': '\na,b\n1,2\n' },
      want: 'x.csv, line 1: the head line names no column. Name the columns in it.',
    },
    {
      what: 'with a name twice',
      files: { 'x.csv': 'a,b,a\n1,2,3\n' },
      want: 'x.csv, line 1: two columns have the name a. Rename one of them.',
    },
    {
      what: 'with old line ends',
      files: { 'x.csv': 'a,b\r1,2\r3,4\r' },
      want: 'x.csv, line 1: its lines end with a carriage return alone. Save it with line ends of LF or CRLF.',
    },
    {
      what: 'in Latin-1',
      files: { 'x.csv': Buffer.from(`a,b\n${'1,2\n'.repeat(300)}größe,1\n`, 'latin1') },
      want: 'x.csv, byte 1206: found 0xf6, expected text in UTF-8. Save the file as UTF-8, for example with `iconv -f LATIN1 -t UTF-8`.',
    },
    {
      what: 'in Latin-1, in its head line',
      files: { 'x.csv': Buffer.from('größe\n1\n', 'latin1') },
      want: 'x.csv, byte 2: found 0xf6, expected text in UTF-8. Save the file as UTF-8, for example with `iconv -f LATIN1 -t UTF-8`.',
    },
    {
      what: 'cut within a letter',
      files: { 'x.csv': Buffer.from('a,b\n1,ö').subarray(0, -1) },
      want: 'x.csv, byte 6: found 0xc3, expected text in UTF-8. Save the file as UTF-8, for example with `iconv -f LATIN1 -t UTF-8`.',
    },
    {
      what: 'in UTF-16',
      files: { 'x.csv': Buffer.from('\ufeffa,b\n1,2\n', 'utf16le') },
      want: 'x.csv: found text in UTF-16, expected a CSV file. Save the file as UTF-8: `iconv -f UTF-16 -t UTF-8`.',
    },
    {
      what: 'with a quote that is open to its end',
      files: { 'x.csv': `a,b\n1,2\n"3,4\n${'5,6\n'.repeat(100)}` },
      want: 'x.csv, line 3: the row has no end within 16 MiB or the file. Close the quote that opens in it, or shorten the row.',
    },
    {
      what: 'with a quote that is open for too long',
      files: { 'x.csv': `a,b\n1,2\n"3,4\n${'5,6\n'.repeat(5 << 20)}"\n` },
      want: 'x.csv, line 3: the row has no end within 16 MiB or the file. Close the quote that opens in it, or shorten the row.',
    },
    {
      what: 'with a quote that is open in its head line',
      files: { 'x.csv': 'a,"b\n1,2\n' },
      want: 'x.csv, line 1: the head line has no end within 1 MiB or the file. Begin the file with a line that names its columns.',
    },
    {
      what: 'that is a workbook',
      files: { 'x.csv': 'PK\x03\x04…' },
      want: 'x.csv: found a zip archive or a workbook, expected a CSV file. Unpack it, or export its sheet as CSV.',
    },
    {
      what: 'that is a Parquet file',
      files: { 'x.csv': 'PAR1…' },
      want: 'x.csv: found a Parquet file, expected a CSV file. Set the format to parquet.',
    },
    {
      what: 'that is a web page',
      files: { 'x.csv': '<!DOCTYPE html><p>Not found' },
      want: 'x.csv: found a web page, expected a CSV file. Download the file itself, not the page about it.',
    },
    {
      what: 'that is a pointer of Git LFS',
      files: { 'x.csv': 'version https://git-lfs.github.com/spec/v1\n' },
      want: 'x.csv: found a pointer of Git LFS, expected a CSV file. Get the file itself: `git lfs pull`.',
    },
    {
      what: 'that is no text',
      files: { 'x.csv': 'a\0b' },
      want: 'x.csv: found a file with zero bytes, which is no text, expected a CSV file. Check the path.',
    },
    {
      what: 'with another head line than the file before it',
      files: { 'a.csv': 'a,b\n1,2\n', 'b.csv': 'b,a\n1,2\n' },
      path: '',
      want: 'b.csv, line 1: found the columns b,a, expected a,b, as in a.csv. Give all files of the folder the same head line.',
    },
    {
      what: 'with too many columns',
      files: { 'x.csv': `${Array.from({ length: 16_385 }, (_, at) => `c${String(at)}`).join()}\n` },
      want: 'x.csv, line 1: it has 16385 columns, at most 16384 are read. Remove columns.',
    },
  ];
  test.each(cases)('$what', async ({ files, path = 'x.csv', want }) => {
    await withFolder(files, async (folder) => {
      expect(await dataErrorOf(folder, () => openCsv(join(folder, path)))).toBe(want);
    });
  });

  test('lacks a column that is read', async () => {
    await withFolder({ 'x.csv': 'a,b\n1,2\n' }, (folder) =>
      withTable(openCsv(join(folder, 'x.csv')), async (table) => {
        expect(await dataErrorOf(folder, () => table.read([0], ['c']))).toBe(
          'x.csv: it has no column c, only a, b. Name one of its columns.',
        );
      }),
    );
  });
});
