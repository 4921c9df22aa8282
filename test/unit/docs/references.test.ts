/** What comments, messages and pages cite exists; what one of them defines has one name. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import {
  anchorsOf,
  deadReferences,
  definitionsIn,
  namingProblems,
  type Page,
  sectionsOf,
  type Targets,
} from './references.js';

const top = fileURLToPath(new URL('../../../', import.meta.url));
const skipped = new Set(['node_modules', 'dist', 'golden', 'vectors', 'generated']);
const isText = (name: string): boolean => /\.(ts|js|cjs|mjs|md|yaml|yml|py|txt)$/.test(name);

function pagesIn(folder: string): Page[] {
  return readdirSync(join(top, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : pagesIn(path);
    return entry.isFile() && isText(entry.name) ? [{ path, text: readFileSync(join(top, path), 'utf8') }] : [];
  });
}

const folders = ['charts', 'crds', 'docs', 'examples', 'packages', 'scripts', 'src', 'test', 'workers'];
/** These suites cite what does not exist. */
const pending = ['test/unit/docs/', 'test/unit/repository/'];
const topFiles = readdirSync(top).filter((name) => isText(name));
const pages = [
  ...folders.filter((folder) => existsSync(join(top, folder))).flatMap(pagesIn),
  ...topFiles.map((path) => ({ path, text: readFileSync(join(top, path), 'utf8') })),
].filter(({ path }) => !pending.some((folder) => path.startsWith(folder)));

const code = pages.filter(({ path }) => path.endsWith('.ts'));
const design = pages.find(({ path }) => path === 'docs/design.md')?.text ?? '';

const targets: Targets = {
  invariants: new Set([...design.matchAll(/\*\*(I\d+) /g)].flatMap(([, name]) => name ?? [])),
  sections: sectionsOf(design),
  records: new Set(readdirSync(join(top, 'docs/adr')).flatMap((name) => Number(/^\d{4}/.exec(name)?.[0] ?? NaN))),
  local: new Set(code.flatMap(definitionsIn).map(({ name }) => name)),
  anchors: new Map(
    pages.filter(({ path }) => path.endsWith('.md')).map(({ path, text }) => [path, anchorsOf(text)] as const),
  ),
  exists: (path) => existsSync(join(top, path)),
};

describe('the repository', () => {
  test('gives each local invariant one name, which begins with its file', () => {
    const definitions = code.flatMap(definitionsIn);
    expect(namingProblems(definitions)).toEqual([]);
    expect(definitions.length).toBeGreaterThan(100);
  });

  test('gives each invariant of the design page an anchor', () => {
    const anchors = targets.anchors.get('docs/design.md');
    expect([...targets.invariants]).toEqual(['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9']);
    for (const name of targets.invariants) expect(anchors).toContain(name.toLowerCase());
  });

  test('cites only invariants, sections, records, pages and anchors that exist', () => {
    expect(pages.flatMap((page) => deadReferences(page, targets))).toEqual([]);
  });
});

describe('the check', () => {
  const sample: Targets = {
    invariants: new Set(['I1']),
    sections: sectionsOf('# Page\n## 4. Streams\n- **Poison.** It is.\n| step | one batch |\n### 4.1 More\ntext\n'),
    records: new Set([7]),
    local: new Set(['reflector/R1']),
    anchors: new Map([['docs/guide.md', anchorsOf('# Guide\n## When it is `late`\n## When it is late\n')]]),
    exists: (path) => ['docs/guide.md', 'README.md'].includes(path),
  };
  const problems = (text: string, path = 'src/a.ts'): string[] => deadReferences({ path, text }, sample);

  test.each([
    '/** Exactly once (I1). */',
    '// design §4, and design §4 "Poison", design §4.1, design §4 "step"',
    '/**\n * See design\n * §4 "Poison".\n */',
    '// ADR 7, docs/adr/0007, reflector/R1 and docs/guide.md#when-it-is-late-1',
  ])('finds nothing wrong with %j', (text) => {
    expect(problems(text)).toEqual([]);
  });

  test.each([
    ['(I10)', 'I10 is no invariant'],
    ['DESIGN §4', 'DESIGN is no page'],
    ['(HOUSE)', 'HOUSE is no page'],
    ['design §5', 'has no section 5'],
    ['design §4 and §4.2', 'has no section 4.2'],
    ['design §4 "Zombies"', 'has no "Zombies"'],
    ['ADR 8', 'ADR 8 does not exist'],
    ['docs/adr/0008', 'ADR 8 does not exist'],
    ['R1. @throws Error', 'R1 does not say whose'],
    ['Runs on (I1, R1).', 'R1 does not say whose'],
    ['reflector/R2', 'reflector/R2 is not defined'],
    ['docs/gone.md', 'docs/gone.md does not exist'],
    ['docs/guide.md#gone', 'no anchor #gone'],
    [' * broken over\n * two lines: design\n * §9', 'has no section 9'],
  ])('finds %j', (text, problem) => {
    expect(problems(`/** ${text} */`)).toEqual([expect.stringContaining(problem)]);
  });

  test('follows links of pages, relative to the page, and not those in code', () => {
    const page = '[a](guide.md) [b](../README.md) [c](guide.md#guide) [d](https://x.org/y) `[e](gone.md)`\n';
    expect(problems(`${page}\n\`\`\`\n[f](gone.md)\n\`\`\`\n`, 'docs/x.md')).toEqual([]);
    expect(problems('[a](gone.md) [b](guide.md#gone)', 'docs/x.md')).toEqual([
      'docs/x.md: docs/gone.md does not exist',
      'docs/x.md: docs/guide.md has no anchor #gone',
    ]);
  });

  test('wants a prefix that is the end of the path, once', () => {
    const file = (path: string, ...names: string[]): Page => ({
      path,
      text: `/**\n${names.map((name) => ` *  ${name} Holds.\n`).join('')} */\n`,
    });
    const named = [file('a/pods.ts', 'pods/P1', 'pods/P2'), file('b/pods.ts', 'b/pods/P1'), file('c/x.ts', 'x/A1')];
    expect(namingProblems(named.flatMap(definitionsIn))).toEqual([]);
    const wrong = [file('a/pods.ts', 'pods/P1'), file('b/pods.ts', 'pods/P1'), file('c/x.ts', 'A1', 'y/A2')];
    expect(namingProblems(wrong.flatMap(definitionsIn))).toEqual([
      'b/pods.ts: invariant pods/P1 is defined in a/pods.ts as well; rename one',
      'c/x.ts: invariant A1 does not begin with its file; name it x/A1',
      'c/x.ts: invariant y/A2 does not begin with its file; name it x/A2',
    ]);
  });
});
