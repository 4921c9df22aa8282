/** The packages of this repository, as package.json lists them. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly workspaces?: readonly string[];
}

/** @param folder relative to the root; `.` for the root itself */
export function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest;
}

/** @returns the folders of all packages but the root, relative to it, sorted */
export function workspaces(): string[] {
  const { workspaces: patterns = [] } = manifestOf('.');
  return globSync(
    patterns.map((pattern) => `${pattern}/package.json`),
    { cwd: root, exclude: ['**/node_modules/**'] },
  )
    .map((file) => join(file, '..'))
    .toSorted();
}

/** @returns the packages that are published to a registry: all that are not private */
export function publicPackages(): string[] {
  return workspaces().filter((folder) => manifestOf(folder).private !== true);
}
