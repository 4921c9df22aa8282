/** What the columns of a data set hold, judged by rows that are spread over the whole. */
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';

import { overviewOf } from '../../../workers/data/index.js';
import { withFolder } from '../../kit/folder.js';

async function picture(width: number): Promise<Uint8Array> {
  return sharp({ create: { width, height: 4, channels: 3, background: '#123456' } })
    .png()
    .toBuffer();
}

describe('an overview', () => {
  it('says what each column of a table holds', async () => {
    const rows = Array.from(
      { length: 2_000 },
      (_, at) => `${String(at)},${String(at / 7)},${at < 1_000 ? 'cat' : 'dog'},,${at % 2 === 0 ? '1' : 'x'}`,
    );
    await withFolder({ 't.csv': ['id,x,kind,empty,odd', ...rows, ''].join('\n') }, async (folder) => {
      const { rows: count, heldOut, columns, sampled, pictures } = await overviewOf('csv', `file://${folder}/t.csv`);
      expect({ count, heldOut, sampled, pictures }).toEqual({
        count: 2_000,
        heldOut: null,
        sampled: 512,
        pictures: null,
      });
      expect(columns.map(({ name, holds }) => [name, holds])).toEqual([
        ['id', 'whole'],
        ['x', 'fraction'],
        ['kind', 'text'],
        ['empty', 'nothing'],
        ['odd', 'text'],
      ]);
      // Rows of the whole table, which is sorted by this column.
      expect(columns[2]).toMatchObject({ distinct: 2, values: ['cat', 'dog'], longest: 3, empty: 0 });
      expect(columns[0]).toMatchObject({ least: 0, most: 1_996 });
      expect(columns[3]).toMatchObject({ empty: 512 });
    });
  });

  it('says the size of pictures where all have the same, and which folder divides them', async () => {
    const [narrow, wide] = await Promise.all([picture(5), picture(6)]);
    await withFolder(
      { 'train/cat/1.png': narrow, 'train/dog/2.png': narrow, 'test/cat/3.png': narrow },
      async (folder) => {
        const overview = await overviewOf('imageFolder', `file://${folder}`);
        expect(overview).toMatchObject({ rows: 2, heldOut: 1, pictures: { height: 4, width: 5 } });
        expect(overview.columns.map(({ name, holds }) => [name, holds])).toEqual([
          ['image', 'picture'],
          ['label', 'text'],
          ['path', 'text'],
        ]);
      },
    );
    await withFolder({ '1.png': narrow, '2.png': wide, '3.png': 'damaged' }, async (folder) => {
      expect(await overviewOf('imageFolder', `file://${folder}`)).toMatchObject({
        rows: 3,
        heldOut: null,
        pictures: null,
      });
    });
  });

  it('refuses a file of another kind, and a table without rows', async () => {
    await withFolder({ 'a.csv': 'PK\u0003\u0004', 'b.csv': 'x,y\n' }, async (folder) => {
      await expect(overviewOf('csv', `file://${join(folder, 'a.csv')}`)).rejects.toThrow('found a zip archive');
      await expect(overviewOf('csv', `file://${join(folder, 'b.csv')}`)).rejects.toThrow(/no rows/);
    });
  });
});
