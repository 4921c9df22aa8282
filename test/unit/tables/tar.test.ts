/** Tar shards, written by the machine's tar in each of its formats and by hand; and what is refused. */
import { execFileSync } from 'node:child_process';
import { linkSync, readdirSync, readlinkSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';

import { openTar } from '../../../workers/tables/index.js';
import { columnOf, type Content, inFolder, sentenceOf } from './in-folder.js';
import { block, end, member, tar } from './tar-files.js';

/** How many files below a folder this process has open. */
function openBelow(folder: string): number {
  return readdirSync('/proc/self/fd').filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;
}

describe('shards', () => {
  const long = `${'deep/'.repeat(30)}${'n'.repeat(90)}`;
  test.each(['ustar', 'gnu', 'pax', 'v7'])('that tar wrote in the format %s give their rows', async (format) => {
    const long98 = `${'d/'.repeat(30)}n`;
    const name = format === 'v7' ? long98 : format === 'ustar' ? `${'deep/'.repeat(25)}name` : long;
    const files = {
      'in/1.jpg': 'one',
      'in/1.cls': '0',
      'in/2.jpg': 'two'.repeat(1000),
      'in/2.cls': '1',
      'in/é.jpg': 'accent',
      [`in/${name}.jpg`]: 'long',
    };
    await inFolder(files, async (path) => {
      execFileSync(
        'tar',
        [
          '--sort=name',
          `--format=${format}`,
          '-cf',
          '../x.tar',
          '1.cls',
          '1.jpg',
          '2.cls',
          '2.jpg',
          'é.jpg',
          name.split('/')[0]!,
        ],
        { cwd: path('in') },
      );
      const table = await openTar(path('x.tar'));
      expect(table.columns).toEqual(['__key__', 'cls', 'jpg'].map((column) => ({ name: column, kind: 'cells' })));
      expect(await columnOf(table, '__key__')).toEqual(['1', '2', 'é', name]);
      expect(await columnOf(table, 'jpg')).toEqual(['one', 'two'.repeat(1000), 'accent', 'long']);
      expect(await columnOf(table, 'cls')).toEqual(['0', '1', null, null]);
      expect(table.nameOf(1)).toBe('x.tar, 2');
      await table.close();
      await table.close();
    });
  });

  test('are one table in the order of their names, each with keys of its own', async () => {
    const shard = (text: string): Buffer =>
      tar(
        member('./0.TXT', text),
        member('./', '', '5'),
        member('./a.b/0.seg.png', `${text} seg`),
        member('README', 'x'),
      );
    await inFolder({ 's/b.tar': shard('b'), 's/a.tar': shard('a'), 's/c.txt': 'no shard' }, async (path) => {
      for (const paths of [path('s'), [path('s/b.tar'), path('s/a.tar')]]) {
        const table = await openTar(paths);
        expect(await columnOf(table, '__key__')).toEqual(['0', 'a.b/0', '0', 'a.b/0']);
        expect(await columnOf(table, 'txt')).toEqual(['a', null, 'b', null]);
        expect(await columnOf(table, 'seg.png')).toEqual([null, 'a seg', null, 'b seg']);
        expect([0, 2].map((row) => table.nameOf(row))).toEqual(['a.tar, 0', 'b.tar, 0']);
        expect(table.notes[0]).toMatch(/: 2 other members left out$/);
        await table.close();
      }
    });
  });

  test('group the members of a key, wherever they lie in the archive', async () => {
    const index = member('__index__.json', '{}');
    await inFolder(
      { x: tar(member('a.x', '1'), member('b.x', '2'), index, member('b.y', '3'), member('a.y', '4')) },
      async (path) => {
        const table = await openTar(path('x'));
        expect(await columnOf(table, 'x')).toEqual(['1', '2']);
        expect(await columnOf(table, 'y')).toEqual(['4', '3']);
        await table.close();
      },
    );
  });

  test('are open a few at a time', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 50 }, (_, at) => [`s/${String(at).padStart(2, '0')}.tar`, tar(member('a.x', String(at)))]),
    );
    await inFolder(files, async (path) => {
      const table = await openTar(path('s'));
      const openNow = (): number => openBelow(path('s'));
      expect(openNow()).toBe(0);
      expect((await columnOf(table, 'x')).length).toBe(50);
      expect(await columnOf(table, 'x')).toEqual(Array.from({ length: 50 }, (_, at) => String(at)));
      expect(openNow()).toBe(32);
      // The first one was closed meanwhile, and is another file when it is opened again.
      writeFileSync(path('s/00.tar'), tar(member('a.x', 'other')));
      await expect(table.read([0], ['x'])).rejects.toMatchObject({
        kind: 'Read',
        fault: { about: path('s/00.tar'), problem: 'the file changed while it was read' },
      });
      await table.close();
      expect(openNow()).toBe(0);
    });
  });

  test('of more than 8 GiB have members behind that', async () => {
    await inFolder({}, async (path) => {
      const size = 2 ** 33 + 512;
      const large = member('a.bin', '', '0', (header) => {
        header.fill(0, 124, 136);
        header[124] = 0x80;
        header.writeUInt32BE(Math.floor(size / 2 ** 32), 128);
        header.writeUInt32BE(size % 2 ** 32, 132);
      });
      writeFileSync(path('x.tar'), large);
      truncateSync(path('x.tar'), large.length + size);
      writeFileSync(path('x.tar'), tar(member('b.bin', 'behind')), { flag: 'a' });
      const table = await openTar(path('x.tar'));
      expect(await columnOf(table, 'bin')).toEqual(['bad: a member has more than 67108864 bytes', 'behind']);
      await table.close();
    });
  });
});

describe('shards that are not read', () => {
  const one = member('a.x', 'content');
  const pax = (record: string): Buffer => member('pax', `${String(record.length + 3)} ${record}`, 'x');
  const cases: readonly (readonly [string, Content, string])[] = [
    [
      'empty',
      '',
      'DIR/x: found an empty file, expected a tar archive, which starts with the name of its first file. Check that it is the file meant and that its download is complete.',
    ],
    [
      'a short text',
      'hello',
      'DIR/x: found a file that starts with "68656c6c", expected a tar archive, which starts with the name of its first file. Check that it is the file meant and that its download is complete.',
    ],
    [
      'foreign',
      Buffer.alloc(2000, 'hello'),
      'DIR/x: found a file that starts with "68656c6c", expected a tar archive, which starts with the name of its first file. Check that it is the file meant and that its download is complete.',
    ],
    [
      'packed',
      gzipSync(Buffer.from(Array.from({ length: 2000 }, (_, at) => (at * at * 7919) % 251))),
      'DIR/x: found a gzip file, expected a tar archive. Unpack it with gunzip -k.',
    ],
    [
      'without members',
      end,
      'DIR/x: found no row in 0 files, expected members named KEY.EXTENSION, as WebDataset names them. Check that it is the archive meant.',
    ],
    [
      'without rows',
      tar(member('README', ''), member('.a', '')),
      'DIR/x: found no row in 2 files, expected members named KEY.EXTENSION, as WebDataset names them. Check that it is the archive meant.',
    ],
    [
      'cut in a header',
      Buffer.concat([one, one.subarray(0, 100)]),
      'DIR/x: found an archive that ends at byte 1124, expected a block of zeros at its end. Get the file again, or pack it again.',
    ],
    [
      'cut behind a member',
      one,
      'DIR/x: found an archive that ends at byte 1024, expected a block of zeros at its end. Get the file again, or pack it again.',
    ],
    [
      'cut in a member',
      one.subarray(0, 515),
      'DIR/x: found a truncated file of 515 bytes, expected 519 bytes. Get the file again.',
    ],
    [
      'damaged',
      tar(one, Buffer.alloc(block, 'x')),
      'DIR/x: found a damaged header at byte 1024, expected a sound tar archive. Get the file again, or pack it again.',
    ],
    [
      'two archives',
      Buffer.concat([tar(one), tar(one)]),
      'DIR/x: found more data behind the end of the archive, at byte 1024, expected one archive in each file. Put each archive into a file of its own.',
    ],
    [
      'with a key twice',
      tar(one, member('a.X', '')),
      'DIR/x: a.X: the archive has two members of this key and extension. Give each sample a key of its own.',
    ],
    [
      'with a link',
      tar(member('b.x', '', '2')),
      'DIR/x: b.x: found a link, expected files and folders only. Pack it again with tar --dereference --hard-dereference, without --sparse.',
    ],
    [
      'with a device',
      tar(member('b', '', '3')),
      'DIR/x: b: found a device, expected files and folders only. Pack it again with tar --dereference --hard-dereference, without --sparse.',
    ],
    [
      'with a pipe',
      tar(member('b', '', '6')),
      'DIR/x: b: found a named pipe, expected files and folders only. Pack it again with tar --dereference --hard-dereference, without --sparse.',
    ],
    [
      'of several volumes',
      tar(member('b', '', 'M')),
      'DIR/x: b: found a member of type M, expected files and folders only. Pack it again with tar --dereference --hard-dereference, without --sparse.',
    ],
    [
      'with a sparse file',
      tar(pax('GNU.sparse.major=1\n'), one),
      'DIR/x: a.x: found a sparse file, expected files and folders only. Pack it again with tar --dereference --hard-dereference, without --sparse.',
    ],
    [
      'with an invalid size',
      tar(pax('size=-1\n'), one),
      'DIR/x: found a damaged header at byte 1024, expected a sound tar archive. Get the file again, or pack it again.',
    ],
    [
      'with damaged records',
      tar(member('pax', '99 path=b.x\n', 'x'), one),
      'DIR/x: found a file that starts with "70617800", expected a tar archive, which starts with the name of its first file. Check that it is the file meant and that its download is complete.',
    ],
    [
      'with a long name of gigabytes',
      tar(
        one,
        member('a', '', 'L', (header) => header.write('77777777777\0', 124)),
      ),
      'DIR/x: found a damaged header at byte 1024, expected a sound tar archive. Get the file again, or pack it again.',
    ],
    [
      'with a name that is not UTF-8',
      tar(member(Uint8Array.of(0xe9, 0x2e, 0x78), '')),
      'DIR/x: �.x: the name is not valid UTF-8. Rename it and pack it again.',
    ],
    [
      'with a long key',
      tar(member('p', `${'k'.repeat(1024)}.x\0`, 'L'), one),
      `DIR/x: ${'k'.repeat(1024)}.x: found a key of 1024 bytes, expected at most 1023. Shorten it.`,
    ],
    [
      'with many extensions',
      tar(...Array.from({ length: 65 }, (_, at) => member(`a.${String(at)}`, ''))),
      'DIR/x: found more than 64 extensions: 0, 1, 2, 3, 4, 5, 6, 7 …, expected members named KEY.EXTENSION, as WebDataset names them. Check that it is the archive meant: a key ends at the first dot.',
    ],
  ];
  test.each(cases)('for one is %s get a sentence', async (_, bytes, want) => {
    await inFolder({ x: bytes }, async (path) => {
      expect(await sentenceOf(() => openTar(path('x')), path())).toBe(want);
    });
  });

  test('say which files are missing', async () => {
    await inFolder({ 'packed/b.tar.gz': '', 'packed/a.tgz': '', 'other/a.txt': '' }, async (path) => {
      const opening: readonly (readonly [string, string])[] = [
        ['none', 'DIR/none: found nothing, expected a tar archive, or a folder of them. Check the path.'],
        ['other', 'DIR/other: found no tar file in it, expected *.tar. Check the path.'],
        [
          'packed',
          'DIR/packed: found gzip files, such as a.tgz, expected *.tar. Unpack them with gunzip -k: rows of packed archives cannot be read in any order.',
        ],
      ];
      for (const [name, want] of opening) expect(await sentenceOf(() => openTar(path(name)), path())).toBe(want);
    });
  });

  test('lie outside of the folder', async () => {
    await inFolder({ x: tar(one), 'set/a.tar': tar(one) }, async (path) => {
      symlinkSync('../x', path('set/b.tar'));
      expect(await sentenceOf(() => openTar(path('set')), path())).toBe(
        'DIR/set/b.tar: found a link to DIR/x, outside of the folder, expected files that lie in the folder. Copy what it leads to into the folder, or remove the link.',
      );
    });
  });

  test('were cut since they were opened', async () => {
    await inFolder({ x: tar(one) }, async (path) => {
      const table = await openTar(path('x'));
      expect(await columnOf(table, 'x')).toEqual(['content']);
      truncateSync(path('x'), 515);
      expect(await sentenceOf(() => table.read([0], ['x']), path())).toBe(
        'DIR/x: found a truncated file of 515 bytes, expected 519 bytes. Get the file again.',
      );
      await table.close();
      await expect(table.read([0], ['x'])).rejects.toThrow('the table is closed');
    });
  });

  test('hold links that tar packed', async () => {
    await inFolder({ 'in/a.x': 'one' }, async (path) => {
      linkSync(path('in/a.x'), path('in/b.x'));
      symlinkSync('a.x', path('in/c.x'));
      for (const name of ['b.x', 'c.x']) {
        execFileSync('tar', ['-cf', '../x.tar', 'a.x', name], { cwd: path('in') });
        expect(await sentenceOf(() => openTar(path('x.tar')), path())).toMatch(
          new RegExp(`^DIR/x.tar: ${name}: found a link, expected files and folders only`),
        );
      }
      execFileSync('tar', ['--dereference', '--hard-dereference', '-cf', '../x.tar', 'a.x', 'b.x', 'c.x'], {
        cwd: path('in'),
      });
      const table = await openTar(path('x.tar'));
      expect(await columnOf(table, 'x')).toEqual(['one', 'one', 'one']);
      await table.close();
    });
  });
});
