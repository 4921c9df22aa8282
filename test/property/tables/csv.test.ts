/** Any CSV file: the same values as csv-parse reads, whatever the order of reads and the size of the pieces. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';

import { SourceFiles } from '../../../workers/tables/source-files.js';
import { openCsv } from '../../../workers/tables/index.js';
import { csvRule, type Delimiter, delimiters } from '../../../workers/tables/text/csv-rows.js';
import { indexRows } from '../../../workers/tables/text/scan.js';
import { withFolder } from '../../kit/folder.js';
import { allRows, cellsOf, withTable } from '../../kit/tables.js';

const kind = { one: 'a CSV file', endings: ['.csv'] };
const value = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[a-zß 0-9]{0,6}$/) },
  fc.string({ unit: fc.constantFrom('"', ',', ';', '\t', '\n', '\r\n', 'a', ' ', 'é', '😀'), maxLength: 8 }),
);
const delimiter = fc.constantFrom<Delimiter>(...delimiters);
const lineBreak = fc.constantFrom('\n', '\r\n');

/** Rows of equal width, at least two. */
const rows = fc
  .integer({ min: 2, max: 4 })
  .chain((width) =>
    fc.array(fc.array(value, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 150 }),
  );

/** A plain writer: quotes what must be quoted, and what `always` says. */
function written(all: readonly (readonly string[])[], by: Delimiter, end: string, always: boolean): string {
  const text = (cell: string): string =>
    always || /["\r\n,;\t]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  return all.map((row) => row.map(text).join(by) + end).join('');
}

function headOf(width: number): string[] {
  return Array.from({ length: width }, (_, at) => `column ${String(at)}`);
}

describe('a CSV file', () => {
  test('gives back what was written, in any order of reads', async () => {
    await withFolder({}, (folder) =>
      fc.assert(
        fc.asyncProperty(
          rows,
          delimiter,
          lineBreak,
          fc.boolean(),
          fc.infiniteStream(fc.nat()),
          async (all, by, end, always, picks) => {
            const head = headOf(all[0]!.length);
            const path = join(folder, 'x.csv');
            await writeFile(path, written([head, ...all], by, end, always));
            await withTable(openCsv(path), async (table) => {
              expect(table.length).toBe(all.length);
              const order = Array.from({ length: 20 }, () => picks.next().value % all.length);
              for (const wanted of [allRows(table), order]) {
                for (const [column, name] of head.entries()) {
                  expect(await cellsOf(table, name, wanted)).toEqual(wanted.map((row) => all[row]![column]));
                }
              }
            });
          },
        ),
        { numRuns: 60 },
      ),
    );
  });

  test('is read as csv-parse reads it, whenever that accepts it', async () => {
    const piece = fc.constantFrom('"', '""', ',', '\n', '\r\n', 'a', ' ', '1', '\r', 'é');
    const body = fc.string({ unit: piece, maxLength: 60 });
    let accepted = 0;
    await withFolder({}, (folder) =>
      fc.assert(
        fc.asyncProperty(body, async (text) => {
          const all = parsed(`x,y\n${text}`);
          if (all === null || all.length < 2) return;
          accepted++;
          const path = join(folder, 'x.csv');
          await writeFile(path, `x,y\n${text}`);
          await withTable(openCsv(path), async (table) => {
            const wanted = all.slice(1).map((row) => (row.length === 2 ? row[1] : 'ragged'));
            const cells = (await cellsOf(table, 'y')).map((cell) => (typeof cell === 'string' ? cell : 'ragged'));
            expect(cells).toEqual(wanted);
          });
        }),
        { numRuns: 2_000 },
      ),
    );
    expect(accepted).toBeGreaterThan(300);
  });

  test('has the same rows in pieces of any size', async () => {
    const piece = fc.constantFrom('"', '""', ',', '\n', '\r\n', 'a', 'é', '😀');
    await withFolder({}, (folder) =>
      fc.assert(
        fc.asyncProperty(
          fc.string({ unit: piece, maxLength: 200 }),
          fc.integer({ min: 4, max: 40 }),
          async (text, size) => {
            const path = join(folder, 'x.csv');
            await writeFile(path, text);
            const files = SourceFiles.open([path], kind);
            try {
              expect(outcome(files, size)).toEqual(outcome(files));
            } finally {
              files.close();
            }
          },
        ),
        { numRuns: 500 },
      ),
    );
  });
});

/** Rows as csv-parse reads them; null when it refuses the text. */
function parsed(text: string): readonly (readonly string[])[] | null {
  try {
    return parse(text, { record_delimiter: ['\r\n', '\n'], relax_column_count: true, skip_empty_lines: true });
  } catch {
    return null;
  }
}

/** The blocks of a file, or the sentence of its fault. */
function outcome(files: SourceFiles, windowBytes?: number): unknown {
  try {
    const index = indexRows(files, 0, csvRule(',', 2), { position: 0, line: 1 }, windowBytes);
    const blocks = Array.from({ length: index.length }, (_, row) => index.block(index.blockOf(row)));
    return { rows: index.length, blocks };
  } catch (error) {
    return String(error);
  }
}
