/** Any JSON lines: the values that JSON.parse gives, and the place where a text stops being JSON. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { openJsonl } from '../../../workers/tables/index.js';
import { firstFault } from '../../../workers/tables/text/json-fault.js';
import { withFolder } from '../../kit/folder.js';
import { allRows, cellsOf, namesOf, withTable } from '../../kit/tables.js';
import { anyCharacter } from '../../kit/characters.js';

const key = fc.oneof(
  fc.constantFrom('a', 'b', '__proto__', 'toString', 'constructor', 'é'),
  fc.string({ maxLength: 3 }),
);
const leaf = fc.oneof(
  fc.string({ unit: anyCharacter }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  fc.boolean(),
  fc.constant(null),
);
const cell = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 4 }),
  fc.array(fc.array(leaf, { maxLength: 3 }), { maxLength: 3 }),
);
const object = fc.uniqueArray(fc.tuple(key, cell), { selector: ([name]) => name, maxLength: 5 });

/** What a table gives for a value: integers beyond 2^53 as they are written, up to 20 digits. */
function asRead(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asRead);
  const isLong = typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return isLong && /^-?\d{16,20}$/.test(String(value)) ? BigInt(String(value)) : value;
}

function textOf(entries: readonly (readonly [string, unknown])[]): string {
  return `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`;
}

describe('JSON lines', () => {
  test.each(['x.jsonl', 'x.json'])('in %s give back what was written, in any order of reads', async (file) => {
    await withFolder({}, (folder) =>
      fc.assert(
        fc.asyncProperty(
          fc.array(object, { minLength: 1, maxLength: 80 }),
          fc.infiniteStream(fc.nat()),
          async (all, picks) => {
            const names = [...new Set(all.flatMap((entries) => entries.map(([name]) => name)))];
            if (names.length === 0) return;
            const path = join(folder, file);
            const lines = all.map(textOf);
            await writeFile(path, file === 'x.json' ? `[${lines.join(',\n')}]` : lines.join('\n'));
            await withTable(openJsonl(path), async (table) => {
              expect(new Set(namesOf(table))).toEqual(new Set(names));
              const order = Array.from({ length: 20 }, () => picks.next().value % all.length);
              for (const wanted of [allRows(table), order]) {
                for (const name of names) {
                  const want = wanted.map((row) => asRead(all[row]!.find(([own]) => own === name)?.[1] ?? null));
                  expect(await cellsOf(table, name, wanted)).toEqual(want);
                }
              }
            });
          },
        ),
        { numRuns: 60 },
      ),
    );
  });
});

describe('the place of a fault', () => {
  const pieces = fc.string({
    unit: fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      'a',
      '\\',
      '\\n',
      '\\u00e9',
      '1',
      '-',
      '.',
      'e',
      'true',
      ' ',
      '\n',
      '0',
    ),
    maxLength: 20,
  });
  const damaged = fc
    .tuple(object.map(textOf), fc.nat(), fc.constantFrom('', '}', ',', '"', 'x'))
    .map(([text, at, by]) => text.slice(0, at % text.length) + by + text.slice((at % text.length) + 1));

  test('is within the text exactly when JSON.parse refuses it', () => {
    fc.assert(
      fc.property(fc.oneof(pieces, damaged, object.map(textOf)), (text) => {
        const place = firstFault(text);
        if (isJson(text)) {
          expect(place).toBe(text.length);
          return;
        }
        // What stands before the fault is the start of some JSON text: another fault can only come later.
        expect(place).toBeLessThanOrEqual(text.length);
        expect(firstFault(text.slice(0, place))).toBe(place);
      }),
      { numRuns: 3_000 },
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
