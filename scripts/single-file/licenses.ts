/** The licenses of the packages in a bundle. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { licenseTexts } from '../license-texts.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

/**
 * @param files of the bundle, relative to `root`
 * @returns the name, version and license text of each package
 * @throws Error that names a package without a license
 */
export function licensesOf(files: readonly string[], root: string): string {
  const folders = new Set(files.flatMap((file) => packageFolder(file) ?? []));
  return [...folders]
    .toSorted()
    .map((folder) => licenseOf(join(root, folder)))
    .join(`\n${'-'.repeat(78)}\n\n`);
}

function packageFolder(file: string): string | null {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? null;
}

function licenseOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  if (license === undefined) throw new Error(`${name}: package.json names no license. Leave the package out.`);
  return [`${name} ${version}: ${license}`, ...licenseTexts(folder), ''].join('\n\n');
}
