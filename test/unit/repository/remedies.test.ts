/** The remedies in the sources say what to do (packages/base/src/fault.ts). What the program does itself is no remedy. */
import { globSync, readFileSync } from 'node:fs';

import { expect, test } from '@jest/globals';

const sources = globSync(['src/**/*.ts', 'workers/**/*.ts', 'packages/*/src/**/*.ts'], {
  exclude: ['**/node_modules/**', '**/dist/**', 'src/api/generated/**'],
});

/** A literal after `remedy:` that starts like a statement, not like an imperative. */
const statement = /\bremedy:\s*['"`](?:an?|all|every|it|its|no|none|nothing|the|there|these|this|those)\b[^'"`]*/g;
/** A path at the end of a remedy that a full stop would follow: it could not be copied. */
const gluedPath = /\bremedy:\s*`[^`]*\$\{shellWord\([^)]*\)\}`/g;

const findings = (pattern: RegExp): string[] =>
  sources.flatMap((file) => Array.from(readFileSync(file, 'utf8').matchAll(pattern), ([text]) => `${file}: ${text}`));

test('a remedy is an imperative', () => {
  expect(sources.length).toBeGreaterThan(300);
  expect(findings(statement)).toEqual([]);
  expect(`remedy: 'it is tried again'`.match(statement)).not.toBeNull();
});

test('no remedy ends with a path', () => {
  expect(findings(gluedPath)).toEqual([]);
  expect('remedy: `resume it with --resume ${shellWord(path)}`'.match(gluedPath)).not.toBeNull();
});
