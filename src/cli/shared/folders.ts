/** Checks the folders that a person names. Reads only. */
import { existsSync, lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { CliError } from './cli-error.js';

/** @returns the absolute path of the folder that an option names @throws CliError badInput for an empty name, which would mean the working folder */
export function folderNamed(option: string, path: string): string {
  if (path.trim() !== '') return resolve(path);
  throw new CliError('badInput', {
    about: option,
    problem: 'the name of the folder is empty',
    remedy: 'name a folder',
  });
}

/**
 * Checks that a folder can be made at a path, or is there.
 * @param who what names the folder, such as `--dir runs/a`
 * @param path absolute
 * @throws CliError badInput when the path, or a folder above it, is a file or a link to nothing
 */
export function checkPath(who: string, path: string): void {
  const wrong = wrongPart(path);
  if (wrong === null) return;
  const { part, is } = wrong;
  throw new CliError('badInput', { about: who, problem: `${part} is ${is}`, remedy: 'name another folder' });
}

/** @returns the nearest entry on the way to `path` that cannot hold a folder; null when there is none */
function wrongPart(path: string): { readonly part: string; readonly is: string } | null {
  const entry = entryAt(path);
  if (entry === null) return dirname(path) === path ? null : wrongPart(dirname(path));
  if (!existsSync(path)) return { part: path, is: `a link to ${readlinkSync(path)}, which does not exist` };
  if (statSync(path).isDirectory()) return null;
  return { part: path, is: entry.isSymbolicLink() ? 'a link to something that is not a folder' : 'not a folder' };
}

/** @returns the entry itself, not what it links to; null when nothing is visible there */
function entryAt(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}
