/**
 * Writes THIRD-PARTY-NOTICES: every npm package that the images and the command run with, its license and the text of it.
 * With `--check` it writes nothing and exits 1 when the file differs. Fails on a license that is not in the list of accepted ones.
 *
 * The list comes from the lock file, so that it is the same on every platform; texts come from the installed packages. Packages
 * for one platform alone are listed without a text: their texts are those of the package that needs them, or are inside.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { writeGenerated } from './generated.ts';
import { licenseTexts } from './license-texts.ts';

const root = join(import.meta.dirname, '..');
const file = 'THIRD-PARTY-NOTICES';

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/**
 * Licenses that may be shipped. The LGPL is that of libvips, which sharp loads as a library of its own that anybody may exchange.
 */
const accepted = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'LGPL-3.0-or-later',
  'MIT',
  'PSF-2.0',
  'Python-2.0',
  'Unlicense',
]);

export interface Shipped {
  /** Path in the lock file. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly isOfOnePlatform: boolean;
}

function lockedPackages(): Readonly<Record<string, Locked>> {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  return lock.packages;
}

/** Every third-party package that the code of these folders may load, by name and version. @param folders '' = the root */
export function shippedPackages(folders: readonly string[] = ['', 'workers']): Shipped[] {
  const locked = lockedPackages();
  const resolve = (name: string, from: string): string | undefined => {
    for (let folder = from; ; folder = folder.replace(/(^|\/)[^/]*$/, '')) {
      const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
      if (locked[path] !== undefined) return locked[path].link === true ? locked[path].resolved : path;
      if (folder === '') return undefined;
    }
  };
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    const { dependencies, optionalDependencies, peerDependencies } = locked[path] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const target = name.startsWith('@types/') ? undefined : resolve(name, path);
      if (target !== undefined) visit(target);
    }
  };
  folders.forEach(visit);
  return [...found]
    .filter((path) => path.includes('node_modules/'))
    .map((path): Shipped => {
      const { version = '', license = 'none', os, cpu } = locked[path] ?? {};
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return { path, name, version, license, isOfOnePlatform: os !== undefined || cpu !== undefined };
    })
    .toSorted((one, other) => (idOf(one) < idOf(other) ? -1 : 1));
}

const idOf = ({ name, version }: Shipped): string => `${name} ${version}`;

/** The licenses of an SPDX expression that are not accepted; of a choice, one accepted license is enough. */
export function refusedLicenses(expression: string): string[] {
  const refused = (part: string): string[] => {
    const choices = part.split(/ OR /).map((choice) => choice.replaceAll(/[()]/g, '').trim());
    return choices.some((choice) => accepted.has(choice)) ? [] : choices;
  };
  return expression.split(/ AND /).flatMap(refused);
}

/** The text that comes with an installed package; empty = none. */
function licenseText({ path, isOfOnePlatform }: Shipped): string {
  const folder = join(root, path);
  if (isOfOnePlatform || !existsSync(folder)) return '';
  return licenseTexts(folder).join('\n\n');
}

function authorOf({ path }: Shipped): string {
  const manifest = join(root, path, 'package.json');
  if (!existsSync(manifest)) return '';
  const { author } = JSON.parse(readFileSync(manifest, 'utf8')) as { author?: string | { name?: string } };
  const name = typeof author === 'string' ? author.replace(/\s*[<(].*$/, '') : (author?.name ?? '');
  return name === '' ? '' : `, by ${name}`;
}

/** @throws Error when a license is not accepted */
export function noticesOf(packages: readonly Shipped[]): string {
  const refused = packages.flatMap((one) => refusedLicenses(one.license).map((license) => `${idOf(one)}: ${license}`));
  if (refused.length > 0) throw new Error(`licenses that are not in the list of ${file}: ${refused.join('; ')}`);
  const byText = new Map<string, Shipped[]>();
  for (const one of packages) {
    const text = licenseText(one);
    byText.set(text, [...(byText.get(text) ?? []), one]);
  }
  const line = (one: Shipped): string => `${idOf(one)} (${one.license})`;
  const without = (byText.get('') ?? []).map((one) => `${line(one)}${one.isOfOnePlatform ? '' : authorOf(one)}`);
  byText.delete('');
  const sections = [...byText].map(([text, those]) => `${those.map(line).join('\n')}\n\n${text}\n`);
  const rule = `${'-'.repeat(80)}\n`;
  return [
    'Distillery is licensed under the Apache License 2.0 (LICENSE). Its images and its command run with the packages below.\n' +
      'Generated from package-lock.json by scripts/notices.ts; run `npm run generate`.\n\n' +
      'The images also contain Node.js (MIT, with the licenses of its parts in its LICENSE) and libraries of Debian, whose\n' +
      'licenses are in /usr/share/doc of the image.\n',
    `Packages that come without a text of their license, or for one platform alone:\n\n${without.join('\n')}\n`,
    ...sections,
  ].join(rule);
}

if (import.meta.main) await writeGenerated([[file, noticesOf(shippedPackages())]], 'npm run generate');
