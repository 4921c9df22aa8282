import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';

import { openJsonl } from '../../../workers/tables/index.js';
import { withFolder } from '../../kit/folder.js';
import { cellsOf, dataErrorOf, namesOf, withTable } from '../../kit/tables.js';

const deep = '['.repeat(100_000) + ']'.repeat(100_000);

describe('JSON lines', () => {
  const cases: readonly {
    readonly what: string;
    readonly text: string;
    readonly names?: readonly string[];
    readonly want: Readonly<Record<string, readonly unknown[]>>;
  }[] = [
    {
      what: 'have the keys of all rows as columns, in the order in which they appear',
      text: '{"b":1}\n{"a":"x","b":2}\n{"c":true}\n',
      names: ['b', 'a', 'c'],
      want: { a: [null, 'x', null], b: [1, 2, null], c: [null, null, true] },
    },
    { what: 'end with CRLF', text: '{"a":1}\r\n{"a":2}\r\n', want: { a: [1, 2] } },
    { what: 'begin with a byte-order mark', text: '\ufeff{"a":1}\n', want: { a: [1] } },
    { what: 'have blank lines between them', text: '\n{"a":1}\n \t\n\n{"a":2}', want: { a: [1, 2] } },
    {
      what: 'hold lists',
      text: '{"a":[[1,2],["x",null]]}\n',
      want: {
        a: [
          [
            [1, 2],
            ['x', null],
          ],
        ],
      },
    },
    {
      what: 'keep integers beyond 2^53',
      text: '{"a":9007199254740993,"b":"12345678901234567890"}\n{"a":[-18446744073709551615,1e300]}\n{"a":9007199254740991}',
      want: {
        a: [9007199254740993n, [-18446744073709551615n, 1e300], 9007199254740991],
        b: ['12345678901234567890', null, null],
      },
    },
    { what: 'may name a key twice: the last one counts', text: '{"a":1,"a":2}\n', want: { a: [2] } },
    {
      what: 'may name a key by an escape sequence',
      text: '{"x":0,"\\\\":1}\n{"x":0,"\\"":2}\n{"x":0,"\\n":3}\n',
      names: ['x', '\\', '"', '\n'],
      want: { '\\': [1, null, null], '"': [null, 2, null], '\n': [null, null, 3] },
    },
    {
      what: 'may be nested deeper than a stack, but not beside integers beyond 2^53',
      text: `{"a":1,"b":${deep}}\n{"a":9007199254740993,"b":${deep}}\n{"a":2}\n`,
      want: { a: [1, { bad: 'it has integers beyond 2^53 and is nested too deep to read them exactly' }, 2] },
    },
    {
      what: 'may name keys as objects of the language do',
      text: '{"__proto__":1,"toString":2}\n{"hasOwnProperty":3}\n',
      names: ['__proto__', 'toString', 'hasOwnProperty'],
      want: { __proto__: [1, null], toString: [2, null], hasOwnProperty: [null, 3] },
    },
    {
      what: 'may be damaged alone',
      text: '{"a":1}\n{"a":,}\n[1]\nnull\n"x"\n{"a":2\n{"a":3}\n',
      want: {
        a: [
          1,
          { bad: 'it is no JSON from character 6 on' },
          { bad: 'it is a list, and no JSON object' },
          { bad: 'it is null, and no JSON object' },
          { bad: 'it is a string, and no JSON object' },
          { bad: 'it is no JSON from character 7 on' },
          3,
        ],
      },
    },
    {
      what: 'may hold objects in columns that are not read',
      text: '{"a":{"b":1},"c":2}\n',
      want: { a: [{ bad: 'its a holds an object, or lists more than 32 deep' }], c: [2] },
    },
    {
      what: 'may hold lists without end',
      text: `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}\n{"a":1}\n`,
      want: { a: [{ bad: 'its a holds an object, or lists more than 32 deep' }, 1] },
    },
  ];
  test.each(cases)('$what', async ({ text, names, want }) => {
    await withFolder({ 'x.jsonl': text }, (folder) =>
      withTable(openJsonl(join(folder, 'x.jsonl')), async (table) => {
        if (names !== undefined) expect(namesOf(table)).toEqual(names);
        for (const [name, cells] of Object.entries(want)) expect(await cellsOf(table, name)).toEqual(cells);
      }),
    );
  });

  test('have no column for a key that appears after the first 1,000 rows', async () => {
    const text = `${'{"a":1}\n'.repeat(999)}{"b":2}\n{"c":3}\n`;
    await withFolder({ 'x.jsonl': text }, (folder) =>
      withTable(openJsonl(join(folder, 'x.jsonl')), async (table) => {
        expect(namesOf(table)).toEqual(['a', 'b']);
        expect(table.length).toBe(1_001);
        expect(await cellsOf(table, 'b', [999, 1_000])).toEqual([2, null]);
        expect(table.nameOf(1_000)).toBe('x.jsonl, line 1001');
      }),
    );
  });

  test('lie in all files of a folder, one after the other', async () => {
    const files = { 'b.ndjson': '{"a":3}', 'a.jsonl': '{"a":1}\n{"a":2}\n', 'c.json': '{"a":4}\n' };
    await withFolder(files, (folder) =>
      withTable(openJsonl(folder), async (table) => {
        expect(await cellsOf(table, 'a')).toEqual([1, 2, 3, 4]);
        expect(table.nameOf(2)).toBe('b.ndjson, line 1');
      }),
    );
  });
});

describe('a JSON file with one array', () => {
  test('has its elements as rows', async () => {
    const text = '\ufeff [\n{"a":1,\n"b":[1]},\n{"b":[2]},\n7]\n';
    await withFolder({ 'x.json': text }, (folder) =>
      withTable(openJsonl(join(folder, 'x.json')), async (table) => {
        expect(namesOf(table)).toEqual(['a', 'b']);
        expect(await cellsOf(table, 'b', [1, 0, 2])).toEqual([[2], [1], { bad: 'it is no JSON object' }]);
        expect(await cellsOf(table, 'a')).toEqual([1, null, { bad: 'it is no JSON object' }]);
        expect(table.nameOf(1)).toBe('x.json, element 2');
        await expect(table.read([3], ['a'])).rejects.toThrow(RangeError);
      }),
    );
  });

  test('may not be larger than 64 MiB', async () => {
    await withFolder({ 'x.json': `[${' '.repeat(5_000)}{"a":1}]` }, async (folder) => {
      const path = join(folder, 'x.json');
      await truncate(path, (1 << 26) + 1);
      expect(await dataErrorOf(folder, () => openJsonl(path))).toBe(
        'x.json: found a JSON array of 65 MiB, expected at most 64 MiB, since it is read as a whole. Write an object a line: `jq -c ".[]"`.',
      );
    });
  });
});

describe('an invalid file of JSON lines', () => {
  const cases: readonly {
    readonly what: string;
    readonly files: Readonly<Record<string, string | Uint8Array>>;
    readonly path?: string;
    readonly want: string;
  }[] = [
    {
      what: 'that is not there',
      files: {},
      want: 'x.jsonl: found nothing, expected a file of JSON lines. Check the path.',
    },
    {
      what: 'that is empty',
      files: { 'x.jsonl': '' },
      want: 'x.jsonl: found an empty file, expected a file of JSON lines. Get the file again.',
    },
    {
      what: 'of blank lines',
      files: { 'x.jsonl': '\n \n' },
      want: 'x.jsonl: it has only blank lines. Get the file again.',
    },
    {
      what: 'packed, and damaged',
      files: { 'x.jsonl.gz': gzipSync('{"a":1}\n').fill(0, 12) },
      path: '',
      want: 'x.jsonl.gz: found a damaged gzip file (incorrect data check), expected a file of JSON lines. Get the file again.',
    },
    {
      what: 'that is CSV',
      files: { 'x.jsonl': 'a,b\n1,2\n' },
      want: 'x.jsonl: none of the first 1000 rows is a JSON object with keys; x.jsonl, line 1: it is no JSON from character 1 on. Write an object a line.',
    },
    {
      what: 'with one object over several lines',
      files: { 'x.json': '{\n  "a": 1\n}\n' },
      path: 'x.json',
      want: 'x.json: none of the first 1000 rows is a JSON object with keys; x.json, line 1: it is no JSON from character 2 on. Write an object a line.',
    },
    {
      what: 'of objects without keys',
      files: { 'x.jsonl': '{}\n{}\n' },
      want: 'x.jsonl: none of the first 1000 rows is a JSON object with keys; x.jsonl, line 1: it has no keys. Write an object a line.',
    },
    {
      what: 'in Latin-1',
      files: { 'x.jsonl': Buffer.from('{"a":"ö"}\n', 'latin1') },
      want: 'x.jsonl, byte 6: found 0xf6, expected text in UTF-8. Save the file as UTF-8, for example with `iconv -f LATIN1 -t UTF-8`.',
    },
    {
      what: 'with an array in Latin-1',
      files: { 'x.json': Buffer.from('[{"a":"ö"}]\n', 'latin1') },
      path: 'x.json',
      want: 'x.json, byte 7: found 0xf6, expected text in UTF-8. Save the file as UTF-8, for example with `iconv -f LATIN1 -t UTF-8`.',
    },
    {
      what: 'with an array that is cut',
      files: { 'x.json': '[{"a":1},\n{"a":2}' },
      path: 'x.json',
      want: 'x.json, line 2, character 8: no JSON from here on. Get the file again.',
    },
    {
      what: 'with an array that is nested deeper than a stack',
      files: { 'x.json': `[{"a":${deep}}]` },
      path: 'x.json',
      want: 'x.json: it is nested too deep to be read as a whole. Write an object a line: `jq -c ".[]"`.',
    },
    {
      what: 'with an array of numbers',
      files: { 'x.json': '[1,2]' },
      path: 'x.json',
      want: 'x.json: its array holds no object with keys. Get the file again.',
    },
    {
      what: 'with an array beside lines',
      files: { 'a.jsonl': '{"a":1}\n', 'x.json': '[{"a":1}]' },
      path: '',
      want: 'x.json: found one JSON array, expected JSON lines, as there are several files. Write an object a line: `jq -c ".[]"`.',
    },
    {
      what: 'with a line that is too long',
      files: { 'x.jsonl': `{"a":1}\n{"a":"${'x'.repeat(1 << 24)}"}\n` },
      want: 'x.jsonl, line 2: the row has no end within 16 MiB or the file. Write an object a line, and shorten this one.',
    },
  ];
  test.each(cases)('$what', async ({ files, path = 'x.jsonl', want }) => {
    await withFolder(files, async (folder) => {
      expect(await dataErrorOf(folder, () => openJsonl(join(folder, path)))).toBe(want);
    });
  });

  test('lacks a column that is read', async () => {
    for (const file of ['x.jsonl', 'x.json']) {
      await withFolder({ [file]: file === 'x.json' ? '[{"a":1}]' : '{"a":1}' }, (folder) =>
        withTable(openJsonl(join(folder, file)), async (table) => {
          expect(await dataErrorOf(folder, () => table.read([0], ['c']))).toBe(
            `${file}: it has no column c, only a. Name one of its columns.`,
          );
        }),
      );
    }
  });
});
