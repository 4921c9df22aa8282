/**
 * Fails on words and phrases that this repository does not use (CONTRIBUTING.md, "Words"); part of `npm run lint`.
 * Spelling is cspell's (cspell.jsonc).
 *
 * scripts/prose/todo.txt lists files that are not mended yet, one glob a line. Findings there are allowed, so that the list
 * only shrinks: a glob without a finding is an error, and its line is to be deleted.
 *
 * Works on the current folder. Exit codes: 0 nothing found, 1 findings, each as `path:line:column phrase -> instead`.
 */
import { globSync, readFileSync } from 'node:fs';

/** What to write instead, by what is not written. Words count inside of camelCase names, too. */
const instead: Readonly<Record<string, string>> = {
  told: 'the verb for what happens: report, notify, say, pass',
  foretell: 'predict',
  foretells: 'predicts',
  foretold: 'predicted',
  anew: 'again',
  shall: 'must, or the present tense',
  whoever: 'the noun: the caller, the reader, the pod',
  nobody: 'the noun with no: no pod, no caller',
  farewell: 'the noun: deletion',
  'forth and back': 'back and forth',
  'in vain': 'without success, or the result',
  'looked at': 'reconciled, read, checked',
  'for ever': 'forever, or what never ends',
  'something else than': 'the noun: not JSON',
  'that is none': 'invalid',
};

const todoFile = 'scripts/prose/todo.txt';
const endings = '*.{ts,js,cjs,py,sh,md,yaml,yml,json,jsonc,tpl,txt,toml}';
// A glob finds no name with a dot before it that it does not spell out.
const texts = [`**/${endings}`, `.${endings}`, `.{github,devcontainer}/**/${endings}`];
const others = ['**/Dockerfile', '**/Makefile', '.github/CODEOWNERS', '.ci/run'];
const notOurs = [
  '**/node_modules/**',
  '**/.git/**',
  '{dist,.cache,runs,coverage,bench-results,LICENSES}/**',
  'packages/*/dist/**',
  'package-lock.json',
  // What names the phrases.
  'scripts/prose/**',
  'test/unit/repository/prose.test.ts',
  'CONTRIBUTING.md',
  // Generated from sources that are checked.
  'src/api/generated/**',
  'docs/{reference,vectors}/**',
  'packages/*/dist/**',
  'charts/*/crds/**',
  'test/**/golden/**',
  'examples/**/models/**',
];

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly phrase: string;
}

/** One expression for all phrases: at the start of a word in any case, or capitalized inside of a camelCase name. */
function expression(phrases: readonly string[]): RegExp {
  const spaced = (text: string): string => text.replaceAll(' ', '\\s+');
  const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
  const word = phrases.map(
    (phrase) => `[${phrase.charAt(0)}${phrase.charAt(0).toUpperCase()}]${spaced(phrase.slice(1))}`,
  );
  const inside = phrases.filter((phrase) => !phrase.includes(' ')).map(capitalized);
  return new RegExp(`(?<![A-Za-z])(?:${word.join('|')})(?![a-z])|(?<=[a-z0-9])(?:${inside.join('|')})(?![a-z])`, 'gu');
}

function findingsIn(file: string, banned: RegExp): Finding[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text, index) =>
      Array.from(text.matchAll(banned), (match) => ({
        file,
        line: index + 1,
        column: match.index + 1,
        phrase: match[0].toLowerCase().replace(/\s+/g, ' '),
      })),
    );
}

/** Globs of the list; lines that begin with # and empty lines count as none. */
function todoGlobs(): string[] {
  const lines = readFileSync(todoFile, 'utf8').split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

const banned = expression(Object.keys(instead));
const files = new Set(globSync([...texts, ...others], { exclude: notOurs }));
const findings = [...files].toSorted().flatMap((file) => findingsIn(file, banned));
const withFindings = new Set(findings.map(({ file }) => file));
const allowed = new Set<string>();
const problems: string[] = [];
for (const glob of todoGlobs()) {
  const listed = globSync(glob, { exclude: notOurs }).filter((file) => withFindings.has(file));
  if (listed.length === 0) problems.push(`${todoFile}: ${glob} has no finding any more. Delete the line.`);
  for (const file of listed) allowed.add(file);
}
for (const { file, line, column, phrase } of findings) {
  if (allowed.has(file)) continue;
  problems.push(`${file}:${String(line)}:${String(column)} ${phrase} -> ${instead[phrase] ?? 'other words'}`);
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
