/** Each promise of docs/security.md names tests that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

const top = fileURLToPath(new URL('../../../', import.meta.url));

interface Promised {
  readonly promise: string;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

/** The rows of the tables whose second column is `test`. */
function promisesIn(page: string): Promised[] {
  const tables = page.split(/\n{2,}/).filter((part) => /^\| promise\s*\| test\s*\|/.test(part));
  return tables.flatMap((table) =>
    table
      .trim()
      .split('\n')
      .slice(2)
      .map((row): Promised => {
        const [promise = '', tests = ''] = row
          .split(/(?<!\\)\|/)
          .slice(1)
          .map((cell) => cell.trim());
        const named = [...tests.matchAll(/`(test\/[^`]+\.test\.ts)` "([^"]+)"/g)];
        return { promise, tests: named.map(([, file = '', title = '']) => ({ file, title })) };
      }),
  );
}

function problemsOf(page: string, textOf: (file: string) => string | null): string[] {
  return promisesIn(page).flatMap(({ promise, tests }) => {
    if (tests.length === 0) return [`"${promise}" names no test`];
    return tests.flatMap(({ file, title }) => {
      const text = textOf(file);
      if (text === null) return [`"${promise}": no file ${file}`];
      return text.includes(title) ? [] : [`"${promise}": ${file} has no test "${title}"`];
    });
  });
}

test('every promise of the security page has its tests', () => {
  const page = readFileSync(join(top, 'docs/security.md'), 'utf8');
  const textOf = (file: string): string | null =>
    existsSync(join(top, file)) ? readFileSync(join(top, file), 'utf8') : null;
  expect(problemsOf(page, textOf)).toEqual([]);
  expect(promisesIn(page).length).toBeGreaterThan(30);
});

describe('the check', () => {
  const page = (cell: string): string => `# A\n\n| promise | test |\n| --- | --- |\n| P | ${cell} |\n\ntext\n`;
  const textOf = (file: string): string | null => (file === 'test/a.test.ts' ? "test('does it', …)" : null);

  test.each([
    ['`test/a.test.ts` "does it"', []],
    ['`test/a.test.ts` "does it"; `test/b.test.ts` "x"', ['"P": no file test/b.test.ts']],
    ['`test/a.test.ts` "does more"', ['"P": test/a.test.ts has no test "does more"']],
    ['soon', ['"P" names no test']],
  ])('of %s finds %j', (cell, want) => {
    expect(problemsOf(page(cell), textOf)).toEqual(want);
  });
});
