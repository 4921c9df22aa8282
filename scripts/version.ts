/**
 * Copies the version of the root package.json to the other packages and their dependencies on each other, the chart, and
 * the constant that the code reads. With `--check` it writes nothing, prints the files that differ and exits 1. Part of
 * `npm run generate` and `npm run verify`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { manifestOf, workspaces } from './workspaces.ts';

const root = join(import.meta.dirname, '..');
const { version } = manifestOf('.');

/** Replaces the text after the first group of the only match of `pattern`. @throws Error when there is none */
function withVersion(text: string, pattern: RegExp, file: string): string {
  if (!pattern.test(text))
    throw new Error(`${file}: no version where scripts/version.ts expects one. Adapt the script.`);
  return text.replace(pattern, `$1${version}`);
}

/** The wanted content of each file, by path. */
function wanted(): Map<string, string> {
  const files = new Map<string, string>();
  const edit = (file: string, change: (text: string) => string): void => {
    files.set(file, change(files.get(file) ?? readFileSync(join(root, file), 'utf8')));
  };
  const folders = workspaces();
  const names = folders.map((folder) => manifestOf(folder).name);
  for (const folder of ['.', ...folders]) {
    const file = join(folder, 'package.json');
    edit(file, (text) => withVersion(text, /(^ {2}"version": ")[^"]*/m, file));
    for (const name of names)
      edit(file, (text) => text.replace(new RegExp(`(^ {4}"${name}": ")\\d[^"]*`, 'm'), `$1${version}`));
  }
  const chart = 'charts/distillery/Chart.yaml';
  edit(chart, (text) => withVersion(text, /(^version: ).*/m, chart));
  edit(chart, (text) => withVersion(text, /(^appVersion: ).*/m, chart));
  const constant = 'packages/base/src/version.ts';
  edit(constant, (text) => withVersion(text, /(^export const version = ')[^']*/m, constant));
  return files;
}

const isCheck = process.argv.includes('--check');
let differs = false;
for (const [file, text] of wanted()) {
  if (readFileSync(join(root, file), 'utf8') === text) continue;
  differs = true;
  if (isCheck) process.stderr.write(`${file}: not the version of package.json, ${version}. Run npm run generate.\n`);
  else writeFileSync(join(root, file), text);
}
if (isCheck && differs) process.exitCode = 1;
