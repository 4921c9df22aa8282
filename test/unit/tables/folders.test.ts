/** Folders of images and of plain files: which files are rows, in which order, and what is refused. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { BadRow, openFiles, openImageFolder } from '../../../workers/tables/index.js';
import { columnOf, inFolder, sentenceOf } from './in-folder.js';

describe('a folder of images', () => {
  const files = {
    'cats/1.jpg': 'one',
    'cats/10.JPEG': 'ten',
    'cats/2.png': 'two',
    'cats-and-dogs/x.webp': 'both',
    'cats0/deep/er/y.png': 'deep',
    'root.png': 'root',
    'Äpfel/é.png': 'é',
    // In UTF-16 the emoji stands before the private character, in UTF-8 behind it.
    '\u{1f600}.png': 'emoji',
    '\ue000.png': 'private',
    'cats/notes.txt': 'other',
    'cats/a.gif': 'other',
    '.hidden.png': 'hidden',
    '.git/a.png': 'hidden',
    '__MACOSX/cats/._1.jpg': 'hidden',
    'cats/.DS_Store': 'hidden',
    'lost+found/a.png': 'hidden',
    'Thumbs.db': 'hidden',
  };
  const paths = [
    'cats-and-dogs/x.webp',
    'cats/1.jpg',
    'cats/10.JPEG',
    'cats/2.png',
    'cats0/deep/er/y.png',
    'root.png',
    'Äpfel/é.png',
    '\ue000.png',
    '\u{1f600}.png',
  ];

  test('gives the images in the order of the bytes of their paths, with their labels', async () => {
    await inFolder(files, async (path) => {
      const table = await openImageFolder(path());
      expect(paths).toEqual([...paths].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      expect(await columnOf(table, 'path')).toEqual(paths);
      expect(await columnOf(table, 'label')).toEqual([
        'cats-and-dogs',
        'cats',
        'cats',
        'cats',
        'cats0',
        null,
        'Äpfel',
        null,
        null,
      ]);
      expect(table.columns).toEqual(['image', 'label', 'path'].map((name) => ({ name, kind: 'cells' })));
      expect(await table.read([4, 1], ['image', 'path'])).toEqual(
        new Map([
          [
            'image',
            { kind: 'cells', cells: [Uint8Array.from(Buffer.from('deep')), Uint8Array.from(Buffer.from('one'))] },
          ],
          ['path', { kind: 'cells', cells: ['cats0/deep/er/y.png', 'cats/1.jpg'] }],
        ]),
      );
      expect(table.nameOf(2)).toBe('cats/10.JPEG');
      expect(table.notes).toEqual([`${path()}: 2 other files left out`]);
      await table.close();
    });
  });

  test('takes links to files of the folder, and the folder itself may be one', async () => {
    await inFolder({ 'set/a/1.png': 'one' }, async (path) => {
      mkdirSync(path('set/b'));
      symlinkSync('../a/1.png', path('set/b/2.png'));
      symlinkSync('../a', path('set/b/c'));
      symlinkSync('/etc/hostname', path('set/read.me'));
      symlinkSync('nowhere', path('set/none'));
      symlinkSync('set', path('link'));
      const table = await openImageFolder(path('link'));
      expect(await columnOf(table, 'path')).toEqual(['a/1.png', 'b/2.png']);
      expect(await columnOf(table, 'image')).toEqual(['one', 'one']);
      expect(table.notes).toEqual([`${path('link')}: 2 other files left out`, `${path('link')}: 1 link left out`]);
    });
  });

  test('has a bad row for an image that is gone, is no file any more, or is too large', async () => {
    await inFolder({ '1.png': 'one', '2.png': 'two', '3.png': '', '4.png': '', '5.png': 'five' }, async (path) => {
      const table = await openImageFolder(path());
      rmSync(path('1.png'));
      renameSync(path('2.png'), path('away'));
      mkdirSync(path('2.png'));
      truncateSync(path('3.png'), 2 ** 26 + 1);
      rmSync(path('4.png'));
      execFileSync('mkfifo', [path('4.png')]);
      expect(await columnOf(table, 'image')).toEqual([
        'bad: found nothing, expected a file',
        'bad: found a folder, expected a file',
        'bad: the file has 67108865 bytes, and at most 67108864 are read',
        'bad: found a named pipe, expected a file',
        'five',
      ]);
    });
  });

  const cases: readonly {
    readonly what: string;
    readonly make: (path: (name: string) => string) => void;
    readonly want: string;
  }[] = [
    {
      what: 'is missing',
      make: (path) => rmSync(path('set'), { recursive: true }),
      want: 'DIR/set: found nothing, expected a folder with PNG, JPEG or WebP files. Check the path.',
    },
    {
      what: 'is a file',
      make: (path) => {
        rmSync(path('set'), { recursive: true });
        writeFileSync(path('set'), '');
      },
      want: 'DIR/set: found a file, expected a folder with PNG, JPEG or WebP files. Name a folder.',
    },
    {
      what: 'is empty',
      make: () => undefined,
      want: 'DIR/set: found no files, expected a folder with PNG, JPEG or WebP files. Check the path.',
    },
    {
      what: 'holds other files',
      make: (path) => {
        writeFileSync(path('set/a.tiff'), '');
      },
      want: 'DIR/set: found no such file among 1 file, expected a folder with PNG, JPEG or WebP files. Check the path.',
    },
    {
      what: 'has a link that leads out',
      make: (path) => {
        writeFileSync(path('secret.png'), '');
        symlinkSync('../secret.png', path('set/a.png'));
      },
      want: 'DIR/set/a.png: found a link to DIR/secret.png, outside of the folder, expected files that lie in the folder. Copy what it leads to into the folder, or remove the link.',
    },
    {
      what: 'has a link to a folder outside',
      make: (path) => symlinkSync('..', path('set/a')),
      want: 'DIR/set/a: found a link to DIR, outside of the folder, expected files that lie in the folder. Copy what it leads to into the folder, or remove the link.',
    },
    {
      what: 'has a link to nothing',
      make: (path) => symlinkSync('gone.png', path('set/a.png')),
      want: 'DIR/set/a.png: found a link to gone.png, where nothing is, expected a file of the folder. Correct the link.',
    },
    {
      what: 'has links in a circle',
      make: (path) => symlinkSync('a.png', path('set/a.png')),
      want: 'DIR/set/a.png: found links that lead in a circle, expected a file of the folder. Correct the links.',
    },
    {
      what: 'has a name that is not UTF-8',
      make: (path) => {
        writeFileSync(Buffer.concat([Buffer.from(path('set/a')), Uint8Array.of(0xe9), Buffer.from('.png')]), '');
      },
      want: 'DIR/set/a�.png: the name is not valid UTF-8. Rename it, for example with convmv.',
    },
  ];
  test.each(cases)('that $what gets a sentence', async ({ make, want }) => {
    await inFolder({}, async (path) => {
      mkdirSync(path('set'));
      make(path);
      expect(await sentenceOf(() => openImageFolder(path('set')), path())).toBe(want);
    });
  });
});

/** Root may read everything: `work` runs with the rights of another user then. */
async function asOrdinaryUser(work: () => Promise<void>): Promise<void> {
  const root = process.getuid?.() === 0;
  if (root) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (root) process.seteuid?.(0);
  }
}

describe('a folder of plain files', () => {
  test('gives every regular file, hidden ones too, and no link', async () => {
    const files = { 'b/.profile': 'hidden', 'a.tar.GZ': 'packed', empty: '', 'dot.': 'dot' };
    await inFolder(files, async (path) => {
      symlinkSync('/etc/hostname', path('link'));
      execFileSync('mkfifo', [path('pipe')]);
      const table = await openFiles(path());
      expect(await columnOf(table, 'path')).toEqual(['a.tar.GZ', 'b/.profile', 'dot.', 'empty']);
      expect(await columnOf(table, 'extension')).toEqual(['gz', null, null, null]);
      expect(await columnOf(table, 'bytes')).toEqual(['packed', 'hidden', 'dot', '']);
      expect(await columnOf(table, 'size')).toEqual([6, 6, 3, 0]);
      expect(table.notes).toEqual([`${path()}: 1 other file left out`, `${path()}: 1 link left out`]);
    });
  });

  test('gives start and end of large files only', async () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, at) => at);
    await inFolder({ a: bytes, b: bytes.subarray(0, 8), c: bytes.subarray(0, 7) }, async (path) => {
      const cellsWith = async (head: number, tail: number): Promise<unknown> => [
        ...(await (await openFiles(path(), { head, tail })).read([0, 1, 2], ['bytes', 'size'])).values(),
      ];
      const values = (cells: readonly (readonly number[])[]): object => ({
        kind: 'cells',
        cells: cells.map((list) => Uint8Array.from(list)),
      });
      const sizes = { kind: 'cells', cells: [100, 8, 7] };
      const [b, c] = [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [0, 1, 2, 3, 4, 5, 6],
      ];
      expect(await cellsWith(4, 4)).toEqual([values([[0, 1, 2, 3, 96, 97, 98, 99], b, c]), sizes]);
      expect(await cellsWith(0, 3)).toEqual([
        values([
          [97, 98, 99],
          [5, 6, 7],
          [4, 5, 6],
        ]),
        sizes,
      ]);
      expect(await cellsWith(3, 0)).toEqual([
        values([
          [0, 1, 2],
          [0, 1, 2],
          [0, 1, 2],
        ]),
        sizes,
      ]);
      expect(await sentenceOf(() => openFiles(path(), { head: -1, tail: 4 }), path())).toBe(
        'DIR: found a head of -1 bytes and a tail of 4, expected 1 to 67108864 bytes of each file. Choose how much of each file is read.',
      );
    });
  });

  test('reads the ends of a file that would be too large', async () => {
    await inFolder({ a: 'start' }, async (path) => {
      truncateSync(path('a'), 2 ** 40);
      const table = await openFiles(path(), { head: 6, tail: 1 });
      expect(await columnOf(table, 'bytes')).toEqual(['start\0\0']);
      expect(await columnOf(table, 'size')).toEqual([2 ** 40]);
      const cells = (await (await openFiles(path())).read([0], ['bytes'])).get('bytes');
      expect(cells).toEqual({
        kind: 'cells',
        cells: [new BadRow('the file has 1099511627776 bytes, and at most 67108864 are read')],
      });
    });
  });

  test('of another user has bad rows', async () => {
    await inFolder({ a: 'mine', b: 'mine', 'c/d': 'mine' }, async (path) => {
      const table = await openFiles(path());
      chmodSync(path(), 0o755);
      chmodSync(path('b'), 0);
      chmodSync(path('c'), 0);
      await asOrdinaryUser(async () => {
        const denied = 'bad: found something that may not be read (EACCES), expected a file';
        expect(await columnOf(table, 'bytes')).toEqual(['mine', denied, denied]);
        expect(await sentenceOf(() => openFiles(path()), path())).toBe(
          'DIR/c: found something that may not be read (EACCES), expected a folder with files. Change its permissions, or those of a folder above it.',
        );
      });
      chmodSync(path('c'), 0o755);
    });
  });

  test('without any gets a sentence', async () => {
    await inFolder({}, async (path) => {
      expect(await sentenceOf(() => openFiles(path()), path())).toBe(
        'DIR: found no files, expected a folder with files. Check the path.',
      );
    });
  });
});
