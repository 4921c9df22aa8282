/** Names in folders: those of one format, and why a name or a link cannot be used. */
import { readdirSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';

import { byBytes } from '../byte-order.js';
import { DataError, readFailure } from '../../samples/index.js';

/**
 * The visible entries of a folder, in the order of their bytes.
 * @param takes whether a file of this name is read
 * @throws DataError when one that is read is not UTF-8, or a link that leads out of the folder; ReadError
 */
export function namesIn(folder: string, takes: (name: string) => boolean, expected: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (!takes(entry.name)) continue;
      checkName(path, entry.name);
      if (entry.isSymbolicLink()) checkTarget(path, realpathSync(path), realpathSync(folder));
    }
    return entries.map(({ name }) => name).sort(byBytes);
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw readFailure(error, folder, expected);
  }
}

/** @throws DataError for a name whose bytes are not UTF-8: Node has put a replacement character there */
export function checkName(path: string, name: string): void {
  if (!name.includes('\ufffd')) return;
  throw new DataError({
    about: path,
    problem: 'the name is not valid UTF-8',
    remedy: 'rename it, for example with convmv',
  });
}

/**
 * @param target where the link at `path` leads to, and `folder` the folder that must hold it; both without links
 * @throws DataError when it leads out: a data set must not read what its owner did not put there
 */
export function checkTarget(path: string, target: string, folder: string): void {
  if (target === folder || target.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return;
  throw new DataError({
    about: path,
    found: `a link to ${target}, outside of the folder`,
    expected: 'files that lie in the folder',
    remedy: 'copy what it leads to into the folder, or remove the link',
  });
}
