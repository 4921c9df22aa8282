/** Tables of arrays, folders and archives: rows in any order are the rows in order, and no bytes crash a reader. */
import { writeFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  openFiles,
  openIdx,
  openImageFolder,
  openNpy,
  openNpz,
  openTar,
  type Table,
} from '../../../workers/tables/index.js';
import { DataError } from '../../../workers/samples/index.js';
import { readDictLiteral } from '../../../workers/tables/arrays/dict-literal.js';
import { rowMajor } from '../../../workers/tables/arrays/fortran.js';
import { byBytes } from '../../../workers/tables/byte-order.js';
import { inFolder, rowsIn } from '../../unit/tables/in-folder.js';
import { samples } from './samples.js';

const openers: Readonly<Record<string, (path: string) => Promise<Table>>> = {
  npy: openNpy,
  'column-major npy': openNpy,
  'npy of texts': openNpy,
  'stored npz': (path) => openNpz(path, ['x_train', 'y_train']),
  'compressed npz': (path) => openNpz(path, ['x_train', 'y_train']),
  idx: (path) => openIdx([{ name: 'x', path }]),
  tar: openTar,
  images: openImageFolder,
  files: (path) => openFiles(path, { head: 2, tail: 2 }),
};

describe.each(Object.entries(openers))('the table of a sound %s', (format, open) => {
  test('gives any rows as it gives them in order', async () => {
    await inFolder(samples[format]!, async (path) => {
      const table = await open(path('sound'));
      const names = table.columns.map(({ name }) => name);
      const all = Array.from({ length: table.length }, (_, row) => row);
      const inOrder = await table.read(all, names);
      const someRows = fc.array(fc.nat(table.length - 1), { minLength: 1, maxLength: 12 });
      const someNames = fc.shuffledSubarray(names, { minLength: 1 });
      await fc.assert(
        fc.asyncProperty(someRows, someNames, async (rows, some) => {
          const read = await table.read(rows, some);
          expect([...read.keys()]).toEqual(some);
          for (const name of some) {
            const want = rowsIn(inOrder.get(name)!, all.length);
            expect(rowsIn(read.get(name)!, rows.length)).toEqual(rows.map((row) => want[row]));
          }
        }),
      );
      await table.close();
    });
  });
});

const inOneFile = Object.entries(openers).filter(([format]) => 'sound' in samples[format]!);
describe.each(inOneFile)('a damaged %s', (format, open) => {
  test('is read, or refused with a sentence', async () => {
    await inFolder(samples[format]!, async (path) => {
      const sound = samples[format]!.sound as Uint8Array;
      const change = fc.record({ at: fc.nat(sound.length - 1), byte: fc.nat(255) });
      const length = fc.oneof(fc.constant(sound.length), fc.nat(sound.length));
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 3 }), length, async (changes, end) => {
          const bytes = Uint8Array.from(sound);
          for (const { at, byte } of changes) bytes[at] = byte;
          writeFileSync(path('damaged'), bytes.subarray(0, end));
          try {
            await readEnds(await open(path('damaged')));
          } catch (error) {
            expect(error).toBeInstanceOf(DataError);
            refused++;
          }
        }),
        { numRuns: 150 },
      );
      expect(refused).toBeGreaterThan(0);
    });
  });
});

/** Reads the first and the last row, and closes the table. */
async function readEnds(table: Table): Promise<void> {
  try {
    await table.read(
      [0, table.length - 1],
      table.columns.map(({ name }) => name),
    );
  } finally {
    await table.close();
  }
}

test('names are in the order of their UTF-8 bytes', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '/', '-', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'),
    maxLength: 6,
  });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(byBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test('a dict literal is read, or nothing is', () => {
  const part = fc.constantFrom(
    "'descr'",
    '"a"',
    ':',
    ',',
    '{',
    '}',
    '(',
    ')',
    '[',
    '3',
    '12L',
    'True',
    'False',
    ' ',
    '-',
    'x',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const read = readDictLiteral(parts.join(''));
      if (read !== null) expect(parts.join('').trimStart().startsWith('{')).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('column-major values come into row-major order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      fc.constantFrom(1, 2, 4, 8, 12),
      (shape, bytesPerValue) => {
        const size = shape.reduce((product, axis) => product * axis, 1);
        const want = Uint8Array.from({ length: size * bytesPerValue }, (_, at) => (at * 31) % 251);
        const columns = new Uint8Array(want.length);
        for (let index = 0; index < size; index++) {
          // The place of a row-major index, axis by axis from the last.
          let rest = index;
          const place = [...shape].reverse().map((axis) => {
            const at = rest % axis;
            rest = Math.floor(rest / axis);
            return at;
          });
          const from = place.reverse().reduceRight((sum, at, axis) => sum * (shape[axis] ?? 1) + at, 0);
          columns.set(want.subarray(index * bytesPerValue, (index + 1) * bytesPerValue), from * bytesPerValue);
        }
        expect(rowMajor(columns, shape, bytesPerValue)).toEqual(want);
      },
    ),
  );
});
