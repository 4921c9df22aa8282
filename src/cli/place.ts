/** Whether a folder can stand where a person wants one. Reads only. */
import { existsSync, lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { CliError } from './exit.js';

/**
 * @param who what names the folder, such as `--dir runs/a`
 * @param path absolute
 * @throws CliError badInput when the path, or a folder above it, is a file or a link to nothing
 */
export function checkPlace(who: string, path: string): void {
  const wrong = wrongPart(path);
  if (wrong === null) return;
  const { part, is } = wrong;
  throw new CliError('badInput', { about: who, problem: `${part} is ${is}`, remedy: 'name another folder' });
}

/** The nearest thing on the way to `path` that holds no folder; null when there is none. */
function wrongPart(path: string): { readonly part: string; readonly is: string } | null {
  const entry = entryAt(path);
  if (entry === null) return dirname(path) === path ? null : wrongPart(dirname(path));
  if (!existsSync(path)) return { part: path, is: `a link to ${readlinkSync(path)}, which does not exist` };
  if (statSync(path).isDirectory()) return null;
  return { part: path, is: entry.isSymbolicLink() ? 'a link to something that is no folder' : 'not a folder' };
}

/** The entry itself, not what it links to; null when nothing can be seen there. */
function entryAt(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}
