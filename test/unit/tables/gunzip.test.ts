/** Gzip files of text formats: read as their unpacked files are, within a bound. */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';

import { openDataset } from '../../../workers/data/index.js';
import { csvFiles, openCsv, openJsonl } from '../../../workers/tables/index.js';
import { SourceFiles } from '../../../workers/tables/source-files.js';
import { withFolder } from '../../kit/folder.js';
import { cellsOf, dataErrorOf, withTable } from '../../kit/tables.js';

const csv = 'a,b\n1,x\n2,y\n';

describe('a gzip file', () => {
  test.each([
    ['by its ending', { 'x.csv.gz': gzipSync(csv) }, '', ['1', '2']],
    ['under the name of an unpacked one', { 'x.csv': gzipSync(csv) }, 'x.csv', ['1', '2']],
    ['of several members', { 'x.csv.gz': Buffer.concat([gzipSync('a,b\n1,x\n'), gzipSync('2,y\n')]) }, '', ['1', '2']],
    ['beside raw files', { 'x.csv.gz': gzipSync(csv), 'y.csv': 'a,b\n3,z\n' }, '', ['1', '2', '3']],
    ['once, where it lies unpacked as well', { 'x.csv.gz': gzipSync(csv), 'x.csv': csv }, '', ['1', '2']],
  ])('is read %s', async (_what, files, path, want) => {
    await withFolder(files, (folder) =>
      withTable(openCsv(join(folder, path)), async (table) => expect(await cellsOf(table, 'a')).toEqual(want)),
    );
  });

  test.each([
    ['x.jsonl.gz', '{"a":1}\n{"a":2}\n'],
    ['x.json.gz', '[{"a":1},{"a":2}]'],
  ])('of JSON is read: %s', async (name, text) => {
    await withFolder({ [name]: gzipSync(text) }, (folder) =>
      withTable(openJsonl(folder), async (table) => {
        expect(await cellsOf(table, 'a')).toEqual([1, 2]);
        expect(table.nameOf(1)).toContain(name);
      }),
    );
  });

  test('divides a folder by its name', async () => {
    const files = { 'train.csv.gz': gzipSync(csv), 'train.csv': csv, 'test.csv.gz': gzipSync('a,b\n3,x\n') };
    await withFolder(files, async (folder) => {
      const fields = [{ name: 'a', columns: ['a'], type: 'tensor' as const, dtype: 'Float32' as const }];
      const data = await openDataset({ format: 'csv', uri: `file://${folder}`, fields });
      expect([data.train.length, data.test?.length]).toEqual([2, 1]);
      await data.close();
    });
  });
});

describe('a bomb', () => {
  const most = 1_000_000;
  const bomb = gzipSync(Buffer.alloc(50 * most, 'a'));
  /** With another length in its trailer. */
  const lying = (length: number): Buffer => {
    const bytes = Buffer.from(bomb);
    bytes.writeUInt32LE(length, bytes.length - 4);
    return bytes;
  };

  test.each([
    ['is refused', bomb],
    ['that says it is small is refused', lying(10)],
    ['that says it is huge is refused', lying(0xffff_ffff)],
  ])('%s at the bound', async (_what, bytes) => {
    await withFolder({ 'x.csv.gz': bytes }, async (folder) => {
      const path = join(folder, 'x.csv.gz');
      expect(await dataErrorOf(folder, () => SourceFiles.openUnpacked([path], csvFiles, undefined, most))).toBe(
        'x.csv.gz: found more than 1000000 bytes, unpacked, expected at most as many, as gzip files are unpacked into memory. ' +
          'Unpack it: `gunzip -k x.csv.gz`.',
      );
    });
  });

  test('of several files that fit alone is refused', async () => {
    const half = gzipSync(Buffer.alloc(600_000, 'a'));
    await withFolder({ 'x.csv.gz': half, 'y.csv.gz': half }, async (folder) => {
      const paths = ['x', 'y'].map((name) => join(folder, `${name}.csv.gz`));
      await expect(SourceFiles.openUnpacked(paths.slice(0, 1), csvFiles, undefined, most)).resolves.toBeDefined();
      expect(await dataErrorOf(folder, () => SourceFiles.openUnpacked(paths, csvFiles, undefined, most))).toContain(
        'y.csv.gz: found more than 400000 bytes, unpacked',
      );
    });
  });
});
