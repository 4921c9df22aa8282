/** Archives, written by numpy and by Python's zipfile, and folders of npy files. */
import { symlinkSync, truncateSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { npzNames, openNpy, openNpz } from '../../../workers/tables/index.js';
import { columnOf, inFolder, sentenceOf } from './in-folder.js';
import { npy, npz } from './numpy-arrays.js';

describe('an archive', () => {
  test.each(['stored', 'compressed'] as const)('with %s arrays gives those that belong together', async (how) => {
    await inFolder({ 'digits.npz': npz(how) }, async (path) => {
      expect(await npzNames(path('digits.npz'))).toEqual([
        { name: 'x_test', dtype: 'uint8', shape: [2, 2, 2] },
        { name: 'x_train', dtype: 'uint8', shape: [6, 2, 2] },
        { name: 'y_test', dtype: 'int64', shape: [2] },
        { name: 'y_train', dtype: 'int64', shape: [6] },
      ]);
      const train = await openNpz(path('digits.npz'), ['x_train', 'y_train']);
      expect(train.length).toBe(6);
      expect(train.columns).toEqual([
        { name: 'x_train', kind: 'tensor', dtype: 'uint8', shape: [2, 2] },
        { name: 'y_train', kind: 'tensor', dtype: 'int64', shape: [] },
      ]);
      expect(await train.read([5, 0], ['y_train', 'x_train'])).toEqual(
        new Map([
          ['y_train', { kind: 'tensor', data: BigInt64Array.of(5n, 0n) }],
          ['x_train', { kind: 'tensor', data: Uint8Array.of(20, 21, 22, 23, 0, 1, 2, 3) }],
        ]),
      );
      expect(train.nameOf(5)).toBe('digits.npz, row 5');
      const test = await openNpz(path('digits.npz'), ['x_test']);
      expect(await columnOf(test, 'x_test')).toEqual([
        [100, 101, 102, 103],
        [104, 105, 106, 107],
      ]);
      await train.close();
      await test.close();
      await test.close();
    });
  });

  test.each(['stored among others', 'compressed among others'])('%s leaves other files out', async (name) => {
    await inFolder({ 'x.npz': npz(name) }, async (path) => {
      const table = await openNpz(path('x.npz'));
      expect(table.columns.map((column) => column.name)).toEqual(['a', 'b/c']);
      expect(await columnOf(table, 'b/c')).toEqual([[0], [1], [2]]);
      await table.close();
    });
  });

  test('that was written to a pipe has its sizes behind the data', async () => {
    await inFolder({ 'x.npz': npz('streamed') }, async (path) => {
      const table = await openNpz(path('x.npz'));
      expect(await columnOf(table, 'a')).toEqual([[0], [1], [2]]);
      await table.close();
    });
  });

  test('with an array that is not read gives the others', async () => {
    await inFolder({ 'x.npz': npz('with objects') }, async (path) => {
      expect(await npzNames(path('x.npz'))).toEqual([
        { name: 'a', dtype: 'uint8', shape: [3] },
        { name: 'o', dtype: '|O', shape: [2] },
      ]);
      const table = await openNpz(path('x.npz'), ['a']);
      expect(table.length).toBe(3);
      await table.close();
      expect(await sentenceOf(() => openNpz(path('x.npz'), ['o']), path())).toMatch(
        /^DIR\/x.npz: o.npy: found Python objects/,
      );
    });
  });

  test('may be a folder of npy files', async () => {
    const array = npy('one dimension');
    await inFolder({ 'x.npy': array, 'y.npy': array, '.z.npy': 'hidden', 'about.txt': 'text' }, async (path) => {
      expect(await npzNames(path())).toEqual([
        { name: 'x', dtype: 'float32', shape: [5] },
        { name: 'y', dtype: 'float32', shape: [5] },
      ]);
      const table = await openNpz(path());
      expect(await columnOf(table, 'y')).toEqual([[0], [1], [2], [3], [4]]);
      await table.close();
    });
  });
});

describe('an archive that is not read', () => {
  const whole = npz('stored');
  /** The compressed archive with other bytes in the first record of its directory. */
  const withDirectory = (change: (record: Buffer) => void): Buffer => {
    const changed = npz('compressed');
    change(changed.subarray(changed.indexOf('PK\x01\x02')));
    return changed;
  };
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    [
      'empty',
      new Uint8Array(0),
      'DIR/x.npz: found an empty file, expected an npz file, which starts with PK. Check that it is the file meant and that its download is complete.',
    ],
    [
      'foreign',
      Buffer.from('hello'),
      'DIR/x.npz: found a file that starts with "68656c6c", expected an npz file, which starts with PK. Check that it is the file meant and that its download is complete.',
    ],
    [
      'cut',
      whole.subarray(0, -40),
      'DIR/x.npz: found a damaged zip archive (End of central directory record signature not found. Either not a zip file, or file is truncated.), expected a sound zip archive. Get the file again.',
    ],
    [
      'damaged in the middle',
      Buffer.concat([whole.subarray(0, 4), whole.subarray(44)]),
      'DIR/x.npz: found a damaged zip archive (invalid central directory file header signature: 0x180), expected a sound zip archive. Get the file again.',
    ],
    [
      'with an encrypted member',
      withDirectory((record) => record.writeUInt16LE(1, 8)),
      'DIR/x.npz: x_train.npy: found an encrypted member, expected a readable one. Unpack it.',
    ],
    [
      'of another method',
      withDirectory((record) => record.writeUInt16LE(93, 10)),
      'DIR/x.npz: x_train.npy: found compression method 93, expected none, or deflate. Save it with numpy.savez.',
    ],
    [
      'with a bomb that says so',
      withDirectory((record) => record.writeUInt32LE(0xfffffff0, 24)),
      'DIR/x.npz: x_train.npy: found a compressed array of 4294967280 bytes, expected at most 268435456 bytes of compressed arrays, which are unpacked into memory. Save it with numpy.savez instead of savez_compressed.',
    ],
    [
      'with a bomb that does not',
      withDirectory((record) => record.writeUInt32LE(140, 24)),
      'DIR/x.npz: x_train.npy: found a damaged zip archive (too many bytes in the stream. expected 140. got at least 152), expected a sound zip archive. Get the file again.',
    ],
    [
      'with less than it says',
      withDirectory((record) => record.writeUInt32LE(160, 24)),
      'DIR/x.npz: x_train.npy: found a damaged zip archive (not enough bytes in the stream. expected 160. got only 152), expected a sound zip archive. Get the file again.',
    ],
    [
      'with another checksum',
      withDirectory((record) => record.writeUInt32LE(1, 16)),
      'DIR/x.npz: x_train.npy: found content of another checksum than the archive says, expected a sound zip archive. Get the file again.',
    ],
    [
      'with damaged content',
      withDirectory((record) => record.writeUInt32LE(1, 42)),
      'DIR/x.npz: x_train.npy: found a damaged zip archive (invalid local file header signature: 0x2d04034b), expected a sound zip archive. Get the file again.',
    ],
  ];
  test.each(cases)('for it is %s gets a sentence', async (_, bytes, want) => {
    await inFolder({ 'x.npz': bytes }, async (path) => {
      expect(await sentenceOf(() => openNpz(path('x.npz'), ['x_train']), path())).toBe(want);
    });
  });

  test('says what to name', async () => {
    await inFolder({ 'x.npz': whole, 'empty/about.txt': '', 'x.npy': npy('one dimension') }, async (path) => {
      const opening: readonly (readonly [() => Promise<unknown>, string])[] = [
        [
          () => openNpz(path('x.npz')),
          'DIR/x.npz: found 2 rows of x_test and 6 of x_train, expected arrays of equal length. Name the arrays that belong together.',
        ],
        [
          () => openNpz(path('x.npz'), ['z']),
          'DIR/x.npz: found no array z, expected one of x_test, x_train, y_test, y_train. Name an array of x.npz.',
        ],
        [
          () => openNpz(path('empty')),
          'DIR/empty: found no npy file in it, expected an npz file, or a folder of npy files. Check the path.',
        ],
        [
          () => npzNames(path('none.npz')),
          'DIR/none.npz: found nothing, expected an npz file, or a folder of npy files. Check the path.',
        ],
        [() => openNpy(path('x.npz')), 'DIR/x.npz: found a zip archive, expected an npy file. Unpack it.'],
      ];
      for (const [open, want] of opening) expect(await sentenceOf(open, path())).toBe(want);
    });
  });

  test('is a folder with a link that leads out', async () => {
    await inFolder({ 'x.npy': npy('one dimension'), 'set/y.npy': npy('one dimension') }, async (path) => {
      symlinkSync('y.npy', path('set/z.npy'));
      symlinkSync('/etc', path('set/other'));
      const table = await openNpz(path('set'));
      expect(table.columns.map(({ name }) => name)).toEqual(['y', 'z']);
      await table.close();
      symlinkSync('../x.npy', path('set/x.npy'));
      expect(await sentenceOf(() => openNpz(path('set')), path())).toBe(
        'DIR/set/x.npy: found a link to DIR/x.npy, outside of the folder, expected files that lie in the folder. Copy what it leads to into the folder, or remove the link.',
      );
    });
  });

  test('is cut while it is open', async () => {
    await inFolder({ 'x.npz': whole }, async (path) => {
      const table = await openNpz(path('x.npz'), ['y_train']);
      truncateSync(path('x.npz'), 100);
      expect(await sentenceOf(() => columnOf(table, 'y_train'), path())).toMatch(
        /^DIR\/x.npz: found a truncated file of 100 bytes, expected \d+ bytes. Get the file again.$/,
      );
      await table.close();
    });
  });
});
